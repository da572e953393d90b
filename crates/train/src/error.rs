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
    /// A setting that can't be used.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// The setting, as `--set` and the config file name it.
        setting: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// A config file that can't be understood.
    #[error("the config {origin} can't be read: {reason}")]
    Config {
        /// The file, or what else the text came from.
        origin: String,
        /// The parser's own words.
        reason: String,
    },
    /// A backend that can't be used here.
    #[error("backend `{backend}`: {problem}")]
    Backend {
        /// The name asked for.
        backend: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The loss left the numbers.
    #[error(
        "the run diverged at step {step} (epoch {epoch}, learning rate {learning_rate:e}): \
         {problem}. Its batch holds {files}. {kept}. Try a smaller \
         `--set train.optimizer.learning_rate=...` or `--set train.clip_norm=1.0`"
    )]
    Diverged {
        /// What is no number: the loss, or a weight after a good one.
        problem: String,
        /// The step, counted from 1 over the whole run.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// The rate of this step.
        learning_rate: f64,
        /// The batch's images; of many only the first, and where all are named.
        files: String,
        /// Which model of the run is left.
        kept: String,
    },
    /// A thread that does a shard of a step gave up.
    #[error("a worker thread stopped at step {step}: {reason}; this is a bug, please report it")]
    Worker {
        /// The training step, counted from 1; 0 outside training.
        step: u64,
        /// The panic's own words.
        reason: String,
    },
    /// A run directory that is not one, or is in use.
    #[error("{path}: {reason}", path = path.display())]
    Run {
        /// The directory or file.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        reason: String,
    },
    /// A trained model without images to be applied to.
    #[error("{what}: {problem}: {remedy}")]
    NoData {
        /// The model's directory, or the data that was there once.
        what: String,
        /// What is wrong.
        problem: String,
        /// The command that names some.
        remedy: String,
    },
    /// The file system refused.
    #[error("{path}: {action} failed: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
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
            path,
            action,
            source,
        }
    }
}
