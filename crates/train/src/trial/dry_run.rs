//! One batch through everything that a run does, in a place that is gone afterwards.

use super::peak_resident_bytes;
use crate::checkpoint::is_finite;
use crate::evaluate::logits;
use crate::metrics::cross_entropy;
use crate::train::{Learner, epoch_loader};
use crate::{Prepared, TrainError, Workers};
use burn::module::Module;
use burn::tensor::Device;
use receptive_data::{Batch, Loader, LoaderOptions};
use receptive_model::{Artifact, Classifier, weights_sha256};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What one batch says of a whole run. Seconds are measured on the first batch and then counted up:
/// an estimate, which a machine that does something else meanwhile makes wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// Numbers that learn or are kept.
    pub params: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the run.
    pub epochs: usize,
    /// The loss before the first step.
    pub train_loss: f64,
    /// The loss of one validation batch after the steps that were timed; none without such a split.
    pub val_loss: Option<f64>,
    /// A step, its images in memory.
    pub seconds_per_step: f64,
    /// Making one batch: decoding, augmentation.
    pub seconds_per_batch: f64,
    /// One pass over the validation split.
    pub seconds_per_validation: f64,
    /// The whole run, the last evaluation included; receptive fields (`track_erf`) not.
    pub seconds: f64,
    /// The model on the disk.
    pub model_bytes: u64,
    /// What this process held at most, with what decoded images will take beside; where the system
    /// does not say, what the plan expects.
    pub peak_bytes: u64,
}

/// Steps that are timed, after one that is not: memory is mapped, kernels are chosen.
const TIMED_STEPS: u64 = 5;
/// They end here, however many there were.
const TIMED_SECONDS: f64 = 2.0;

