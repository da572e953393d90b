//! What a run remembers between epochs and leaves on the disk.

use super::events::{DivergedEvent, Ended};
use super::learner::Learner;
use super::sums::{Diverged, Totals};
use super::{Outcome, Trained};
use crate::checkpoint::{self, State};
use crate::config::Monitor;
use crate::field::Tracker;
use crate::run::History;
use crate::{
    Epoch, EpochField, Evaluation, Observer, Prepared, RunDirectory, TrainError, Workers, charts,
    evaluate,
};
use burn::module::Module;
use burn::tensor::Device;
use receptive_data::Samples;
use receptive_model::{Artifact, Classifier, weights_sha256};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where in the run a checkpoint is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) step: u64,
    pub(super) epochs_done: usize,
    pub(super) step_in_epoch: u64,
}

impl Position {
    /// After a step of this epoch, which is not over.
    pub(super) fn within(step: u64, epoch: usize, per_epoch: u64) -> Self {
        let epochs_done = epoch - 1;
        Self {
            step,
            epochs_done,
            step_in_epoch: step - per_epoch * epochs_done as u64,
        }
    }

    /// After the epoch's last step.
    pub(super) fn after(step: u64, epoch: usize) -> Self {
        Self {
            step,
            epochs_done: epoch,
            step_in_epoch: 0,
        }
    }
}

/// The best value of one metric so far.
#[derive(Debug, Clone, Copy)]
struct Best {
    value: f64,
    epoch: usize,
}

pub(super) struct Session<'a> {
    prepared: &'a Prepared,
    run: &'a RunDirectory,
    device: &'a Device,
    workers: &'a Workers,
    history: History,
    /// Of the receptive field, where that was asked for.
    tracker: Option<Tracker>,
    fingerprint: String,
    began: Instant,
    epochs: Vec<Epoch>,
    best: Option<Best>,
    /// Of early stopping's own metric, and the epochs since.
    stopping_best: Option<Best>,
    waits: usize,
    images: usize,
    training: Duration,
    waited: Duration,
    /// The same of the newest epoch alone.
    newest: (usize, Duration, Duration),
}

/// How many of a batch's files a message names; `log.jsonl` has them all.
const NAMED_FILES: usize = 8;

impl<'a> Session<'a> {
    pub(super) fn begin(
        prepared: &'a Prepared,
        run: &'a RunDirectory,
        device: &'a Device,
        workers: &'a Workers,
        model: &Classifier,
    ) -> Result<Self, TrainError> {
        run.write("config.toml", prepared.config.to_toml()?.as_bytes())?;
        run.write(
            "classes.txt",
            (prepared.data.classes.join("\n") + "\n").as_bytes(),
        )?;
        if !prepared.data.damaged.is_empty() {
            run.write_skipped(&prepared.data.damaged)?;
        }
        let mut tracker = Tracker::begin(prepared, device, workers.len())?;
        let mut history = History::open(run)?;
        if let Some(tracker) = &mut tracker
            && let Some(field) = tracker.measure(0, model)?
        {
            history.event("erf", &field)?;
        }
        Ok(Self {
            prepared,
            run,
            device,
            workers,
            history,
            tracker,
            fingerprint: prepared.data.fingerprint(),
            began: Instant::now(),
            epochs: Vec::new(),
            best: None,
            stopping_best: None,
            waits: 0,
            images: 0,
            training: Duration::ZERO,
            waited: Duration::ZERO,
            newest: (0, Duration::ZERO, Duration::ZERO),
        })
    }

    /// Counts an epoch's training, validation not included.
    pub(super) fn trained(&mut self, images: usize, took: Duration, waited: Duration) {
        self.newest = (images, took, waited);
        self.images += images;
        self.training += took;
        self.waited += waited;
    }

    /// The epoch whose model is kept; without a validation split the last one.
    fn best_epoch(&self) -> Option<usize> {
        let best = self.epochs.iter().rev().find(|epoch| epoch.best);
        best.map(|epoch| epoch.epoch)
    }

