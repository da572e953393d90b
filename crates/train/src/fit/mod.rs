//! The training loop.

mod across;
pub(crate) mod agreement;
pub(crate) mod backend_failure;
mod begin;
mod clip;
mod end;
mod epoch;
mod flat;
mod last_epochs;
mod learner;
mod loss;
mod partial;
#[cfg(all(test, feature = "flex"))]
pub(crate) mod ranks_tests;
pub(crate) mod replica;
mod resume;
mod step;
mod sums;

pub(crate) use begin::{fits_head, frozen_images};
use epoch::EpochTime;
pub(crate) use learner::next_step;
pub use learner::{Learner, StepRate, epoch_loader};
pub use resume::resume;
pub use step::Gradients;

use crate::averaged::WeightAverage;
use crate::checkpoint::{
    self, Position, State, Totals, TrainingHistory, execution, settings, settings_sha256,
};
use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::{Answers, Evaluation, evaluate};
use crate::fit::agreement::{check_alike, check_weights};
use crate::fit::backend_failure::{check_log, guarded};
use crate::prepare::RunSetup;
use crate::recorders::{EpochEnd, Recorder, Recorders};
use crate::records::{Epoch, Outcome, RecorderState, TrainResult, Weights};
use crate::run::RunDirectory;
use crate::stop::Stop;
use burn::module::Module;
use receptive_data::Samples;
use receptive_model::Classifier;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// Trains the run in its directory, which no other process may use meanwhile. `recorders` receive events after
/// the run's own recorders (files, charts, TensorBoard).
///
/// # Errors
/// An image cannot be read, the run diverges (the last valid model is kept), or an I/O error.
pub fn train(
    setup: &RunSetup,
    run: &RunDirectory,
    compute: &Compute,
    stop: &Stop,
    recorders: &mut [&mut dyn Recorder],
) -> Result<TrainResult, TrainError> {
    let _lock = run.lock()?;
    check_alike(setup, compute)?;
    let stop = &agreed(stop, compute);
    guarded(compute, run, || {
        let learner = Learner::from_setup(setup, compute)?;
        TrainingLoop::new(setup, run, compute, stop, recorders)?.begin(learner)
    })
}

/// The stop requests to act on; with several processes, those that all of them have agreed on.
fn agreed(stop: &Stop, compute: &Compute) -> Stop {
    match compute.ranks() {
        Some(ranks) => ranks.agree_on(stop),
        None => stop.clone(),
    }
}

/// A run in progress: its setup, its history and its recorders.
struct TrainingLoop<'a, 'b> {
    setup: &'a RunSetup,
    run: &'a RunDirectory,
    compute: &'a Compute,
    stop: &'a Stop,
    recorders: Recorders<'a, 'b>,
    /// The fingerprint of the data when the process started; the settings below likewise.
    fingerprint: String,
    settings: String,
    settings_sha256: String,
    execution: BTreeMap<String, String>,
    /// The history of the epochs so far, stored in every checkpoint.
    memory: TrainingHistory,
    began: Instant,
    /// When the last checkpoint was written, and its step.
    saved: (Instant, u64),
}

