//! A dry run: one batch through all parts of a run, in a temporary directory.

use crate::checkpoint::is_finite;
use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::forward::logits;
use crate::fit::{Learner, epoch_loader, next_step};
use crate::metrics::cross_entropy;
use crate::prepare::RunSetup;
use burn::module::Module;
use receptive_data::{Batch, Loader, LoaderOptions};
use receptive_model::{Artifact, Classifier, InferenceDevice, weights_sha256};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Estimates for a whole run, extrapolated from one batch. Times are less accurate if the machine is busy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// Number of parameters and running statistics.
    pub params: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the run.
    pub epochs: usize,
    /// The loss before the first step.
    pub train_loss: f64,
    /// The loss of one validation batch after the timed steps; `None` without a validation split.
    pub val_loss: Option<f64>,
    /// Seconds per step, with its images in memory.
    pub seconds_per_step: f64,
    /// Seconds to prepare one batch: decoding and augmentation.
    pub seconds_per_batch: f64,
    /// Seconds of one pass over the validation split.
    pub seconds_per_validation: f64,
    /// Seconds of the whole run including the final evaluation, without receptive fields
    /// (`track_erf`).
    pub seconds: f64,
    /// Size of the model on disk, in bytes.
    pub model_bytes: u64,
    /// Peak memory of this process, plus decoded images that will be cached later. If the system does not
    /// report the peak, the plan's estimate.
    pub peak_bytes: u64,
}

/// Number of timed steps, after one untimed step in which memory is mapped and kernels are selected.
const TIMED_STEPS: u64 = 5;
/// Timing ends after this time, however few steps were timed.
const TIMED_SECONDS: f64 = 2.0;

