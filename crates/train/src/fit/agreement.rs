//! Checks that all ranks agree.

use crate::checkpoint::{changes, settings};
use crate::compute::Compute;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::ranks::Kind;
use burn::module::Module;
use receptive_core::hash::sha256;
use receptive_model::{Classifier, weights_sha256};
use serde::{Deserialize, Serialize};

/// Everything that the weights depend on.
#[derive(Debug, Serialize, Deserialize)]
struct Basis {
    version: String,
    /// The hash of the executable: two builds may sum in different orders.
    program: String,
    /// The vector instructions in use, which determine the order of sums.
    vectors: String,
    /// As stored in a checkpoint.
    settings: String,
    data: String,
    devices: String,
}

/// The vector instructions that kernels choose from on this machine.
fn vectors() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx512f", std::is_x86_feature_detected!("avx512f")),
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("fma", std::is_x86_feature_detected!("fma")),
        ];
        let names = known.iter().filter(|(_, is_there)| *is_there);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        format!("x86_64 {}", names.join(" "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.into()
    }
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
    let own = basis(setup).and_then(|basis| {
        let text = serde_json::to_vec(&basis);
        text.map_err(|error| TrainError::Ranks(error.to_string()))
    });
    let all = ranks.gather(Kind::Alike, own)?;
    let read = |text: &Vec<u8>| {
        serde_json::from_slice::<Basis>(text).map_err(|error| {
            TrainError::Ranks(format!(
                "another rank's settings are not valid JSON: {error}"
            ))
        })
    };
    let all = all.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (first, others) = all
        .split_first()
        .ok_or_else(|| TrainError::Ranks("there is no rank".into()))?;
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
    for (rank, other) in (1..).zip(others) {
        if let Some(difference) = difference(first, other) {
            let name = ranks.name(rank);
            return ranks.close(TrainError::Ranks(format!(
                "{name} differs from {}, so their weights would differ: {difference}",
                ranks.name(0)
            )));
        }
    }
    Ok(())
}

fn basis(setup: &RunSetup) -> Result<Basis, TrainError> {
    let program = std::env::current_exe().and_then(std::fs::read);
    let program = program.map_err(TrainError::io("the executable", "read"))?;
    Ok(Basis {
        version: env!("CARGO_PKG_VERSION").into(),
        program: sha256(&program),
        vectors: vectors(),
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
    if first.version != other.version {
        return Some(format!(
            "its program is version {}, not {}; install the same program on each machine",
            other.version, first.version
        ));
    }
    if first.program != other.program {
        return Some(
            "its program is a different build; copy the same program to each machine".into(),
        );
    }
    if first.vectors != other.vectors {
        return Some(format!(
            "its processor has different vector instructions ({}, not {}), which sum in a \
             different order; use machines of one kind",
            other.vectors, first.vectors
        ));
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
        Some(rank) => ranks.close(TrainError::Ranks(format!(
            "after epoch {epoch} the weights of {} differ from those of {}: a bug, or a machine \
             with faulty memory or processor. The last checkpoint was written before that: resume \
             from it without that machine",
            ranks.name(rank),
            ranks.name(0)
        ))),
    }
}
