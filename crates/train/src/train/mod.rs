//! The training loop, top to bottom.

mod events;
mod learner;
mod session;
mod setup;
mod sums;

use crate::checkpoint::is_finite;
use crate::{Epoch, Evaluation, Observer, Prepared, RunDirectory, Step, Stop, TrainError, Workers};
use burn::tensor::Device;
use learner::Learner;
use serde::Serialize;
use session::{Position, Session};
use setup::epoch_loader;
use std::time::Instant;
use sums::{StepResult, Sums};

/// What a finished run leaves.
#[derive(Debug)]
pub struct Trained {
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, epoch by epoch.
    pub epochs: Vec<Epoch>,
    /// The best epoch, from 1; 0 when not one was finished.
    pub best_epoch: usize,
    /// The best epoch's model on the test split, where there is one.
    pub test: Option<Evaluation>,
    /// The best epoch's model on the validation split, where there is one.
    pub val: Option<Evaluation>,
    /// Seconds from the first step to the end of the last epoch, validation included.
    pub train_seconds: f64,
    /// Training images per second, validation not counted.
    pub images_per_second: f64,
    /// The share of the training time spent waiting for data.
    pub data_wait: f64,
    /// The hash of the best epoch's weights: equal for equal runs.
    pub weights_sha256: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// Nothing got better for as long as early stopping waits.
    StoppedEarly,
    /// Someone asked it to stop; the state is saved.
    Interrupted {
        /// The signal's number.
        signal: usize,
    },
}

impl Outcome {
    /// The number of the signal that ended it.
    pub fn signal(self) -> Option<usize> {
        match self {
            Self::Interrupted { signal } => Some(signal),
            Self::Finished | Self::StoppedEarly => None,
        }
    }
}

/// Trains the prepared run in its directory.
///
/// # Errors
/// When an image can't be read, the loss is no number (the last good model stays), or the file
/// system refuses.
pub fn train(
    prepared: &Prepared,
    run: &RunDirectory,
    device: &Device, // without autodiff
    on_cpu: bool,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let config = &prepared.config.train;
    let workers = Workers::new(prepared.config.machine.compute_threads(on_cpu))?;
    let mut learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let images = prepared.train.len();
    let per_epoch = images.div_ceil(config.batch_size) as u64;
    let steps = per_epoch * config.epochs as u64;
    let mut session = Session::begin(prepared, run, device, &workers, &learner.model)?;
    let mut step = 0;

    for epoch in 1..=config.epochs {
        observer.epoch_begins(epoch, config.epochs, images);
        let began = Instant::now();
        let mut loader = epoch_loader(prepared, epoch as u64);
        let mut sums = Sums::new(on_cpu);
        for batch in loader.by_ref() {
            let batch = batch?;
            let share = config.schedule.share(step, steps, per_epoch);
            let learning_rate = config.optimizer.learning_rate() * share;

            let gradients = learner.gradients(&batch, step)?;
            step += 1;
            // Before the optimizer moves: a loss that is no number must not reach the weights.
            let loss = sums
                .add(StepResult {
                    loss: gradients.loss.clone(),
                    correct: gradients.correct.clone(),
                    indices: batch.indices,
                    step,
                    learning_rate,
                })
                .map_err(|step| session.diverged(epoch, &step))?;
            learner = learner.update(gradients, learning_rate);

            observer.step(&Step {
                step,
                steps,
                epoch,
                images: sums.images(),
                loss,
                learning_rate,
            });
            if stop.requested().is_some() {
                break;
            }
        }
        session.trained(sums.images(), began.elapsed(), loader.waited());
        if let Some(signal) = stop.requested() {
            session.save(&learner, Position::within(step, epoch, per_epoch))?;
            return session.end(Outcome::Interrupted { signal }, &learner.model, observer);
        }
        let totals = sums
            .finish(is_finite(&learner.model))
            .map_err(|step| session.diverged(epoch, &step))?;
        session.epoch_ends(epoch, &totals, &learner.model, observer)?;
        session.save(&learner, Position::after(step, epoch))?;
        let stopping = config.early_stopping.as_ref();
        if stopping.is_some_and(|stopping| session.waits() >= stopping.patience) {
            return session.end(Outcome::StoppedEarly, &learner.model, observer);
        }
    }
    session.end(Outcome::Finished, &learner.model, observer)
}
