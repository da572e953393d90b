//! What a run remembers between epochs and leaves on the disk.

use super::events::{DivergedEvent, Ended, ResumedEvent};
use super::learner::Learner;
use super::sums::{Diverged, Totals};
use super::{Outcome, Trained};
use crate::checkpoint::{self, Best, Memory, Position, State, settings_sha256};
use crate::config::Monitor;
use crate::evaluate::evaluate_until;
use crate::field::Tracker;
use crate::run::History;
use crate::tensorboard::Board;
use crate::{
    Epoch, EpochField, Evaluation, Every, Observer, Prepared, Resumed, RunDirectory, Step, Stop,
    TrainError, Workers, charts,
};
use burn::module::Module;
use burn::tensor::Device;
use receptive_data::Samples;
use receptive_model::{Artifact, Classifier, weights_sha256};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct Session<'a> {
    prepared: &'a Prepared,
    run: &'a RunDirectory,
    device: &'a Device,
    workers: &'a Workers,
    history: History,
    /// Of events, where that was asked for.
    board: Option<Board>,
    /// Of the receptive field, where that was asked for.
    tracker: Option<Tracker>,
    fingerprint: String,
    settings: String,
    began: Instant,
    memory: Memory,
    /// Images, seconds of training and seconds of waiting of the newest epoch alone.
    newest: (usize, Duration, Duration),
    /// When the last checkpoint was written, and after which step.
    saved: (Instant, u64),
}

/// How many of a batch's files a message names; `log.jsonl` has them all.
const NAMED_FILES: usize = 8;

impl<'a> Session<'a> {
    pub(super) fn begin(
        prepared: &'a Prepared,
        run: &'a RunDirectory,
        device: &'a Device,
        workers: &'a Workers,
    ) -> Result<Self, TrainError> {
        run.write("config.toml", prepared.config.to_toml()?.as_bytes())?;
        run.write(
            "classes.txt",
            (prepared.data.classes.join("\n") + "\n").as_bytes(),
        )?;
        if !prepared.data.damaged.is_empty() {
            run.write_skipped(&prepared.data.damaged)?;
        }
        Ok(Self {
            prepared,
            run,
            device,
            workers,
            history: History::open(run)?,
            board: prepared
                .config
                .tensorboard
                .then(|| Board::open(run))
                .transpose()?,
            tracker: Tracker::begin(prepared, device, workers.len())?,
            fingerprint: prepared.data.fingerprint(),
            settings: settings_sha256(&prepared.config)?,
            began: Instant::now(),
            memory: Memory::default(),
            newest: (0, Duration::ZERO, Duration::ZERO),
            saved: (Instant::now(), 0),
        })
    }

    /// What there is to be said of the model before the first step.
    pub(super) fn starts(&mut self, model: &Classifier) -> Result<(), TrainError> {
        if let Some(tracker) = &mut self.tracker
            && let Some(field) = tracker.measure(0, model)?
        {
            self.history.event("erf", &field)?;
        }
        Ok(())
    }

    /// Goes on from a checkpoint: what the files say of later epochs never happened.
    pub(super) fn restores(&mut self, state: State, from: &Resumed) -> Result<(), TrainError> {
        self.history.truncate(self.run, state.at.epochs_done)?;
        if let Some(board) = &mut self.board {
            board.truncate(state.at.epochs_done, state.at.step)?;
        }
        self.history.event("resumed", &ResumedEvent::of(from))?;
        self.memory = state.memory;
        self.saved.1 = state.at.step;
        if let Some(tracker) = &mut self.tracker {
            tracker.restore(state.fields);
        }
        Ok(())
    }

