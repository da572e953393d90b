use receptive_model::ModelError;
use std::path::PathBuf;

/// Everything that can go wrong between a classifier and another program's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterchangeError {
    /// The config, the plan or the artifact.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file that can't be read as what it should be.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        reason: String,
    },
    /// Weights of another network.
    #[error("the weights are not those of this network: {problem}; {remedy}")]
    Mismatch {
        /// What the network has and what the file has.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A network that the format has no room or no words for.
    #[error("the network can't be written as {format}: {problem}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// What it can't hold.
        problem: String,
    },
}

impl InterchangeError {
    pub(crate) fn file(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn unwritable(format: &'static str, problem: impl Into<String>) -> Self {
        Self::Unwritable {
            format,
            problem: problem.into(),
        }
    }
}
