use crate::config::MachineConfig;
use crate::train::Totals;
use crate::{CheckpointConfig, Epoch, RunConfig, TrainError};
use receptive_core::hash::sha256;
use receptive_erf::Map;
use receptive_erf::gaussian::{Estimate, Verdict};
use serde::{Deserialize, Serialize};

/// Where in a run a checkpoint is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Steps done since the start.
    pub(crate) step: u64,
    /// Whole epochs done, their validation included.
    pub(crate) epochs_done: usize,
    /// Steps done in the epoch after them: all of its steps where only the validation is left.
    pub(crate) step_in_epoch: u64,
}

impl Position {
    /// After a step of this epoch, which is not over.
    pub(crate) fn within(step: u64, epoch: usize, per_epoch: u64) -> Self {
        let epochs_done = epoch - 1;
        Self {
            step,
            epochs_done,
            step_in_epoch: step - per_epoch * epochs_done as u64,
        }
    }

    /// After the epoch's validation.
    pub(crate) fn after(step: u64, epoch: usize) -> Self {
        Self {
            step,
            epochs_done: epoch,
            step_in_epoch: 0,
        }
    }
}

/// The best value of one metric so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) value: f64,
    pub(crate) epoch: usize,
}

/// What a run remembers of its past.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) best: Option<Best>,
    /// Of early stopping's own metric, and the epochs since.
    pub(crate) stopping_best: Option<Best>,
    pub(crate) waits: usize,
    /// Training images seen, and the seconds that took, validation not counted.
    pub(crate) images: usize,
    pub(crate) training_seconds: f64,
    /// Of these, waiting for data.
    pub(crate) waited_seconds: f64,
    /// Since the first step, validation counted, pauses between two processes not.
    pub(crate) seconds: f64,
}

/// One measurement of the receptive field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldFrame {
    pub(crate) epoch: usize,
    pub(crate) map: Map,
    pub(crate) sigma: Estimate,
    pub(crate) tv: Estimate,
    pub(crate) verdict: Verdict,
}

/// Everything that continuing takes beside the tensors: randomness is a pure function of seed,
/// epoch and step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) at: Position,
    /// Of the epoch that is under way.
    pub(crate) totals: Totals,
    pub(crate) memory: Memory,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<FieldFrame>,
    pub(crate) classes: Vec<String>,
    pub(crate) data_fingerprint: String,
    pub(crate) settings_sha256: String,
    /// How many tensors the optimizer keeps: burn leaves out without a word what it can't read.
    pub(crate) optimizer_tensors: usize,
}

impl State {
    /// That of a run before its first step.
    pub(crate) fn empty() -> Self {
        Self {
            at: Position::default(),
            totals: Totals::default(),
            memory: Memory::default(),
            fields: Vec::new(),
            classes: Vec::new(),
            data_fingerprint: String::new(),
            settings_sha256: String::new(),
            optimizer_tensors: 0,
        }
    }
}

/// A hash of every setting that has an influence on the weights.
pub(crate) fn settings_sha256(config: &RunConfig) -> Result<String, TrainError> {
    let mut config = config.clone();
    config.machine = MachineConfig::default();
    config.checkpoint = CheckpointConfig::default();
    config.tensorboard = false;
    config.data.data_dir = None;
    config.data.cache_mb = 0;
    Ok(sha256(config.to_toml()?.as_bytes()))
}