/// Reads a batch, trains on it, validates on another, writes the model to a temporary directory and
/// reads it back. Nothing is left behind.
///
/// # Errors
/// Those that [`train`](crate::train) would meet; a loss or weights that are no numbers; a model
/// that comes back changed.
pub fn dry_run(
    prepared: &Prepared,
    device: &Device, // without autodiff
    on_cpu: bool,
) -> Result<DryRun, TrainError> {
    let config = &prepared.config;
    let workers = Workers::new(config.machine.compute_threads(on_cpu))?;
    let mut learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let (batch, _) = first_batch(prepared)?;

    let (train, per_epoch) = (&config.train, steps_per_epoch(prepared));
    let steps = per_epoch * train.epochs as u64;
    let (mut train_loss, mut times) = (0.0, Vec::new());
    for step in 0..=TIMED_STEPS {
        let began = Instant::now();
        let gradients = learner.gradients(&batch, step)?;
        let loss = f64::from(gradients.loss.clone().into_scalar::<f32>());
        let share = train.schedule.share(step, steps, per_epoch);
        learner = learner.update(gradients, train.optimizer.learning_rate() * share);
        let _ = device.sync();
        let took = began.elapsed().as_secs_f64();
        if step == 0 {
            train_loss = loss;
            check_numbers(loss, &learner.model)?;
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

    // Once more, with everything where it will be from the second epoch on.
    let (_, seconds_per_batch) = first_batch(prepared)?;

    let model = learner.model.valid();
    let (val_loss, seconds_per_image) = validate(prepared, &model, device, &workers)?;
    let model_bytes = there_and_back(prepared, model, device)?;

    let waits = match config.machine.workers {
        0 => seconds_per_batch,
        loaders => (seconds_per_batch / loaders as f64 - seconds_per_step).max(0.0),
    };
    let epochs = train.epochs;
    let steps = prepared.train.len() as f64 / batch.labels.len() as f64;
    let seconds_per_validation = seconds_per_image * prepared.val.len() as f64;
    let test = prepared.test.as_ref().map_or(0, |test| test.len());
    Ok(DryRun {
        params: prepared.plan.total.params,
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
        peak_bytes: peak(prepared),
    })
}

/// The first epoch's first batch, and the seconds it took.
fn first_batch(prepared: &Prepared) -> Result<(Batch, f64), TrainError> {
    let began = Instant::now();
    let mut loader = epoch_loader(prepared, 1, 0);
    let batch = loader.next();
    let took = began.elapsed().as_secs_f64();
    let batch =
        batch.ok_or_else(|| TrainError::setting("data.source", "it has no training images"))??;
    Ok((batch, took))
}

fn steps_per_epoch(prepared: &Prepared) -> u64 {
    let batch = prepared.config.train.batch_size;
    prepared.train.len().div_ceil(batch) as u64
}

fn check_numbers(loss: f64, model: &Classifier) -> Result<(), TrainError> {
    if loss.is_finite() && is_finite(model) {
        return Ok(());
    }
    Err(TrainError::setting(
        "train.optimizer.learning_rate",
        format!(
            "after the first step the loss is {loss} and the weights are {}; try a smaller rate, or \
             look at the data with `receptive data`",
            if is_finite(model) {
                "numbers"
            } else {
                "no numbers"
            }
        ),
    ))
}

/// The loss of one batch, and the seconds an image takes with all threads at work.
fn validate(
    prepared: &Prepared,
    model: &Classifier,
    device: &Device,
    workers: &Workers,
) -> Result<(Option<f64>, f64), TrainError> {
    let images = prepared.val.len().min(prepared.config.train.batch_size);
    let options = LoaderOptions {
        batch_size: images.max(1),
        workers: 0,
        mean: prepared.input.mean.clone(),
        std: prepared.input.std.clone(),
        ..LoaderOptions::default()
    };
    let Some(batch) = Loader::new(Arc::clone(&prepared.val), (0..images).collect(), options).next()
    else {
        return Ok((None, 0.0));
    };
    let batch = batch?;
    let began = Instant::now();
    let answers = workers
        .map(
            workers.len(),
            || model.clone(),
            |model, _| logits(model, &batch, device),
        )
        .map_err(|reason| TrainError::Worker { step: 0, reason })?;
    let seconds = began.elapsed().as_secs_f64() / (images * workers.len()) as f64;
    let rows = answers[0].chunks(model.classes()).zip(&batch.labels);
    let loss: f64 = rows.map(|(row, label)| cross_entropy(row, *label)).sum();
    Ok((Some(loss / images as f64), seconds))
}

/// Writes the model, reads it back and compares; returns its size.
fn there_and_back(
    prepared: &Prepared,
    model: Classifier,
    device: &Device,
) -> Result<u64, TrainError> {
    let place = std::env::temp_dir();
    let directory =
        tempfile::tempdir().map_err(TrainError::io(place, "creating a temporary directory"))?;
    let path = directory.path().join("model");
    let written = weights_sha256(&model);
    let artifact = Artifact {
        model,
        classes: prepared.data.classes.clone(),
        input: prepared.input.clone(),
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
    let entries = std::fs::read_dir(&path).map_err(TrainError::io(&path, "listing"))?;
    let sizes = entries.map(|entry| Ok(entry?.metadata()?.len()));
    let sizes: std::io::Result<Vec<u64>> = sizes.collect();
    Ok(sizes
        .map_err(TrainError::io(&path, "listing"))?
        .iter()
        .sum())
}

/// What was held so far, and the images that are decoded when they are first asked for.
fn peak(prepared: &Prepared) -> u64 {
    let evaluated = [Some(&prepared.val), prepared.test.as_ref()];
    let mut later: u64 = evaluated
        .into_iter()
        .flatten()
        .map(|samples| samples.cache_bytes())
        .sum();
    // Measuring mean and deviation reads the training split, which a model to start from saves.
    if prepared.start.is_some() {
        later += prepared.train.cache_bytes();
    }
    let planned = || {
        let batch = prepared.config.train.batch_size;
        prepared.plan.total.training_bytes(batch) as u64 + prepared.train.cache_bytes()
    };
    later + peak_resident_bytes().unwrap_or_else(planned)
}
