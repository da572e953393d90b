//! Checks that all ranks agree.

use crate::checkpoint::{changes, settings};
use crate::compute::Compute;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::ranks::Kind;
use crate::ranks::alike::Build;
use burn::module::Module;
use receptive_model::{Classifier, weights_sha256};
use serde::{Deserialize, Serialize};

/// Everything that the weights depend on.
#[derive(Debug, Serialize, Deserialize)]
struct Basis {
    build: Build,
    /// As stored in a checkpoint.
    settings: String,
    data: String,
    devices: String,
}

/// Rejects ranks that would train differently from the first, because their weights would differ. Does nothing
/// without ranks.
///
/// # Errors
/// [`TrainError::Ranks`], on all ranks, naming the difference.
pub fn check_alike(setup: &RunSetup, compute: &Compute) -> Result<(), TrainError> {
    let Some(ranks) = compute.ranks() else {
        return Ok(());
    };
    let all = ranks.compared(basis(setup))?;
    let shards = setup.config.train.step_images();
    let shard = setup.config.train.shard_size(compute.hardware());
    let shards = shards.min(setup.train.len()).div_ceil(shard);
    if shards < ranks.size() {
        return ranks.close(TrainError::setting(
            "train.micro_batch",
            format!(
                "a step has {shards} shards of {shard} images, fewer than the {} ranks, so some \
                 would be idle: start fewer ranks, or set a smaller train.micro_batch or a larger \
                 train.batch_size",
                ranks.size()
            ),
        ));
    }
    ranks.check_equal(&all, "weights", difference)
}

fn basis(setup: &RunSetup) -> Result<Basis, TrainError> {
    Ok(Basis {
        build: Build::own()?,
        settings: settings(&setup.config)?,
        data: setup.data.fingerprint(),
        devices: if setup.config.machine.devices()?.are_cpus() {
            "CPUs".into()
        } else {
            "GPUs".into()
        },
    })
}

/// The first difference, as a sentence.
fn difference(first: &Basis, other: &Basis) -> Option<String> {
    if let Some(difference) = first.build.difference(&other.build) {
        return Some(difference);
    }
    if first.devices != other.devices {
        return Some(format!(
            "it computes on {}, not on {}",
            other.devices, first.devices
        ));
    }
    if first.settings != other.settings {
        let changes = changes(&first.settings, &other.settings).unwrap_or_default();
        let named: Vec<String> = changes.iter().map(ToString::to_string).collect();
        return Some(format!(
            "its settings differ ({}); start all ranks with the same arguments and config",
            named.join(", ")
        ));
    }
    (first.data != other.data).then(|| {
        "its data differs (images, labels or splits); give each machine the same files".into()
    })
}

/// Compares the weights of all ranks after an epoch. Does nothing without ranks.
///
/// # Errors
/// They differ, because of a bug or faulty memory.
pub(crate) fn check_weights(
    model: &Classifier,
    epoch: usize,
    compute: &Compute,
) -> Result<(), TrainError> {
    let Some(ranks) = compute.ranks() else {
        return Ok(());
    };
    let hash = weights_sha256(&model.valid());
    let all = ranks.gather(Kind::Epoch, Ok(hash.into_bytes()))?;
    match all.iter().position(|other| *other != all[0]) {
        None => Ok(()),
        Some(rank) => {
            let cause = match compute.is_cpu() {
                true => "a bug, or a machine with faulty memory or processor",
                false => {
                    "GPUs that round differently (other models or drivers, or the feature \
                     `autotune`), a bug, or faulty memory"
                }
            };
            ranks.close(TrainError::Ranks(format!(
                "after epoch {epoch} the weights of {} differ from those of {}: {cause}. The last \
                 checkpoint was written before that: resume from it without that machine",
                ranks.name(rank),
                ranks.name(0)
            )))
        }
    }
}
