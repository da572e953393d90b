//! Resuming a run from its latest valid checkpoint.

use super::{Fit, Learner, Stop};
use crate::checkpoint::{Checkpoint, Position, Totals, newest};
use crate::compute::Compute;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::recorders::Recorder;
use crate::records::{RecorderState, ResumePoint, TrainResult};
use crate::run::{RunDirectory, RunLog};
use receptive_core::text::Printable;

/// Resumes a run that was stopped or has finished, from its latest valid checkpoint: with the same
/// build on the same backend the weights end as if it had never been stopped, bit for bit, on any
/// number of threads. Newer checkpoints that are damaged are told to the recorders and left as they
/// are; where none was written yet, the run starts again.
///
/// Settings that can change from one epoch to the next (epochs, learning rate, schedule,
/// augmentation, early stopping ...) may differ from the checkpoint's: the recorders are told, and
/// the learning rate follows the schedule over the new number of epochs.
///
/// # Errors
/// As [`train`](crate::train); also when no checkpoint can be used, the data have changed, or a setting that cannot
/// change within a run ([`TrainError::Resume`]).
pub fn resume(
    setup: &RunSetup,
    run: &RunDirectory,
    compute: &Compute,
    stop: &Stop,
    recorders: &mut [&mut dyn Recorder],
) -> Result<TrainResult, TrainError> {
    let _lock = run.lock()?;
    run.recover()?;
    let mut learner = Learner::from_setup(setup, compute)?;
    let (checkpoint, invalid) = newest(run, setup, &learner.model, &learner.optimizer)?;
    let mut fit = Fit::new(setup, run, compute, stop, recorders)?;
    let Some(checkpoint) = checkpoint else {
        check_unfinished(run)?;
        let point = ResumePoint::start(invalid);
        fit.recorders.each(|recorder| recorder.resumed(&point))?;
        fit.start(&learner.model)?;
        return fit.run(learner, Position::default(), Totals::default());
    };
    let Checkpoint {
        path,
        model,
        optimizer,
        state,
        changes,
    } = checkpoint;
    learner = learner.with_tensors(model, optimizer);
    fit.memory = state.memory;
    fit.memory.adopt(&changes, &setup.config.train);
    fit.saved.1 = state.at.step;
    let ended = fit.ended(state.at);
    let point = ResumePoint {
        path: Some(path),
        step: state.at.step,
        epochs: fit.memory.epochs.clone(),
        invalid,
        state: RecorderState {
            fields: state.fields,
        },
        changes,
        next_learning_rate: ended.is_none().then(|| fit.learning_rate(state.at.step)),
        ended,
    };
    fit.recorders.each(|recorder| recorder.resumed(&point))?;
    fit.run(learner, state.at, state.totals)
}

/// A run that has finished is never started again over its own model.
fn check_unfinished(run: &RunDirectory) -> Result<(), TrainError> {
    let end = RunLog::read(run).ok().and_then(|log| log.end);
    if end.is_some_and(|end| end.outcome.signal().is_none()) {
        return Err(TrainError::run(
            run.checkpoints(),
            format!(
                "the run has finished and its checkpoints are gone, so it cannot be resumed; start \
                 a new run from its model with `receptive train DATA --from {}`",
                run.path().shell_word()
            ),
        ));
    }
    Ok(())
}
