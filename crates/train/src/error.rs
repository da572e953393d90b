//! The error type of this crate.

use receptive_core::text::Printable;
use receptive_data::DataError;
use receptive_erf::ErfError;
use receptive_inspect::InspectError;
use receptive_model::ModelError;
use receptive_plot::PlotError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// An error on the way from a data set to a trained model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The model's config, plan or artifact.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The measurement of a receptive field.
    #[error(transparent)]
    Field(#[from] ErfError),
    /// An error while inspecting a network or reading an image to predict.
    #[error(transparent)]
    Inspect(Box<InspectError>), // boxed, which keeps every `Result` below 128 bytes
    /// A chart.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// An invalid setting.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// The setting, named as in the config file.
        setting: String,
        /// What was expected, what was found and what to do.
        problem: String,
    },
    /// A setting that has no effect, or no meaning, without another.
    #[error("`{setting}`: it needs `{needs}`, which is not set")]
    Needs {
        /// The setting, as the config file names it.
        setting: String,
        /// The other setting.
        needs: String,
    },
    /// Data or a label list that is not where the config says.
    #[error("`{setting}`: {problem}{}", after_colon(remedy))]
    NotFound {
        /// The setting, as the config file names it.
        setting: &'static str,
        /// What was looked for, and where.
        problem: String,
        /// How the caller's user gives the new path; may be empty.
        remedy: String,
    },
    /// A config file that cannot be parsed.
    #[error("could not read the config {origin}: {reason}")]
    Config {
        /// The file, or another origin of the text.
        origin: String,
        /// The parser's message.
        reason: String,
    },
    /// The loss or a weight became NaN or infinite.
    #[error(
        "the run diverged at step {step} (epoch {epoch}, learning rate {learning_rate:e}): \
         {problem}. Its batch: {files}. {kept}. Try a smaller `train.optimizer.learning_rate`, or \
         `train.clip_norm = 1.0`"
    )]
    Diverged {
        /// What became NaN or infinite: the loss, or a weight after a finite loss.
        problem: String,
        /// The step, counted from 1 over the whole run.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// The learning rate of this step.
        learning_rate: f64,
        /// The images of the batch; if there are many, the first and where all are listed.
        files: String,
        /// Which model of the run is kept.
        kept: String,
    },
    /// A thread that computes a shard of a step panicked.
    #[error("a worker thread stopped at step {step}: {reason}; this is a bug, please report it")]
    Worker {
        /// The training step, counted from 1; 0 outside training.
        step: u64,
        /// The panic's message.
        reason: String,
    },
    /// A failure of a GPU, its driver, or burn's software for it.
    #[error("the backend failed in {what}: {reason}. {remedy}")]
    Backend {
        /// What was being computed.
        what: String,
        /// The first reported failure.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A run that has lost its model or its checkpoints, but can be repeated from its config.
    #[error("{path}: {reason}; the run can be repeated with its config, {config}",
        path = path.printable(), config = config.printable())]
    Lost {
        /// The directory.
        path: PathBuf,
        /// What is missing, and why, if known.
        reason: String,
        /// The run's config file.
        config: PathBuf,
    },
    /// A directory that is not a run directory, is in use, or contains files that training does not write.
    #[error("{path}: {reason}", path = path.printable())]
    Run {
        /// The directory or file.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        reason: String,
    },
    /// A run that has no model yet.
    #[error(
        "{path}: this run has no model yet, since it was stopped during its first epoch; resume it first",
        path = path.printable()
    )]
    NoEpoch {
        /// The run directory.
        path: PathBuf,
    },
    /// A finished run that cannot be resumed.
    #[error(
        "{path}: the run has finished and its checkpoints were deleted, so it cannot be resumed; \
         start a new run from its model",
        path = path.printable()
    )]
    NoCheckpoint {
        /// The run directory.
        path: PathBuf,
    },
    /// A run resumed with changes to settings that cannot change within a run.
    #[error(
        "{path} cannot be resumed with these changed settings: {changes}. A learning rate, a \
         schedule or a number of epochs can change within a run, but these cannot: revert them, \
         or start a new run from its model",
        path = path.printable(),
        changes = changed_settings(changes)
    )]
    Resume {
        /// The run's directory.
        path: PathBuf,
        /// The settings concerned.
        changes: Vec<SettingChange>,
    },
    /// A training step that does not fit in memory.
    #[error(
        "a training step takes about {needed} of memory, but {available} are available: use a \
         smaller `data.image_size` (now {height}x{width}), a smaller `train.batch_size` (now \
         {batch} images per step) or fewer `machine.threads` (now {threads})",
        needed = gib(*needed),
        available = gib(*available)
    )]
    Memory {
        /// The estimate, in bytes.
        needed: u64,
        /// Memory available to this process, in bytes.
        available: u64,
        /// Height of an input image, in pixels.
        height: usize,
        /// Width of an input image, in pixels.
        width: usize,
        /// Images per step.
        batch: usize,
        /// Concurrent compute threads.
        threads: usize,
    },
    /// A pass of a network, outside training, that does not fit in memory.
    #[error(
        "{what} takes at least {needed} of memory, but {available} are available: {remedy}",
        needed = gib(*needed),
        available = gib(*available)
    )]
    PassMemory {
        /// What is computed, for how many images of what size.
        what: String,
        /// A lower bound, in bytes.
        needed: u64,
        /// Memory available to this process, in bytes.
        available: u64,
        /// How to reduce the memory.
        remedy: String,
    },
    /// A recorder's state that cannot be stored or restored.
    #[error("the recorder `{name}`: {problem}")]
    Recorder {
        /// The name under which the recorder keeps its state.
        name: String,
        /// The problem.
        problem: String,
    },
    /// Processes that cannot train together.
    #[error("{0}")]
    Ranks(String),
    /// Another process of the run has failed, so all of them end.
    #[error("{rank}: {message}")]
    Rank {
        /// The rank, with the name of its machine.
        rank: String,
        /// Its error.
        message: String,
        /// Whether it is a usage error.
        is_usage: bool,
    },
    /// I/O error.
    #[error("could not {action} {path}: {source}", path = path.printable())]
    Io {
        /// What failed, as a verb: `read`, `write`, `create` ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// A remedy at the end of a sentence, if there is one.
fn after_colon(remedy: &str) -> String {
    match remedy {
        "" => String::new(),
        remedy => format!(": {remedy}"),
    }
}

/// Maximum number of changed settings in a message.
const NAMED_CHANGES: usize = 6;

fn changed_settings(changes: &[SettingChange]) -> String {
    let mut named: Vec<String> = changes
        .iter()
        .take(NAMED_CHANGES)
        .map(|change| format!("`{}`", change.setting) + &change.to_string()[change.setting.len()..])
        .collect();
    if changes.len() > NAMED_CHANGES {
        named.push(format!("and {} more", changes.len() - NAMED_CHANGES));
    }
    named.join(", ")
}

/// A setting that changed before a run was resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The setting, named as in the config file.
    pub setting: String,
    /// Its value in the checkpoint, as TOML; `None` if it was not set.
    pub old: Option<String>,
    /// Its value now.
    pub new: Option<String>,
}

impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".into());
        write!(
            f,
            "{}: {} -> {}",
            self.setting,
            value(&self.old),
            value(&self.new)
        )
    }
}

/// A number of bytes for messages.
fn gib(bytes: u64) -> String {
    match bytes >> 20 {
        mib @ 0..10_000 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}

impl From<InspectError> for TrainError {
    fn from(error: InspectError) -> Self {
        Self::Inspect(Box::new(error))
    }
}

impl TrainError {
    /// Whether the command or the config is at fault, rather than the files.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. }
            | Self::Needs { .. }
            | Self::NotFound { .. }
            | Self::Config { .. }
            | Self::Resume { .. }
            | Self::Memory { .. }
            | Self::PassMemory { .. } => true,
            Self::Rank { is_usage, .. } => *is_usage,
            Self::Data(error) => error.is_usage(),
            Self::Model(error) => error.is_usage(),
            Self::Field(error) => error.is_usage(),
            Self::Inspect(error) => error.is_usage(),
            Self::Plot(error) => error.is_usage(),
            Self::Diverged { .. }
            | Self::Worker { .. }
            | Self::Backend { .. }
            | Self::Lost { .. }
            | Self::Recorder { .. }
            | Self::Ranks(_)
            | Self::Run { .. }
            | Self::NoEpoch { .. }
            | Self::NoCheckpoint { .. }
            | Self::Io { .. } => false,
        }
    }

    /// Adds how to give a new path to an error about the layout of a run's data, for example if the class
    /// folders were moved into another folder.
    #[must_use]
    pub fn or_moved(self, remedy: &str) -> Self {
        match self {
            Self::Data(DataError::Layout { path, problem }) => {
                let remedy = after_colon(remedy);
                let problem =
                    format!("{problem}; if the run's data was moved, give its new path{remedy}");
                Self::Data(DataError::Layout { path, problem })
            }
            other => other,
        }
    }

    pub(crate) fn setting(setting: &str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting: setting.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn run(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Run {
            path: path.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn io(
        path: impl Into<PathBuf>,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
