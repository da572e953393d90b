//! The end of a run: finished, stopped or diverged.

use super::sums::StepLoss;
use super::{TrainingLoop, ratio};
use crate::baseline::Gain;
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::metrics::{Answer, CalibrationProblem, ValLogits, in_top};
use crate::recorders::RunFinish;
use crate::records::{Divergence, Outcome, TrainResult};
use crate::run::LOG;
use burn::module::Module;
use receptive_core::text::Printable;
use receptive_data::Samples;
use receptive_model::{Artifact, Classifier, weights_sha256};
use std::path::Path;
use std::sync::Arc;

/// Maximum number of files of a batch in a message; `log.jsonl` lists all.
const NAMED_FILES: usize = 8;

impl TrainingLoop<'_, '_> {
    /// Evaluates the best model, unless the run was interrupted, and records the end.
    pub(super) fn end(
        mut self,
        mut outcome: Outcome,
        model: &Classifier,
    ) -> Result<TrainResult, TrainError> {
        let train_seconds = self.seconds();
        // Weights that were never validated do not become a model; they are in the checkpoint.
        let is_unfit = self.memory.epochs.is_empty() && outcome.signal().is_some();
        if self.memory.epochs.is_empty() && !is_unfit {
            self.keep(model, &self.run.model())?;
        }
        if !self.run.has_model() && !is_unfit {
            if let Some(best) = self.memory.best_epoch() {
                return Err(TrainError::run(
                    self.run.path(),
                    format!(
                        "no epoch was better than epoch {best}, whose model was moved or deleted; \
                         the latest epoch's model is in `last`"
                    ),
                ));
            }
            return Err(TrainError::run(
                self.run.path(),
                "no epoch had a finite validation loss, so none was selected as the best; the \
                 latest epoch's model is in `last`. Try a smaller `train.optimizer.learning_rate`",
            ));
        }
        let mut best = match self.run.has_model() {
            true => Artifact::load(&self.run.model(), self.compute.device())?,
            false => self.artifact(model),
        };
        let (mut test, mut val, mut gain) = (None, None, None);
        let mut uncalibrated = None;
        if outcome.signal().is_none() {
            if let Some(samples) = &self.setup.test {
                let measured = self.measure("test", &best.model, samples, &mut |_| {});
                (test, gain) = measured.map_err(|error| self.trained_but(error))?;
            }
            let images = self.setup.val.len();
            let mut logits = ValLogits::new(images, best.model.classes());
            if images > 0 {
                let gain_on_val;
                let see = &mut |answer: &Answer<'_>| logits.add(answer);
                (val, gain_on_val) = self.measure("val", &best.model, &self.setup.val, see)?;
                gain = gain.or(gain_on_val);
            }
            if val.is_some() || images == 0 {
                uncalibrated = self.calibrate(&mut best, &logits)?;
            }
            if let Some(signal) = self.stop.requested() {
                outcome = Outcome::Interrupted { signal };
            }
        }
        let memory = self.memory;
        let result = TrainResult {
            outcome,
            best_epoch: memory.best_epoch().unwrap_or(0),
            test,
            val,
            gain,
            temperature: best.temperature,
            uncalibrated,
            train_seconds,
            images_per_second: ratio(memory.images as f64, memory.training_seconds),
            data_wait: ratio(memory.waited_seconds, memory.training_seconds),
            weights_sha256: weights_sha256(&best.model),
            epochs: memory.epochs,
        };
        let finish = RunFinish {
            result: &result,
            model: &best,
        };
        self.recorders.each(|recorder| recorder.ended(&finish))?;
        Ok(result)
    }

    /// If test images cannot be read, the run keeps its model but has no test result.
    fn trained_but(&self, error: TrainError) -> TrainError {
        match error {
            TrainError::Data(error) => TrainError::run(
                self.run.path(),
                format!(
                    "training is complete and the model was saved, but the test split could not be evaluated: {error}. \
                     Run an evaluation to test on the remaining images"
                ),
            ),
            other => other,
        }
    }

    /// Evaluates the model on a split, with the gain of fine-tuning over the frozen features if there are
    /// baselines. `see` is called with each answer.
    fn measure(
        &mut self,
        split: &str,
        model: &Classifier,
        samples: &Arc<Samples>,
        see: &mut dyn FnMut(&Answer<'_>),
    ) -> Result<(Option<Evaluation>, Option<Gain>), TrainError> {
        let mut right = Vec::with_capacity(samples.len());
        let evaluation = self.evaluate(model, samples, &mut |part| {
            for answer in part.answers {
                see(answer);
                right.push(in_top(answer.logits, answer.label, 1));
            }
        })?;
        let config = &self.setup.config;
        let baselines = match config.start {
            // A damaged baselines file must not cost a run its result.
            Some(_) => self.run.baselines().ok().flatten(),
            None => None,
        };
        let only_head = config.train.epochs == 0;
        let gain = baselines
            .zip(evaluation.as_ref())
            .and_then(|(baselines, evaluation)| {
                Gain::new(&baselines, split, evaluation, &right, only_head)
            });
        Ok((evaluation, gain))
    }

    /// Fits the temperature of the kept model; returns why there is none.
    fn calibrate(
        &self,
        best: &mut Artifact,
        logits: &ValLogits,
    ) -> Result<Option<CalibrationProblem>, TrainError> {
        let fitted = logits.temperature();
        if best.temperature != fitted.ok() {
            best.temperature = fitted.ok();
            self.run.check_there()?;
            best.save(&self.run.model())?;
        }
        Ok(fitted.err())
    }

    /// Saves the model with everything needed to use it.
    pub(super) fn keep(&self, model: &Classifier, path: &Path) -> Result<(), TrainError> {
        Ok(self.artifact(model).save(path)?)
    }

    fn artifact(&self, model: &Classifier) -> Artifact {
        Artifact {
            model: model.valid(),
            classes: self.setup.data.classes.clone(),
            input: self.setup.input.clone(),
            // Fitted at the end of the run, for the kept epoch.
            temperature: None,
        }
    }

    /// The error for a step after which the loss or a weight was NaN or infinite, recorded with all its files.
    pub(super) fn divergence(&mut self, epoch: usize, step: &StepLoss) -> TrainError {
        let images = &self.setup.train;
        let files: Vec<String> = step.indices.iter().map(|i| images.path(*i)).collect();
        let more = files.len().saturating_sub(NAMED_FILES);
        let mut named = files[..files.len() - more].join(", ");
        if more > 0 {
            let log = self.run.path().join(LOG);
            named += &format!(" and {more} more, all named in {}", log.printable());
        }
        let problem = if step.overflowed {
            format!(
                "its gradients are NaN or infinite in float16 at any loss scale (the loss is {}); \
                 train.precision = \"bf16\" has the range of float32",
                step.loss
            )
        } else if step.loss.is_finite() {
            "a weight became NaN or infinite, though the loss was finite".into()
        } else {
            format!("the loss became {}", step.loss)
        };
        let error = TrainError::Diverged {
            problem,
            step: step.step,
            epoch,
            learning_rate: step.learning_rate,
            files: named,
            kept: match self.memory.best_epoch() {
                Some(epoch) => format!(
                    "The model of epoch {epoch} is kept in {}",
                    self.run.model().printable()
                ),
                None => "No epoch was kept as the best, so there is no model".into(),
            },
        };
        let divergence = Divergence {
            epoch,
            step: step.step,
            learning_rate: step.learning_rate,
            message: error.to_string(),
            files,
        };
        // A failure to record it must not hide the error itself.
        let _ = self
            .recorders
            .each(|recorder| recorder.diverged(&divergence));
        error
    }
}
