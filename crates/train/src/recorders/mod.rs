//! Recorders of a run: files, charts, measurements and a program's progress display implement one trait.

mod charts;
mod erf;
mod history;
mod tensorboard;

pub use charts::{confusion_matrix, curve_panels, recall_panel};

use crate::compute::Compute;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::records::{
    Divergence, Epoch, EpochField, RecorderState, ResumePoint, Step, TrainResult,
};
use crate::run::RunDirectory;
use receptive_model::store::Moment;
use receptive_model::{Artifact, Classifier};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Receives the events of a run. Every method does nothing by default; an error ends the run.
pub trait Recorder {
    /// A run starts with its first step.
    fn started(&mut self, _start: &mut RunStart<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// A stopped run is resumed. Later steps will be repeated, so their records must be removed.
    fn resumed(&mut self, _from: &ResumePoint) -> Result<(), TrainError> {
        Ok(())
    }

    /// An epoch with this many images starts; epochs count from 1.
    fn epoch_started(
        &mut self,
        _epoch: usize,
        _epochs: usize,
        _images: usize,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// A step has finished.
    fn step(&mut self, _step: &Step) -> Result<(), TrainError> {
        Ok(())
    }

    /// A split is being evaluated: `done` of `total` images.
    fn evaluating(&mut self, _split: &str, _done: usize, _total: usize) -> Result<(), TrainError> {
        Ok(())
    }

    /// An epoch and its validation are complete.
    fn epoch(&mut self, _end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// A checkpoint is about to be written. All records so far must be on disk first; the state that the
    /// recorder needs to resume is stored in `state`.
    fn saving(&mut self, _state: &mut RecorderState) -> Result<(), TrainError> {
        Ok(())
    }

    /// The checkpoint being written has reached this point.
    fn checkpoint(&mut self, _moment: Moment) -> Result<(), TrainError> {
        Ok(())
    }

    /// The loss or a weight became NaN or infinite; the run ends with an error.
    fn diverged(&mut self, _divergence: &Divergence) -> Result<(), TrainError> {
        Ok(())
    }

    /// Called after each event: takes the recorder's notes on failures that do not end the run, such as a
    /// figure that cannot be written.
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// A note from another recorder; each is delivered once.
    fn noted(&mut self, _note: &str) -> Result<(), TrainError> {
        Ok(())
    }

    /// The run is over.
    fn ended(&mut self, _end: &RunFinish<'_>) -> Result<(), TrainError> {
        Ok(())
    }
}

/// A run before its first step.
#[derive(Debug)]
pub struct RunStart<'a> {
    /// The initial weights.
    pub model: &'a Classifier,
    /// Its effective receptive field, filled in by the recorder that measures it.
    pub erf: Option<EpochField>,
}

/// A run after an epoch.
#[derive(Debug)]
pub struct EpochEnd<'a> {
    /// The record in `metrics.csv`. Recorders that measure something add it here for those that follow.
    pub record: Epoch,
    /// Number of epochs of the run.
    pub epochs: usize,
    /// Whether mean recall is reported next to top-1: the classes are imbalanced, or it selects the
    /// best epoch.
    pub shows_recall: bool,
    /// Whether the kept epoch is selected by validation; otherwise it is the last.
    pub chooses_epoch: bool,
    /// The validated weights, on an autodiff device: the model after the epoch, or an average of weights if the
    /// config enables one.
    pub model: &'a Classifier,
    /// The speed of the validation, if there was one.
    pub val_images_per_second: Option<f64>,
}

/// A run at its end.
#[derive(Debug)]
pub struct RunFinish<'a> {
    /// Its result.
    pub result: &'a TrainResult,
    /// The best epoch's model.
    pub model: &'a Artifact,
}

/// The note on a missing figure, which does not affect training.
fn not_drawn(file: &str, error: impl Display) -> String {
    format!("{file} was not drawn: {error}")
}

/// The recorders of a run, in order: those that measure, those that draw and write, then the caller's.
pub(crate) struct Recorders<'a, 'b> {
    own: Vec<Box<dyn Recorder + 'a>>,
    added: &'a mut [&'b mut dyn Recorder],
    /// The notes delivered so far.
    told: BTreeSet<String>,
}

impl<'a, 'b> Recorders<'a, 'b> {
    /// The recorders that the config enables. With several processes all measure, and only the first draws and
    /// writes. New recorders are added here.
    pub(crate) fn new(
        setup: &RunSetup,
        run: &RunDirectory,
        compute: &'a Compute,
        added: &'a mut [&'b mut dyn Recorder],
    ) -> Result<Self, TrainError> {
        let name = run.path().file_name().unwrap_or_default();
        let title = format!("Run {}: {}", name.to_string_lossy(), setup.data.name);
        let mut own: Vec<Box<dyn Recorder + 'a>> = Vec::new();
        if let Some(config) = &setup.config.track_erf {
            own.push(Box::new(erf::ErfTracker::new(
                config, setup, run, compute, &title,
            )?));
        }
        if compute.is_first() {
            own.push(Box::new(charts::ChartRecorder::new(run, title)));
            if setup.config.tensorboard {
                own.push(Box::new(tensorboard::Board::open(run)?));
            }
            // Last, so that the log reports something only once it is complete.
            own.push(Box::new(history::History::open(run)?));
        }
        Ok(Self {
            own,
            added,
            told: BTreeSet::new(),
        })
    }

    /// Calls each recorder in order, until one fails.
    pub(crate) fn each(
        &mut self,
        mut tell: impl FnMut(&mut dyn Recorder) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let mut notes = Vec::new();
        for recorder in &mut self.own {
            tell(&mut **recorder)?;
            notes.append(&mut recorder.take_notes());
        }
        for recorder in &mut *self.added {
            tell(&mut **recorder)?;
            notes.append(&mut recorder.take_notes());
        }
        for note in notes {
            if self.told.contains(&note) {
                continue;
            }
            for recorder in &mut self.own {
                recorder.noted(&note)?;
            }
            for recorder in &mut *self.added {
                recorder.noted(&note)?;
            }
            self.told.insert(note);
        }
        Ok(())
    }
}