impl<'a, 'b> TrainingLoop<'a, 'b> {
    fn new(
        setup: &'a RunSetup,
        run: &'a RunDirectory,
        compute: &'a Compute,
        stop: &'a Stop,
        recorders: &'a mut [&'b mut dyn Recorder],
    ) -> Result<Self, TrainError> {
        run.write("config.toml", setup.config.to_commented_toml()?.as_bytes())?;
        run.write_classes(&setup.data.classes)?;
        run.keep_split_record(|| {
            let own = setup.data.record();
            match (&setup.start_record, &setup.config.start) {
                (Some(start), _) => own.with_start(start),
                (None, Some(_)) => own.with_unknown_start(),
                (None, None) => own,
            }
        })?;
        if !setup.data.damaged.is_empty() {
            run.write_skipped(&setup.data.damaged)?;
        }
        let settings = settings(&setup.config)?;
        Ok(Self {
            setup,
            run,
            compute,
            stop,
            recorders: Recorders::new(setup, run, compute, recorders)?,
            fingerprint: setup.data.fingerprint(),
            settings_sha256: settings_sha256(&settings),
            settings,
            execution: execution(&setup.config)?,
            memory: TrainingHistory::default(),
            began: Instant::now(),
            saved: (Instant::now(), 0),
        })
    }

    /// The training loop, from a position in the run until it ends or is stopped.
    fn run(
        mut self,
        mut learner: Learner<'_>,
        start: Position,
        totals: Totals,
    ) -> Result<TrainResult, TrainError> {
        let (setup, stop) = (self.setup, self.stop);
        let config = &setup.config.train;
        let per_epoch = setup.steps_per_epoch();
        if self.has_waited_enough() {
            return self.end(Outcome::StoppedEarly, &learner.model);
        }
        let mut step = start.step;
        // The steps and totals of an epoch that was interrupted.
        let mut before = Some((start.step_in_epoch, totals));

        for epoch in start.epochs_done + 1..=config.epochs {
            let before = before.take().unwrap_or_default();
            let (trained, totals, time) = self.train_epoch(learner, epoch, &mut step, before)?;
            learner = trained;
            check_weights(&learner.model, epoch, self.compute)?;
            let is_over = stop.requested().is_none()
                && self.end_epoch(epoch, &totals, &time, &mut learner)?;
            if let Some(signal) = stop.requested().filter(|_| !is_over) {
                // The step is complete, but not the epoch or its validation.
                self.save(&learner, Position::within(step, epoch, per_epoch), totals)?;
                return self.end(Outcome::Interrupted { signal }, &learner.model);
            }
            let is_last = epoch == config.epochs || self.has_waited_enough();
            let every = setup.config.checkpoint.every;
            if is_last || every.ends_with(epoch) || self.is_checkpoint_due(step) {
                self.save(&learner, Position::after(step, epoch), Totals::default())?;
            }
            // After the last epoch it has finished anyway.
            if self.has_waited_enough() && epoch < config.epochs {
                return self.end(Outcome::StoppedEarly, &learner.model);
            }
        }
        self.end(Outcome::Finished, &learner.model)
    }

    /// Validates the weights or their average, keeps them if they are the best so far, and records the epoch.
    /// False if a stop was requested before the end of the validation; then nothing is written.
    fn end_epoch(
        &mut self,
        epoch: usize,
        totals: &Totals,
        time: &EpochTime,
        learner: &mut Learner<'_>,
    ) -> Result<bool, TrainError> {
        let config = &self.setup.config.train;
        let averaged = learner.averaged_after(self.setup, epoch, self.stop, self.compute)?;
        if self.stop.requested().is_some() {
            return Ok(false);
        }
        let weights = averaged
            .as_ref()
            .map_or(Weights::Trained, WeightAverage::weights);
        let trained = averaged
            .as_ref()
            .map(|averaged| averaged.model.clone().train());
        let model = trained.as_ref().unwrap_or(&learner.model);
        let began = Instant::now();
        let val = if self.setup.val.is_empty() {
            None
        } else {
            let seen = &mut |_: &Answers<'_>| {};
            let Some(val) = self.evaluate(&model.valid(), &self.setup.val, seen)? else {
                return Ok(false);
            };
            Some(val)
        };
        let validated = began.elapsed().as_secs_f64();
        let best = self.memory.compare(config, epoch, val.as_ref());
        self.memory.step_plateau(config, val.as_ref());
        self.run.check_there()?;
        if self.compute.is_first() {
            self.keep(model, &self.run.last())?;
        }
        if best {
            self.keep(model, &self.run.model())?;
        }
        let images = totals.counted_images().max(1) as f64;
        let took = time.took.as_secs_f64();
        let mut end = EpochEnd {
            record: Epoch {
                epoch,
                train_loss: totals.loss / images,
                train_top1: totals.correct / images,
                val_loss: val.as_ref().map(|val| val.loss),
                val_top1: val.as_ref().map(|val| val.top1),
                val_top5: val.as_ref().and_then(|val| val.top5),
                val_mean_recall: val.as_ref().and_then(|val| val.mean_recall),
                learning_rate: totals.learning_rate,
                images_per_second: ratio(time.images as f64, took),
                data_wait: ratio(time.waited.as_secs_f64(), took),
                seconds: self.seconds(),
                best,
                weights,
                erf: None,
            },
            epochs: config.epochs,
            shows_recall: self.setup.shows_recall(),
            chooses_epoch: self.setup.chooses_epoch(),
            model,
            val_images_per_second: val.map(|val| ratio(val.images as f64, validated)),
        };
        self.recorders.each(|recorder| recorder.epoch(&mut end))?;
        self.memory.epochs.push(end.record);
        if let Some(note) = learner.skipped(epoch, totals) {
            self.recorders.each(|recorder| recorder.noted(&note))?;
        }
        learner.averaged = averaged;
        Ok(true)
    }

    /// `None` if a stop was requested before the end; `seen` receives the answers.
    fn evaluate(
        &mut self,
        model: &Classifier,
        samples: &Arc<Samples>,
        seen: &mut dyn FnMut(&Answers<'_>),
    ) -> Result<Option<Evaluation>, TrainError> {
        if self.stop.requested().is_some() {
            return Ok(None);
        }
        let (setup, compute) = (self.setup, self.compute);
        let evaluation = self.watching(|watch| {
            evaluate(model, &setup.input, samples, compute, &mut |answers| {
                seen(answers);
                watch(answers)
            })
        })?;
        check_log(compute, || format!("the {} split", samples.split().name()))?;
        Ok((evaluation.images == samples.len()).then_some(evaluation))
    }

    /// Runs a pass over images that reports its progress to the recorders and ends early if a stop is
    /// requested.
    fn watching<R>(
        &mut self,
        pass: impl FnOnce(&mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>) -> Result<R, TrainError>,
    ) -> Result<R, TrainError> {
        let (recorders, stop) = (&mut self.recorders, self.stop);
        let mut recorded = Ok(());
        let result = pass(&mut |answers| {
            recorded = recorders
                .each(|recorder| recorder.evaluating(answers.split, answers.done, answers.total));
            if recorded.is_err() || stop.requested().is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        recorded?;
        Ok(result)
    }

    /// Writes a checkpoint.
    fn save(
        &mut self,
        learner: &Learner<'_>,
        at: Position,
        totals: Totals,
    ) -> Result<(), TrainError> {
        if !self.compute.is_first() {
            self.saved = (Instant::now(), at.step);
            return Ok(());
        }
        self.run.check_there()?;
        check_log(self.compute, || format!("step {} or before", at.step))?;
        let mut kept = RecorderState::default();
        self.recorders.each(|recorder| recorder.saving(&mut kept))?;
        let state = State {
            at,
            totals,
            memory: TrainingHistory {
                seconds: self.seconds(),
                ..self.memory.clone()
            },
            recorders: kept,
            classes: self.setup.data.classes.clone(),
            data_fingerprint: self.fingerprint.clone(),
            settings: Some(self.settings.clone()),
            settings_sha256: self.settings_sha256.clone(),
            execution: self.execution.clone(),
            input: Some(self.setup.input.clone()),
            averaged: learner.averaged.as_ref().map(|averaged| averaged.over),
            loss_scale: learner.loss_scale,
            optimizer_tensors: 0, // set when they are written
        };
        let keep = self.setup.config.checkpoint.keep;
        let (recorders, mut recorded) = (&mut self.recorders, Ok(()));
        checkpoint::save(self.run, &learner.contents(), state, keep, &mut |moment| {
            if recorded.is_ok() {
                recorded = recorders.each(|recorder| recorder.checkpoint(moment));
            }
        })?;
        recorded?;
        self.saved = (Instant::now(), at.step);
        Ok(())
    }

    /// Whether a checkpoint is due after this step, given when the last one was written.
    fn is_checkpoint_due(&self, step: u64) -> bool {
        let every = self.setup.config.checkpoint.every;
        every.is_due(step - self.saved.1, self.saved.0.elapsed())
    }

    /// Whether the patience of early stopping is exhausted.
    fn has_waited_enough(&self) -> bool {
        self.memory.has_waited_enough(&self.setup.config.train)
    }

    /// The rates of a step, counted from 0.
    fn rate(&self, step: u64) -> StepRate {
        let config = &self.setup.config.train;
        let (steps, per_epoch) = (self.setup.steps(), self.setup.steps_per_epoch());
        let share = config.share(step, steps, per_epoch) * self.memory.plateau_share(config);
        StepRate {
            learning_rate: config.optimizer.learning_rate() * share,
            momentum: config.schedule.momentum(step, steps),
        }
    }

    /// Seconds since the first step of the run, without the pauses between processes.
    fn seconds(&self) -> f64 {
        self.memory.seconds + self.began.elapsed().as_secs_f64()
    }
}

/// 0 if the whole is 0.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
