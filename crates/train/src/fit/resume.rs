//! Resuming a run from its latest valid checkpoint.

use super::{Learner, TrainingLoop, agreed};
use crate::checkpoint::{Checkpoint, changes_since_config, newest};
use crate::compute::Compute;
use crate::error::{SettingChange, TrainError};
use crate::fit::agreement::check_alike;
use crate::fit::backend_failure::guarded;
use crate::prepare::RunSetup;
use crate::recorders::Recorder;
use crate::records::{ResumePoint, TrainResult};
use crate::run::{RunDirectory, RunLog};
use crate::stop::Stop;
use receptive_core::text::{Printable, counted};

/// Resumes a stopped or finished run from its latest valid checkpoint. With the same build on the same backend
/// the final weights are bit-identical to those of an uninterrupted run, for any number of threads. Newer
/// damaged checkpoints are reported to the recorders and kept; if there is no checkpoint yet, the run starts
/// from the beginning.
///
/// Settings that can change between epochs (epochs, learning rate, schedule, augmentation, early stopping ...)
/// may differ from the checkpoint's. The changes are reported to the recorders, and the learning rate follows
/// the schedule over the new number of epochs.
///
/// # Errors
/// As [`train`](crate::train), or if no checkpoint can be used, the data have changed, or a setting has changed
/// that cannot change within a run ([`TrainError::Resume`]).
pub fn resume(
    setup: &RunSetup,
    run: &RunDirectory,
    compute: &Compute,
    stop: &Stop,
    recorders: &mut [&mut dyn Recorder],
) -> Result<TrainResult, TrainError> {
    let _lock = run.lock()?;
    run.recover()?;
    check_alike(setup, compute)?;
    let stop = &agreed(stop, compute);
    guarded(compute, run, || {
        continue_run(setup, run, compute, stop, recorders)
    })
}

/// Resumes from the latest valid checkpoint.
fn continue_run(
    setup: &RunSetup,
    run: &RunDirectory,
    compute: &Compute,
    stop: &Stop,
    recorders: &mut [&mut dyn Recorder],
) -> Result<TrainResult, TrainError> {
    let mut learner = Learner::from_setup(setup, compute)?;
    let (mut checkpoint, invalid) = newest(run, setup, &learner.model)?;
    // Before anything is written, so that a rejected resume leaves the run unchanged.
    match &mut checkpoint {
        Some(checkpoint) => check_changes(checkpoint, setup)?,
        None => {
            check_unfinished(run)?;
            check_start(setup, run)?;
        }
    }
    let since_config = changes_since_config(run, setup)?;
    let mut fit = TrainingLoop::new(setup, run, compute, stop, recorders)?;
    let Some(mut checkpoint) = checkpoint else {
        let point = ResumePoint::start(invalid, since_config);
        fit.recorders.each(|recorder| recorder.resumed(&point))?;
        return fit.begin(learner);
    };
    learner = learner.at(&mut checkpoint);
    let Checkpoint {
        path,
        state,
        changes,
        execution,
        ..
    } = checkpoint;
    let ended = state.memory.ended(state.at, &setup.config.train);
    fit.memory = state.memory;
    fit.saved.1 = state.at.step;
    let point = ResumePoint {
        path: Some(path),
        step: state.at.step,
        epochs: fit.memory.epochs.clone(),
        invalid,
        state: state.recorders,
        changes,
        execution,
        next_learning_rate: ended
            .is_none()
            .then(|| fit.rate(state.at.step).learning_rate),
        ended,
    };
    fit.recorders.each(|recorder| recorder.resumed(&point))?;
    fit.run(learner, state.at, state.totals)
}

/// Applies the changed settings to the history. Rejects them if no steps are left to train, because the config
/// would then contain settings that the weights were not trained with.
fn check_changes(checkpoint: &mut Checkpoint, setup: &RunSetup) -> Result<(), TrainError> {
    let config = &setup.config.train;
    let state = &mut checkpoint.state;
    state.memory.adopt(&checkpoint.changes, config);
    let Some(change) = checkpoint.changes.first() else {
        return Ok(());
    };
    if state.memory.ended(state.at, config).is_none() {
        return Ok(());
    }
    let done = counted(state.at.epochs_done, "epoch");
    let of_epochs = checkpoint
        .changes
        .iter()
        .find(|one| one.setting == "train.epochs");
    let (change, remedy) = match of_epochs {
        Some(change) => (change, "set"),
        None => (change, "undo it, or set"),
    };
    Err(TrainError::setting(
        &change.setting,
        format!(
            "the run has already finished its {done}, so a change ({}) cannot take effect: \
             {remedy} a train.epochs above {} to continue it",
            listed(&checkpoint.changes),
            state.at.epochs_done
        ),
    ))
}

fn listed(changes: &[SettingChange]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join(", ")
}

/// Without a checkpoint, a run that starts from a pretrained model needs that model.
fn check_start(setup: &RunSetup, run: &RunDirectory) -> Result<(), TrainError> {
    match &setup.config.start {
        Some(start) if setup.start.is_none() => Err(TrainError::run(
            run.path(),
            format!(
                "the run has no checkpoint yet, and the model that it starts from, {}, no longer \
                 exists: restore it, or start a new run",
                start.from.printable()
            ),
        )),
        _ => Ok(()),
    }
}

/// A finished run must not start from the beginning, which would overwrite its model.
fn check_unfinished(run: &RunDirectory) -> Result<(), TrainError> {
    let end = RunLog::read(run).ok().and_then(|log| log.end);
    if end.is_some_and(|end| end.outcome.signal().is_none()) {
        return Err(TrainError::NoCheckpoint {
            path: run.path().into(),
        });
    }
    Ok(())
}
