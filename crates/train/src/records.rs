//! Records of a run during training and at its end: plain data for recorders, files and callers.

use crate::baseline::Gain;
use crate::error::{SettingChange, TrainError};
use crate::evaluate::Evaluation;
use crate::metrics::CalibrationProblem;
use receptive_erf::Map;
use receptive_erf::gaussian::{Estimate, Verdict};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One training step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The step, from 1 over the whole run.
    pub step: u64,
    /// Total number of steps of the run.
    pub steps: u64,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Images processed so far in this epoch.
    pub images: usize,
    /// The loss of this step; `None` if it has not been read yet, since on a GPU only that of every 50th step is
    /// reported.
    pub loss: Option<f64>,
    /// The learning rate of this step.
    pub learning_rate: f64,
}

/// One epoch, as recorded in `metrics.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean loss over the training batches, with augmentation and dropout.
    pub train_loss: f64,
    /// Top-1 accuracy on the same images; a mixed image counts for the label with the largest
    /// fraction.
    pub train_top1: f64,
    /// The loss on the validation split, without label smoothing.
    pub val_loss: Option<f64>,
    /// Top-1 accuracy on the validation split.
    pub val_top1: Option<f64>,
    /// Top-5 accuracy on the validation split; `None` with five classes or fewer.
    pub val_top5: Option<f64>,
    /// Mean recall on the validation split; `None` in runs of older versions.
    #[serde(default)]
    pub val_mean_recall: Option<f64>,
    /// The learning rate of the epoch's last step.
    pub learning_rate: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
    /// The fraction of the training time spent waiting for data.
    pub data_wait: f64,
    /// Seconds since the run began, including validation.
    pub seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
    /// Which weights were validated, and kept if they were the best.
    #[serde(default, skip_serializing_if = "Weights::is_trained")]
    pub weights: Weights,
    /// The effective receptive field after this epoch, if measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erf: Option<EpochField>,
}

impl Epoch {
    /// An epoch for tests.
    #[cfg(test)]
    pub(crate) fn example(number: usize) -> Self {
        Self {
            epoch: number,
            train_loss: 0.5,
            train_top1: 0.8,
            val_loss: Some(0.4),
            val_top1: None,
            val_mean_recall: None,
            val_top5: None,
            learning_rate: 0.1,
            images_per_second: 100.0,
            data_wait: 0.0,
            seconds: 1.0,
            best: true,
            weights: Weights::Trained,
            erf: None,
        }
    }

    /// The epoch with `best` cleared unless validation selects the epoch: otherwise the last epoch is kept, so
    /// every epoch would be the best so far.
    #[must_use]
    pub fn marked(&self, chooses_epoch: bool) -> Self {
        Self {
            best: self.best && chooses_epoch,
            ..self.clone()
        }
    }
}

/// The weights with which an epoch was validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// The trained weights.
    #[default]
    Trained,
    /// Their exponential moving average (`train.ema`).
    Ema,
    /// The mean of the last epochs' weights (`train.average`).
    Mean,
}

impl Weights {
    fn is_trained(&self) -> bool {
        *self == Self::Trained
    }

    /// Its name in `metrics.csv` and `log.jsonl`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trained => "trained",
            Self::Ema => "ema",
            Self::Mean => "mean",
        }
    }
}

/// The effective receptive field after an epoch, as recorded in `metrics.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochField {
    /// The standard deviation of the mean absolute gradient, in pixels: the geometric mean over both axes.
    pub sigma: f64,
    /// The total variation distance to the Gaussian with the same moments, corrected for noise.
    pub tv: f64,
    /// Whether the field is Gaussian.
    pub verdict: Verdict,
}

/// One measurement of the effective receptive field, with its map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldFrame {
    pub(crate) epoch: usize,
    pub(crate) map: Map,
    pub(crate) sigma: Estimate,
    pub(crate) tv: Estimate,
    pub(crate) verdict: Verdict,
}

/// The state of the recorders, each under its own name, stored in checkpoints and restored when a run is
/// resumed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredState", into = "BTreeMap<String, Value>")]
pub struct RecorderState(BTreeMap<String, Value>);

/// The state of the recorders in a checkpoint.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredState {
    ByName(BTreeMap<String, Value>),
    /// In older versions, in which only the ERF tracker had a state: its frames.
    Fields(Vec<Value>),
}

impl From<StoredState> for RecorderState {
    fn from(stored: StoredState) -> Self {
        Self(match stored {
            StoredState::ByName(states) => states,
            StoredState::Fields(frames) => [(Self::ERF.into(), frames.into())].into(),
        })
    }
}

impl From<RecorderState> for BTreeMap<String, Value> {
    fn from(state: RecorderState) -> Self {
        state.0
    }
}

impl RecorderState {
    /// The name of the ERF tracker.
    pub(crate) const ERF: &str = "erf";