    /// Epochs since early stopping's metric last got better.
    pub(super) fn waits(&self) -> usize {
        self.waits
    }

    /// Validates, keeps the model if it is the best so far, and writes what happened.
    pub(super) fn epoch_ends(
        &mut self,
        epoch: usize,
        totals: &Totals,
        model: &Classifier,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let train = &self.prepared.config.train;
        let val = if self.prepared.val.is_empty() {
            None
        } else {
            Some(self.evaluate(&model.valid(), &self.prepared.val, observer)?)
        };
        let best = match &val {
            Some(val) => better(&mut self.best, train.monitor, val, epoch),
            // Without a validation split nothing can be chosen by: the last model is the one.
            None => true,
        };
        if let Some((stopping, val)) = train.early_stopping.as_ref().zip(val.as_ref()) {
            let got_better = better(&mut self.stopping_best, stopping.metric, val, epoch);
            self.waits = if got_better { 0 } else { self.waits + 1 };
        }
        self.keep(model, &self.run.last())?;
        if best {
            self.keep(model, &self.run.model())?;
        }
        let (images, took, waited) = self.newest;
        let record = Epoch {
            epoch,
            train_loss: totals.loss / totals.images.max(1) as f64,
            train_top1: totals.correct / totals.images.max(1) as f64,
            val_loss: val.as_ref().map(|val| val.loss),
            val_top1: val.as_ref().map(|val| val.top1),
            val_top5: val.as_ref().map(|val| val.top5),
            learning_rate: totals.learning_rate,
            images_per_second: per_second(images, took),
            data_wait: share(waited, took),
            seconds: self.began.elapsed().as_secs_f64(),
            best,
            erf: self.track(epoch, model)?,
        };
        self.history.epoch(&record)?;
        self.epochs.push(record.clone());
        charts::curves(self.run, &self.epochs, &self.title())?;
        observer.epoch_ends(&record, train.epochs);
        Ok(())
    }

    /// Measures the receptive field, if that was asked for and it is time to.
    fn track(
        &mut self,
        epoch: usize,
        model: &Classifier,
    ) -> Result<Option<EpochField>, TrainError> {
        let title = self.title();
        let Some(tracker) = &mut self.tracker else {
            return Ok(None);
        };
        let field = tracker.measure(epoch, model)?;
        if field.is_some() {
            tracker.draw(self.run, &title)?;
        }
        Ok(field)
    }

    /// Writes a checkpoint.
    pub(super) fn save(&self, learner: &Learner<'_>, at: Position) -> Result<(), TrainError> {
        let state = State {
            step: at.step,
            epochs_done: at.epochs_done,
            step_in_epoch: at.step_in_epoch,
            best: self.best.map(|best| best.value),
            best_epoch: self.best.map_or(0, |best| best.epoch),
            seed: self.prepared.config.train.seed,
            classes: self.prepared.data.classes.clone(),
            data_fingerprint: self.fingerprint.clone(),
        };
        checkpoint::save(self.run, &learner.model, &learner.optimizer, &state)
    }

