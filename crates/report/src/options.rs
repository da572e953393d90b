//! Options of a report, and the receiver of its progress.

use receptive_data::Progress;
use receptive_train::Remedies;
use std::path::PathBuf;

/// The size and effort of a report.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Number of threads for evaluation and measurement.
    pub threads: usize,
    /// Maximum number of samples for measuring the effective receptive field.
    pub samples: u64,
    /// Number of images with the largest losses to show.
    pub losses: usize,
    /// Number of images of an augmented batch to show.
    pub batch: usize,
    /// Number of channels to show per layer, beginning with the strongest.
    pub channels: usize,
    /// Path of the run's data, if it was moved.
    pub data: Option<String>,
    /// Path of the run's label list, if it was moved.
    pub labels: Option<PathBuf>,
    /// Directory in which named data sets are searched first, if not the run's.
    pub data_dir: Option<PathBuf>,
    /// How the user of this program sets new paths, for error messages.
    pub remedies: Remedies,
}

impl Default for ReportOptions {
    /// Defaults that take a few seconds for a small network.
    fn default() -> Self {
        Self {
            threads: 1,
            samples: 400,
            losses: 24,
            batch: 24,
            // Together with the image itself, three rows of eight.
            channels: 23,
            data: None,
            labels: None,
            data_dir: None,
            remedies: Remedies::default(),
        }
    }
}

/// Receives progress while a report is generated.
#[expect(
    missing_debug_implementations,
    reason = "its trait objects need not be `Debug`"
)]
pub struct Watch<'a> {
    /// Called while the data set is opened.
    pub data: &'a dyn Progress,
    /// Called during evaluation: the split, the number of images done and their total.
    pub evaluation: &'a mut dyn FnMut(&str, usize, usize),
    /// Called while the field is measured: samples done, maximum number of samples, and the noise
    /// so far.
    pub field: &'a (dyn Fn(u64, u64, f64) + Sync),
}
