use receptive_core::text::Printable;
use receptive_model::ModelError;
use std::path::{Path, PathBuf};

/// Everything that can go wrong when a classifier is exported to, or imported from, another
/// program's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterchangeError {
    /// An error concerning the config, the plan or the artifact.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An invalid file.
    #[error("{path}: {reason}", path = path.printable())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected, what was found, what to do.
        reason: String,
    },
    /// A setting that does not fit the file.
    #[error("{setting}: {problem}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What was expected, what was found, what to do.
        problem: String,
    },
    /// The weights are those of another network.
    #[error("{}: its weights do not belong to this network: {problem}; {remedy}", .path.printable())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What the network has and what the file has.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The format does not support the network.
    #[error("the network cannot be written as {format}: {problem}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// The unsupported part.
        problem: String,
    },
}

impl InterchangeError {
    /// Whether the config or the command is at fault, not the files.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Model(error) => error.is_usage(),
            Self::Setting { .. } => true,
            Self::File { .. } | Self::Mismatch { .. } | Self::Unwritable { .. } => false,
        }
    }

    /// A mismatch, with its file.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match self {
            Self::Mismatch {
                problem, remedy, ..
            } => Self::Mismatch {
                path: path.into(),
                problem,
                remedy,
            },
            other => other,
        }
    }

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
