//! The steps of an epoch.

use super::TrainingLoop;
use super::backend_failure::check_log;
use super::learner::{Learner, next_step, training_loader};
use super::sums::{EpochSums, StepResult};
use crate::checkpoint::{Position, Totals, is_finite};
use crate::error::TrainError;
use crate::records::Step;
use std::time::{Duration, Instant};

/// The time to train one epoch, without validation.
pub(super) struct EpochTime {
    pub(super) images: usize,
    pub(super) took: Duration,
    pub(super) waited: Duration,
}

impl TrainingLoop<'_, '_> {
    /// Trains an epoch until its end or until a stop is requested, after its first `done` steps, whose totals
    /// are `before`.
    pub(super) fn train_epoch<'l>(
        &mut self,
        mut learner: Learner<'l>,
        epoch: usize,
        step: &mut u64,
        (done, before): (u64, Totals),
    ) -> Result<(Learner<'l>, Totals, EpochTime), TrainError> {
        let (setup, stop) = (self.setup, self.stop);
        let config = &setup.config.train;
        let images = setup.train.len();
        let per_epoch = setup.steps_per_epoch();
        let steps = setup.steps();
        self.recorders
            .each(|recorder| recorder.epoch_started(epoch, config.epochs, images))?;
        let began = Instant::now();
        let mut loader = training_loader(setup, epoch as u64, done, self.compute);
        let mut sums = EpochSums::from_totals(before, self.compute.loss_interval());
        loop {
            let batches = next_step(&mut loader, config)?;
            if batches.is_empty() {
                break;
            }
            let rate = self.rate(*step);
            let learning_rate = rate.learning_rate;
            let gradients = learner.gradients_of(&batches, *step)?;
            *step += 1;
            // Checked before the update, because a NaN or infinite loss must not reach the weights.
            let loss = sums
                .add(StepResult {
                    loss: gradients.loss.clone(),
                    correct: gradients.correct.clone(),
                    indices: batches
                        .into_iter()
                        .flat_map(|batch| batch.indices)
                        .collect(),
                    step: *step,
                    learning_rate,
                    fate: learner.fate(&gradients),
                })
                .map_err(|step| self.divergence(epoch, &step))?;
            learner = learner.update(gradients, rate);
            check_log(self.compute, || format!("step {step} (or shortly before)"))?;

            let record = Step {
                step: *step,
                steps,
                epoch,
                images: sums.images(),
                loss,
                learning_rate,
            };
            self.recorders.each(|recorder| recorder.step(&record))?;
            if stop.requested().is_some() {
                break;
            }
            if self.is_checkpoint_due(*step) {
                let totals = sums
                    .totals(is_finite(&learner.model))
                    .map_err(|step| self.divergence(epoch, &step))?;
                let at = Position::within(*step, epoch, per_epoch);
                self.save(&learner, at, totals)?;
            }
        }
        let time = EpochTime {
            images: sums.images() - before.images,
            took: began.elapsed(),
            waited: loader.waited(),
        };
        self.memory.images += time.images;
        self.memory.training_seconds += time.took.as_secs_f64();
        self.memory.waited_seconds += time.waited.as_secs_f64();
        let totals = sums
            .totals(is_finite(&learner.model))
            .map_err(|step| self.divergence(epoch, &step))?;
        Ok((learner, totals, time))
    }
}
