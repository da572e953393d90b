//! What can go wrong.

use receptive_model::ModelError;
use std::path::PathBuf;

/// Why a field can't be measured, predicted or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErfError {
    /// Values that do not fill a map.
    #[error("a map of {height} x {width} pixels needs {} values, but there are {found}", height * width)]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Values given.
        found: usize,
    },
    /// A probe that the network has no unit for.
    #[error("{probe}: {problem}")]
    Probe {
        /// The probe in words.
        probe: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// An option that makes no sense.
    #[error("{option}: {problem}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A network that gave what it should not.
    #[error("the network {problem}")]
    Network {
        /// What it gave, and what was expected.
        problem: String,
    },
    /// An input that can't be had.
    #[error("input {sample}: {problem}")]
    Input {
        /// The number of the sample, from 0.
        sample: u64,
        /// What is wrong.
        problem: String,
    },
    /// The model crate refuses.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file that can't be written.
    #[error("{}: writing failed: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A picture that can't be drawn.
    #[cfg(feature = "picture")]
    #[error(transparent)]
    Picture(#[from] receptive_plot::PlotError),
}