    pub(super) fn prepared(&self) -> &'a Prepared {
        self.prepared
    }

    /// Keeps what is kept of every step.
    pub(super) fn stepped(&mut self, step: &Step) -> Result<(), TrainError> {
        match &mut self.board {
            Some(board) => board.step(step),
            None => Ok(()),
        }
    }

    /// Counts an epoch's training, validation not included.
    pub(super) fn trained(&mut self, images: usize, took: Duration, waited: Duration) {
        self.newest = (images, took, waited);
        self.memory.images += images;
        self.memory.training_seconds += took.as_secs_f64();
        self.memory.waited_seconds += waited.as_secs_f64();
    }

    /// Since the first step of all.
    fn seconds(&self) -> f64 {
        self.memory.seconds + self.began.elapsed().as_secs_f64()
    }

    /// The epoch whose model is kept; without a validation split the last one.
    fn best_epoch(&self) -> Option<usize> {
        let epochs = &self.memory.epochs;
        let best = epochs.iter().rev().find(|epoch| epoch.best);
        best.map(|epoch| epoch.epoch)
    }

    /// Epochs since early stopping's metric last got better.
    pub(super) fn waits(&self) -> usize {
        self.memory.waits
    }

    /// Validates, keeps the model if it is the best so far, and writes what happened. False where a
    /// stop was asked for before the validation was over: then nothing is written.
    pub(super) fn epoch_ends(
        &mut self,
        epoch: usize,
        totals: &Totals,
        model: &Classifier,
        stop: &Stop,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let train = &self.prepared.config.train;
        let began = Instant::now();
        let val = if self.prepared.val.is_empty() {
            None
        } else {
            let Some(val) = self.evaluate(&model.valid(), &self.prepared.val, stop, observer)?
            else {
                return Ok(false);
            };
            Some(val)
        };
        let validated = began.elapsed().as_secs_f64();
        let memory = &mut self.memory;
        let best = match &val {
            Some(val) => better(&mut memory.best, train.monitor, val, epoch),
            // Without a validation split nothing can be chosen by: the last model is the one.
            None => true,
        };
        if let Some((stopping, val)) = train.early_stopping.as_ref().zip(val.as_ref()) {
            let got_better = better(&mut memory.stopping_best, stopping.metric, val, epoch);
            memory.waits = if got_better { 0 } else { memory.waits + 1 };
        }
        self.run.check_there()?;
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
            images_per_second: per_second(images, took.as_secs_f64()),
            data_wait: share(waited.as_secs_f64(), took.as_secs_f64()),
            seconds: self.seconds(),
            best,
            erf: self.track(epoch, model)?,
        };
        self.history.epoch(&record)?;
        if let Some(board) = &mut self.board {
            let speed = val.as_ref().map(|val| per_second(val.images, validated));
            board.epoch(&record, speed)?;
        }
        self.memory.epochs.push(record.clone());
        charts::curves(self.run, &self.memory.epochs, &self.title())?;
        observer.epoch_ends(&record, train.epochs);
        Ok(true)
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

    /// Whether a checkpoint is due after this step of an epoch that goes on.
    pub(super) fn is_due(&self, step: u64) -> bool {
        match self.prepared.config.checkpoint.every {
            Every::Steps(steps) => step >= self.saved.1 + steps,
            Every::Seconds(seconds) => self.saved.0.elapsed().as_secs() >= seconds,
            Every::Epochs(_) => false,
        }
    }

    /// Whether one is due after this step, which ends an epoch.
    pub(super) fn is_due_after(&self, epoch: usize, step: u64) -> bool {
        match self.prepared.config.checkpoint.every {
            Every::Epochs(epochs) => {
                (epoch as u64).is_multiple_of(epochs) || epoch == self.prepared.config.train.epochs
            }
            _ => epoch == self.prepared.config.train.epochs || self.is_due(step),
        }
    }

    /// Writes a checkpoint.
    pub(super) fn save(
        &mut self,
        learner: &Learner<'_>,
        at: Position,
        totals: Totals,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        self.run.check_there()?;
        if let Some(board) = &mut self.board {
            board.flush()?;
        }
        let state = State {
            at,
            totals,
            memory: Memory {
                seconds: self.seconds(),
                ..self.memory.clone()
            },
            fields: self
                .tracker
                .as_ref()
                .map_or(Vec::new(), |tracker| tracker.frames().to_vec()),
            classes: self.prepared.data.classes.clone(),
            data_fingerprint: self.fingerprint.clone(),
            settings_sha256: self.settings.clone(),
            optimizer_tensors: 0, // counted as they are written
        };
        let keep = self.prepared.config.checkpoint.keep;
        checkpoint::save(
            self.run,
            &learner.model,
            &learner.optimizer,
            state,
            keep,
            observer,
        )?;
        self.saved = (Instant::now(), at.step);
        Ok(())
    }

    /// Tests the best model and draws its confusion matrix, unless someone is waiting for the end.
    pub(super) fn end(
        mut self,
        mut outcome: Outcome,
        model: &Classifier,
        stop: &Stop,
        observer: &mut dyn Observer,
    ) -> Result<Trained, TrainError> {
        let train_seconds = self.seconds();
        if self.memory.epochs.is_empty() {
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
        let artifact = Artifact::load(&self.run.model(), self.device)?;
        let best = &artifact.model;
        let (mut test, mut val) = (None, None);
        if outcome.signal().is_none() {
            if let Some(samples) = &self.prepared.test {
                test = self.evaluate(best, samples, stop, observer)?;
            }
            if !self.prepared.val.is_empty() {
                val = self.evaluate(best, &self.prepared.val, stop, observer)?;
            }
            if let Some(signal) = stop.requested() {
                outcome = Outcome::Interrupted { signal };
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
        if let Some(board) = &mut self.board {
            board.pictures(self.run, self.memory.epochs.len(), &artifact)?;
        }
        let trained = Trained {
            outcome,
            best_epoch: self.best_epoch().unwrap_or(0),
            test,
            val,
            train_seconds,
            images_per_second: per_second(self.memory.images, self.memory.training_seconds),
            data_wait: share(self.memory.waited_seconds, self.memory.training_seconds),
            weights_sha256: weights_sha256(best),
            epochs: self.memory.epochs,
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
        stop: &Stop,
        observer: &mut dyn Observer,
    ) -> Result<Option<Evaluation>, TrainError> {
        evaluate_until(
            model,
            &self.prepared.input,
            samples,
            self.workers,
            self.device,
            observer,
            stop,
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

fn per_second(images: usize, seconds: f64) -> f64 {
    if seconds > 0.0 {
        images as f64 / seconds
    } else {
        0.0
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
