//! The training loop, top to bottom.

mod events;
mod learner;
mod session;
mod setup;
mod sums;

pub(crate) use learner::Learner;
pub(crate) use setup::epoch_loader;
pub(crate) use sums::Totals;

use crate::checkpoint::{Position, Restored, State, is_finite, newest};
use crate::{
    Epoch, Evaluation, Observer, Prepared, Resumed, RunDirectory, Step, Stop, TrainError, Workers,
};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use session::Session;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Trains the prepared run in its directory, which no other process may use meanwhile.
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
    let _lock = run.lock()?;
    let workers = Workers::new(prepared.config.machine.compute_threads(on_cpu))?;
    let learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let mut session = Session::begin(prepared, run, device, &workers)?;
    session.starts(&learner.model)?;
    let fresh = (Position::default(), Totals::default());
    drive(learner, session, fresh, on_cpu, stop, observer)
}

/// Goes on with a run that was stopped, from its newest checkpoint that is whole: with the same
/// build on the same backend the weights end as if it had never been stopped, bit for bit, on any
/// number of threads. Newer checkpoints that are damaged are told to the observer and left as they
/// are; where there is none yet, the run begins again.
///
/// # Errors
/// As [`train`]; also when no checkpoint can be used, or settings or data have changed.
pub fn resume(
    prepared: &Prepared,
    run: &RunDirectory,
    device: &Device, // without autodiff
    on_cpu: bool,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let _lock = run.lock()?;
    run.recover()?;
    let workers = Workers::new(prepared.config.machine.compute_threads(on_cpu))?;
    let mut learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let (found, refused) = newest(run, prepared, &learner.model, &learner.optimizer)?;
    let mut session = Session::begin(prepared, run, device, &workers)?;
    let mut from = Resumed {
        path: None,
        step: 0,
        epochs: Vec::new(),
        refused,
    };
    let mut at = (Position::default(), Totals::default());
    match found {
        Some(Restored {
            path,
            model,
            optimizer,
            state,
        }) => {
            learner = learner.restored(model, optimizer);
            at = (state.at, state.totals);
            from.path = Some(path);
            (from.step, from.epochs) = (state.at.step, state.memory.epochs.clone());
            session.restores(state, &from)?;
        }
        None => {
            session.restores(State::empty(), &from)?;
            session.starts(&learner.model)?;
        }
    }
    observer.resumes(&from);
    drive(learner, session, at, on_cpu, stop, observer)
}

/// The loop: from a position in a run to its end, or to a stop.
fn drive(
    mut learner: Learner<'_>,
    mut session: Session<'_>,
    (start, totals): (Position, Totals),
    on_cpu: bool,
    stop: &Stop,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let prepared = session.prepared();
    let config = &prepared.config.train;
    let images = prepared.train.len();
    let per_epoch = images.div_ceil(config.batch_size) as u64;
    let steps = per_epoch * config.epochs as u64;
    let stopping = config.early_stopping.as_ref();
    let is_enough = |session: &Session<'_>| {
        stopping.is_some_and(|stopping| session.waits() >= stopping.patience)
    };
    if is_enough(&session) {
        return session.end(Outcome::StoppedEarly, &learner.model, stop, observer);
    }
    let mut step = start.step;
    // Of an epoch that a pause cut in two.
    let mut before = Some((start.step_in_epoch, totals));

    for epoch in start.epochs_done + 1..=config.epochs {
        observer.epoch_begins(epoch, config.epochs, images);
        let began = Instant::now();
        let (done, totals) = before.take().unwrap_or_default();
        let mut loader = epoch_loader(prepared, epoch as u64, done);
        let mut sums = Sums::from(totals, on_cpu);
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

            let done = Step {
                step,
                steps,
                epoch,
                images: sums.images(),
                loss,
                learning_rate,
            };
            session.stepped(&done)?;
            observer.step(&done);
            if stop.requested().is_some() {
                break;
            }
            if session.is_due(step) {
                let totals = sums
                    .so_far(is_finite(&learner.model))
                    .map_err(|step| session.diverged(epoch, &step))?;
                let at = Position::within(step, epoch, per_epoch);
                session.save(&learner, at, totals, observer)?;
            }
        }
        let seen = sums.images() - totals.images;
        session.trained(seen, began.elapsed(), loader.waited());
        let totals = sums
            .so_far(is_finite(&learner.model))
            .map_err(|step| session.diverged(epoch, &step))?;
        let is_over = stop.requested().is_none()
            && session.epoch_ends(epoch, &totals, &learner.model, stop, observer)?;
        if let Some(signal) = stop.requested().filter(|_| !is_over) {
            // The step is finished, the epoch or its validation is not.
            let at = Position::within(step, epoch, per_epoch);
            session.save(&learner, at, totals, observer)?;
            return session.end(
                Outcome::Interrupted { signal },
                &learner.model,
                stop,
                observer,
            );
        }
        if is_enough(&session) || session.is_due_after(epoch, step) {
            let at = Position::after(step, epoch);
            session.save(&learner, at, Totals::default(), observer)?;
        }
        if is_enough(&session) {
            return session.end(Outcome::StoppedEarly, &learner.model, stop, observer);
        }
    }
    session.end(Outcome::Finished, &learner.model, stop, observer)
}