    /// Stores the state of the recorder with this name.
    ///
    /// # Errors
    /// If the state cannot be written as JSON.
    pub fn set(&mut self, recorder: &str, state: &impl Serialize) -> Result<(), TrainError> {
        let state = serde_json::to_value(state).map_err(|error| TrainError::Recorder {
            name: recorder.into(),
            problem: format!("its state cannot be written to a checkpoint: {error}"),
        })?;
        self.0.insert(recorder.into(), state);
        Ok(())
    }

    /// The state that the recorder with this name stored; `None` if it stored none.
    ///
    /// # Errors
    /// If the stored state is of another type.
    pub fn get<T: DeserializeOwned>(&self, recorder: &str) -> Result<Option<T>, TrainError> {
        let state = self.0.get(recorder).map(T::deserialize).transpose();
        state.map_err(|error| TrainError::Recorder {
            name: recorder.into(),
            problem: format!("its state in the checkpoint is not what it stores: {error}"),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The point at which a run is resumed.
#[derive(Debug, Clone, PartialEq)]
pub struct ResumePoint {
    /// The checkpoint; `None` if there is none yet, so that the run starts from the beginning.
    pub path: Option<PathBuf>,
    /// Number of completed steps.
    pub step: u64,
    /// The completed epochs.
    pub epochs: Vec<Epoch>,
    /// Newer checkpoints that could not be used.
    pub invalid: Vec<InvalidCheckpoint>,
    /// The recorders' state in the checkpoint.
    pub state: RecorderState,
    /// The settings that differ from the checkpoint's and are applied from here on.
    pub changes: Vec<SettingChange>,
    /// The differing settings that do not affect the weights: paths of data, devices, threads and recording.
    pub execution: Vec<SettingChange>,
    /// The learning rate of the next step; `None` if there are no more steps.
    pub next_learning_rate: Option<f64>,
    /// How the run ended, if no steps are left to train.
    pub ended: Option<Outcome>,
}

impl ResumePoint {
    /// Resuming from the beginning, if there is no checkpoint.
    pub(crate) fn start(
        invalid: Vec<InvalidCheckpoint>,
        (changes, execution): (Vec<SettingChange>, Vec<SettingChange>),
    ) -> Self {
        Self {
            path: None,
            step: 0,
            epochs: Vec::new(),
            invalid,
            state: RecorderState::default(),
            changes,
            execution,
            next_learning_rate: None,
            ended: None,
        }
    }
}

/// A checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCheckpoint {
    /// Its directory, which is left unchanged.
    pub path: PathBuf,
    /// Why it cannot be used.
    pub reason: String,
}

/// A step whose loss, or a weight after it, became NaN or infinite.
#[derive(Debug, Clone, Serialize)]
pub struct Divergence {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step, from 1 over the whole run.
    pub step: u64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The full error message.
    pub message: String,
    /// The images of the step's batch.
    pub files: Vec<String>,
}

/// The result of a run.
#[derive(Debug)]
pub struct TrainResult {
    /// How it ended.
    pub outcome: Outcome,
    /// The completed epochs, in order.
    pub epochs: Vec<Epoch>,
    /// The kept epoch, from 1; 0 if no epoch was completed.
    pub best_epoch: usize,
    /// The best epoch's model on the test split, if there is one.
    pub test: Option<Evaluation>,
    /// The best epoch's model on the validation split, if there is one.
    pub val: Option<Evaluation>,
    /// For fine-tuning: the gain over the frozen features.
    pub gain: Option<Gain>,
    /// The kept model's temperature, fitted on the validation split
    /// ([`Artifact::temperature`](receptive_model::Artifact::temperature)).
    pub temperature: Option<f64>,
    /// Why no temperature was fitted; also `None` if the run was interrupted.
    pub uncalibrated: Option<CalibrationProblem>,
    /// Seconds from the first step to the end of the last epoch, including validation.
    pub train_seconds: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
    /// The fraction of the training time spent waiting for data.
    pub data_wait: f64,
    /// The hash of the kept weights, which is equal for equal runs. If the run was interrupted before any were
    /// kept, that of the current weights.
    pub weights_sha256: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// Early stopping: the metric did not improve for `patience` epochs.
    StoppedEarly,
    /// Stopped by a signal; a checkpoint was written.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recorder_gets_its_own_state_back() {
        let mut state = RecorderState::default();
        assert!(state.is_empty());
        state.set("counter", &7u64).unwrap();
        state.set("names", &["a", "b"]).unwrap();
        let json = serde_json::to_string(&state).unwrap();
        let state: RecorderState = serde_json::from_str(&json).unwrap();
        assert_eq!(state.get("counter").unwrap(), Some(7u64));
        assert_eq!(
            state.get("names").unwrap(),
            Some(vec!["a".to_string(), "b".into()])
        );
        assert_eq!(state.get::<u64>("other").unwrap(), None);
        let error = state.get::<u64>("names").unwrap_err().to_string();
        assert!(error.contains("`names`"), "{error}");
    }

    #[test]
    fn the_frames_of_older_checkpoints_are_those_of_the_erf_tracker() {
        let state: RecorderState = serde_json::from_str("[1, 2]").unwrap();
        assert_eq!(state.get(RecorderState::ERF).unwrap(), Some(vec![1, 2]));
    }
}
