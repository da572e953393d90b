//! The error type of this crate.

use receptive_core::text::Printable;
use receptive_model::ModelError;
use std::path::PathBuf;

/// Why a field cannot be measured, predicted or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErfError {
    /// The number of values does not match the map.
    #[error("a map of {height} x {width} pixels needs {} values, but there are {found}", height * width)]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Number of values given.
        found: usize,
    },
    /// An invalid setting of the measurement.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// What was expected, what was found, and what to do.
        problem: String,
    },
    /// The network cannot be measured in this way.
    #[error("the network {problem}")]
    Network {
        /// The problem, and what was expected.
        problem: String,
    },
    /// An input could not be loaded.
    #[error("input {sample}: {problem}")]
    Input {
        /// The index of the sample, from 0.
        sample: u64,
        /// What is wrong.
        problem: String,
    },
    /// Another process that shares the measurement failed.
    #[error("{message}")]
    Peer {
        /// Which process, and its error.
        message: String,
        /// Whether its caller's settings are at fault.
        is_usage: bool,
    },
    /// The model crate rejected a config, plan or artifact.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// I/O error.
    #[error("could not {action} {}: {source}", path.printable())]
    Io {
        /// What was being done, as a verb: `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A figure could not be drawn.
    #[cfg(feature = "picture")]
    #[error(transparent)]
    Picture(#[from] receptive_plot::PlotError),
}

impl ErfError {
    /// Whether the caller's settings are at fault, not the files or the network.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. } => true,
            Self::Peer { is_usage, .. } => *is_usage,
            Self::Model(error) => error.is_usage(),
            #[cfg(feature = "picture")]
            Self::Picture(error) => error.is_usage(),
            Self::Size { .. } | Self::Network { .. } | Self::Input { .. } | Self::Io { .. } => {
                false
            }
        }
    }

    pub(crate) fn setting(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting,
            problem: problem.into(),
        }
    }

    pub(crate) fn network(problem: impl Into<String>) -> Self {
        Self::Network {
            problem: problem.into(),
        }
    }
}
