//! The error type of this crate.

use receptive_core::text::Printable;
use receptive_data::DataError;
use receptive_erf::ErfError;
use receptive_inspect::InspectError;
use receptive_model::ModelError;
use receptive_plot::PlotError;
use std::path::PathBuf;

/// Everything that can go wrong on the way from a data set to a trained model.
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
    /// An image that the trained network is applied to.
    #[error(transparent)]
    Inspect(Box<InspectError>), // boxed, which keeps every `Result` below 128 bytes
    /// A chart.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A setting that cannot be used.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// The setting, as the config file names it.
        setting: String,
        /// What was expected, what was found and what to write instead.
        problem: String,
    },
    /// A config file that cannot be parsed.
    #[error("the config {origin} cannot be read: {reason}")]
    Config {
        /// The file, or what else the text came from.
        origin: String,
        /// The parser's own message.
        reason: String,
    },
    /// The loss or a weight became NaN or infinite.
    #[error(
        "the run diverged at step {step} (epoch {epoch}, learning rate {learning_rate:e}): \
         {problem}. Its batch holds {files}. {kept}. Try a smaller \
         `train.optimizer.learning_rate`, or `train.clip_norm = 1.0`"
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
        /// The batch's images; of many only the first, and where all are named.
        files: String,
        /// Which model of the run is left.
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
    /// A run directory that is not one, is in use, or holds what training does not write.
    #[error("{path}: {reason}", path = path.printable())]
    Run {
        /// The directory or file.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        reason: String,
    },
    /// I/O error.
    #[error("could not {action} {path}: {source}", path = path.printable())]
    Io {
        /// What was being done: `read`, `write`, `create` ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
}

impl From<InspectError> for TrainError {
    fn from(error: InspectError) -> Self {
        Self::Inspect(Box::new(error))
    }
}

impl TrainError {
    /// Whether the user's command or config asks for something impossible, whatever the files hold.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::Config { .. } => true,
            Self::Data(error) => error.is_usage(),
            Self::Model(error) => error.is_usage(),
            Self::Field(error) => error.is_usage(),
            Self::Inspect(error) => error.is_usage(),
            Self::Plot(error) => error.is_usage(),
            Self::Diverged { .. } | Self::Worker { .. } | Self::Run { .. } | Self::Io { .. } => {
                false
            }
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