    /// Tests the best model and draws its confusion matrix, unless someone is waiting for the end.
    pub(super) fn end(
        mut self,
        outcome: Outcome,
        model: &Classifier,
        observer: &mut dyn Observer,
    ) -> Result<Trained, TrainError> {
        let train_seconds = self.began.elapsed().as_secs_f64();
        if self.epochs.is_empty() {
            self.keep(model, &self.run.model())?;
        }
        if !self.run.has_model() {
            return Err(TrainError::run(
                self.run.path(),
                "no epoch had a validation loss that is a number, so none was chosen as the best; \
                 the newest epoch's model is in `last`. Try a smaller \
                 `--set train.optimizer.learning_rate=...`",
            ));
        }
        let best = Artifact::load(&self.run.model(), self.device)?.model;
        let (mut test, mut val) = (None, None);
        if outcome.signal().is_none() {
            if let Some(samples) = &self.prepared.test {
                test = Some(self.evaluate(&best, samples, observer)?);
            }
            if !self.prepared.val.is_empty() {
                val = Some(self.evaluate(&best, &self.prepared.val, observer)?);
            }
            let shown = test.as_ref().map(|test| (test, "test"));
            if let Some((shown, split)) = shown.or(val.as_ref().map(|val| (val, "validation"))) {
                let subtitle = format!(
                    "{} images of the {split} split, top-1 {:.2} %",
                    shown.images,
                    100.0 * shown.top1
                );
                let classes = &self.prepared.data.classes;
                charts::confusion(self.run, &shown.confusion, classes, &subtitle)?;
            }
        }
        let trained = Trained {
            outcome,
            best_epoch: self.best_epoch().unwrap_or(0),
            test,
            val,
            train_seconds,
            images_per_second: per_second(self.images, self.training),
            data_wait: share(self.waited, self.training),
            weights_sha256: weights_sha256(&best),
            epochs: self.epochs,
        };
        self.history
            .event("end", &Ended::of(&trained, &self.prepared.data.classes))?;
        Ok(trained)
    }

    /// The error of a step that left the numbers, with its files.
    pub(super) fn diverged(&mut self, epoch: usize, step: &Diverged) -> TrainError {
        let images = &self.prepared.train;
        let files: Vec<String> = step.indices.iter().map(|i| images.path(*i)).collect();
        let more = files.len().saturating_sub(NAMED_FILES);
        let mut named = files[..files.len() - more].join(", ");
        if more > 0 {
            let log = self.run.path().join("log.jsonl");
            named += &format!(" and {more} more, all named in {}", log.display());
        }
        let problem = if step.loss.is_finite() {
            "a weight is no longer a finite number, though the loss was".into()
        } else {
            format!("the loss became {}", step.loss)
        };
        let error = TrainError::Diverged {
            problem,
            step: step.step,
            epoch,
            learning_rate: step.learning_rate,
            files: named,
            kept: match self.best_epoch() {
                Some(epoch) => format!(
                    "The model of epoch {epoch} is kept in {}",
                    self.run.model().display()
                ),
                None => "No epoch was kept as the best, so there is no model".into(),
            },
        };
        let event = DivergedEvent {
            epoch,
            step: step.step,
            learning_rate: step.learning_rate,
            message: error.to_string(),
            files,
        };
        // That the log can't be written must not hide what happened.
        let _ = self.history.event("diverged", &event);
        error
    }

    fn evaluate(
        &self,
        model: &Classifier,
        samples: &Arc<Samples>,
        observer: &mut dyn Observer,
    ) -> Result<Evaluation, TrainError> {
        evaluate(
            model,
            &self.prepared.input,
            samples,
            self.workers,
            self.device,
            observer,
        )
    }

    /// Writes the model with all that must travel with it.
    fn keep(&self, model: &Classifier, path: &Path) -> Result<(), TrainError> {
        let artifact = Artifact {
            model: model.valid(),
            classes: self.prepared.data.classes.clone(),
            input: self.prepared.input.clone(),
        };
        Ok(artifact.save(path)?)
    }

    fn title(&self) -> String {
        let name = self
            .run
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        format!("Run {name}: {}", self.prepared.data.name)
    }
}

/// Whether this epoch beats the best so far, which it then replaces.
fn better(best: &mut Option<Best>, metric: Monitor, val: &Evaluation, epoch: usize) -> bool {
    let value = match metric {
        Monitor::ValLoss => val.loss,
        Monitor::ValTop1 => val.top1,
    };
    // A loss that is no number never is the best, whatever its top-1.
    let wins = val.loss.is_finite() && best.is_none_or(|best| metric.is_better(value, best.value));
    if wins {
        *best = Some(Best { value, epoch });
    }
    wins
}

fn per_second(images: usize, took: Duration) -> f64 {
    if took.is_zero() {
        0.0
    } else {
        images as f64 / took.as_secs_f64()
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64()
    }
}
