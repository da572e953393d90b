use receptive_core::text::{Printable, counted};
use std::ops::Range;
use std::path::PathBuf;

/// Everything that can go wrong with a config, a plan or an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The text is not a model config: a syntax error, an unknown key, a wrong type.
    #[error("could not read the model config {origin}: {reason}")]
    Config {
        /// The file, or another source of the text.
        origin: String,
        /// The parser's own message, with line and column if known.
        reason: String,
    },
    /// A layer that cannot be built on the input it gets.
    #[error("layer {number} ({kind}): {problem}; {remedy}")]
    Layer {
        /// The layer's position, from 1; `4.2` is the second layer within layer 4.
        number: String,
        /// The layer's type, as in the config.
        kind: &'static str,
        /// What is wrong, with the values of the formula if there is one.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// The config as a whole cannot be a classifier.
    #[error("the model cannot be planned: {problem}; {remedy}")]
    Model {
        /// What is wrong.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// No preset has this name.
    #[error("there is no preset `{name}`; {known}")]
    UnknownPreset {
        /// The given name.
        name: String,
        /// Similar names or, if there are none, the existing ones.
        known: String,
    },
    /// No layer has this number or name.
    #[error("the model has no layer `{layer}`; {known}")]
    UnknownLayer {
        /// The given layer.
        layer: String,
        /// Numbers and names of some existing layers, those that may be meant if there are any.
        known: String,
    },
    /// The layer's output does not have these units.
    #[error(
        "layer {layer} has {} and {} of units, counted from 0; rows {rows:?} and columns \
         {columns:?} are not among them",
        counted(*height, "row"),
        counted(*width, "column")
    )]
    Units {
        /// The layer's name.
        layer: String,
        /// The given rows.
        rows: Range<usize>,
        /// The given columns.
        columns: Range<usize>,
        /// The number of rows.
        height: usize,
        /// The number of columns.
        width: usize,
    },
    /// The directory is not a complete, unchanged artifact.
    #[error("{path}: {reason}", path = path.printable())]
    Artifact {
        /// The file or directory.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// I/O error.
    #[error("could not {action} {path}: {source}", path = path.printable())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done, for example "read".
        action: &'static str,
        /// The system's own error.
        source: std::io::Error,
    },
}

impl ModelError {
    /// Whether the config or the command is at fault, not the files.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Config { .. }
            | Self::Layer { .. }
            | Self::Model { .. }
            | Self::UnknownPreset { .. }
            | Self::UnknownLayer { .. } => true,
            Self::Units { .. } | Self::Artifact { .. } | Self::Io { .. } => false,
        }
    }

    pub(crate) fn artifact(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Artifact {
            path: path.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn model(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Model {
            problem: problem.into(),
            remedy: remedy.into(),
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