/// Reads a batch, trains on it, validates on another, writes the model to a temporary directory and reads it
/// back. Leaves no files behind.
///
/// # Errors
/// Those of [`train`](crate::train); also a loss or weights that are NaN or infinite, or a model that differs
/// when read back.
pub fn dry_run(setup: &RunSetup, compute: &Compute) -> Result<DryRun, TrainError> {
    let config = &setup.config;
    let mut learner = Learner::from_setup(setup, compute)?;
    let (batches, _) = first_step(setup, compute)?;

    let (train, per_epoch) = (&config.train, setup.steps_per_epoch());
    let steps = per_epoch * train.epochs as u64;
    let (mut train_loss, mut times) = (0.0, Vec::new());
    for step in 0..=TIMED_STEPS {
        let began = Instant::now();
        let gradients = learner.gradients_of(&batches, step)?;
        let loss = f64::from(gradients.loss.clone().into_scalar::<f32>());
        let share = train.share(step, steps, per_epoch);
        learner = learner.update(gradients, train.optimizer.learning_rate() * share);
        let _ = compute.device().sync();
        let took = began.elapsed().as_secs_f64();
        if step == 0 {
            train_loss = loss;
            check_finite(loss, &learner.model)?;
        }
        if step > 0 || took > TIMED_SECONDS {
            times.push(took);
        }
        if times.iter().sum::<f64>() > TIMED_SECONDS {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let seconds_per_step = times[times.len() / 2];

    // Again, with files and memory cached as from the second epoch on.
    let (_, seconds_per_batch) = first_step(setup, compute)?;

    let model = learner.model.valid();
    let (val_loss, seconds_per_image) = validate(setup, &model, compute)?;
    let model_bytes = write_and_read(setup, model, compute.device())?;

    let loading = seconds_per_batch * batches.len() as f64;
    let waits = match config.machine.workers {
        0 => loading,
        loaders => (loading / loaders as f64 - seconds_per_step).max(0.0),
    };
    let epochs = train.epochs;
    let images: usize = batches.iter().map(|batch| batch.labels.len()).sum();
    let steps = setup.train.len() as f64 / images as f64;
    let seconds_per_validation = seconds_per_image * setup.val.len() as f64;
    let test = setup.test.as_ref().map_or(0, |test| test.len());
    Ok(DryRun {
        params: setup.plan.total.params,
        steps_per_epoch: per_epoch,
        epochs,
        train_loss,
        val_loss,
        seconds_per_step,
        seconds_per_batch,
        seconds_per_validation,
        // The best model is validated once more at the end.
        seconds: epochs as f64 * (steps * (seconds_per_step + waits) + seconds_per_validation)
            + seconds_per_validation
            + seconds_per_image * test as f64,
        model_bytes,
        peak_bytes: peak(setup),
    })
}

/// The batches of the first epoch's first step, and the seconds that each took.
fn first_step(setup: &RunSetup, compute: &Compute) -> Result<(Vec<Batch>, f64), TrainError> {
    let began = Instant::now();
    let mut loader = epoch_loader(setup, 1, 0, compute);
    let batches = next_step(&mut loader, &setup.config.train)?;
    let took = began.elapsed().as_secs_f64();
    if batches.is_empty() {
        let problem = "it has no training images";
        return Err(TrainError::setting("data.source", problem));
    }
    let each = took / batches.len() as f64;
    Ok((batches, each))
}

fn check_finite(loss: f64, model: &Classifier) -> Result<(), TrainError> {
    if loss.is_finite() && is_finite(model) {
        return Ok(());
    }
    Err(TrainError::setting(
        "train.optimizer.learning_rate",
        format!(
            "after the first step the loss is {loss} and the weights are {}; try a smaller rate, \
             or check the data",
            if is_finite(model) {
                "finite"
            } else {
                "NaN or infinite"
            }
        ),
    ))
}

/// The loss of one batch, and the seconds per image with all threads busy.
fn validate(
    setup: &RunSetup,
    model: &Classifier,
    compute: &Compute,
) -> Result<(Option<f64>, f64), TrainError> {
    let images = setup.val.len().min(setup.config.train.batch_size);
    let options = LoaderOptions {
        batch_size: images.max(1),
        workers: 0,
        mean: setup.input.mean.clone(),
        std: setup.input.std.clone(),
        ..LoaderOptions::default()
    };
    let Some(batch) = Loader::new(Arc::clone(&setup.val), (0..images).collect(), options).next()
    else {
        return Ok((None, 0.0));
    };
    let batch = batch?;
    let networks = compute.on_each(model, |model, device| model.prepare(device));
    let began = Instant::now();
    let threads = compute.threads();
    let answers = compute
        .map(
            threads,
            |device| (networks.get(device).clone(), device.clone()),
            |(network, device), _| logits(network, &batch, device),
        )
        .map_err(|reason| TrainError::Worker { step: 0, reason })?;
    let seconds = began.elapsed().as_secs_f64() / (images * threads) as f64;
    let rows = answers[0].chunks(model.classes()).zip(&batch.labels);
    let loss: f64 = rows.map(|(row, label)| cross_entropy(row, *label)).sum();
    Ok((Some(loss / images as f64), seconds))
}

/// Writes the model, reads it back and compares; returns its size in bytes.
fn write_and_read(
    setup: &RunSetup,
    model: Classifier,
    device: &InferenceDevice,
) -> Result<u64, TrainError> {
    let place = std::env::temp_dir();
    let directory =
        tempfile::tempdir().map_err(TrainError::io(place, "create a temporary directory in"))?;
    let path = directory.path().join("model");
    let written = weights_sha256(&model);
    let artifact = Artifact {
        model,
        classes: setup.data.classes.clone(),
        input: setup.input.clone(),
        temperature: None,
    };
    artifact.save(&path)?;
    let read = weights_sha256(&Artifact::load(&path, device)?.model);
    if read != written {
        return Err(TrainError::run(
            path,
            format!(
                "the model was written with weights {written} and read back as {read}; this is a \
                     bug, please report it"
            ),
        ));
    }
    let entries = std::fs::read_dir(&path).map_err(TrainError::io(&path, "list"))?;
    let sizes = entries.map(|entry| Ok(entry?.metadata()?.len()));
    let sizes: std::io::Result<Vec<u64>> = sizes.collect();
    Ok(sizes.map_err(TrainError::io(&path, "list"))?.iter().sum())
}

/// The peak so far, plus the images that are decoded on first use.
fn peak(setup: &RunSetup) -> u64 {
    let evaluated = [Some(&setup.val), setup.test.as_ref()];
    let mut later: u64 = evaluated
        .into_iter()
        .flatten()
        .map(|samples| samples.cache_bytes())
        .sum();
    // Computing mean and deviation reads the training split, but a pretrained model makes that unnecessary.
    if setup.start.is_some() {
        later += setup.train.cache_bytes();
    }
    let planned = || {
        let batch = setup.config.train.batch_size;
        setup.plan.total.training_bytes(batch) as u64 + setup.train.cache_bytes()
    };
    later + peak_resident_bytes().unwrap_or_else(planned)
}

/// The peak resident memory of this process, in bytes; `None` if the system does not report it (all except
/// Linux).
pub fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_touched_counts() {
        let before = peak_resident_bytes().unwrap();
        let touched = vec![1u8; 64 << 20];
        std::hint::black_box(&touched);
        assert!(peak_resident_bytes().unwrap() >= before.max(64 << 20));
    }
}
