//! Options of a report, and the receiver of its progress.

use receptive_data::Progress;
use std::path::PathBuf;

/// What a report shows and how long it may take.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Threads that evaluate and measure.
    pub threads: usize,
    /// The largest number of samples that the effective receptive field is measured on.
    pub samples: u64,
    /// How many of the images with the largest losses are shown.
    pub losses: usize,
    /// How many images of an augmented batch are shown.
    pub batch: usize,
    /// The strongest channels shown of each layer.
    pub channels: usize,
    /// Where the run's data is now, if it was moved.
    pub data: Option<String>,
    /// Where named data sets are looked for first, if not where the run did.
    pub data_dir: Option<PathBuf>,
}

impl Default for ReportOptions {
    /// Quick: a few seconds for a small network.
    fn default() -> Self {
        Self {
            threads: 1,
            samples: 400,
            losses: 24,
            batch: 24,
            // With the picture itself three rows of eight.
            channels: 23,
            data: None,
            data_dir: None,
        }
    }
}

/// Receives progress while a report is made.
#[expect(
    missing_debug_implementations,
    reason = "its trait objects need not be `Debug`"
)]
pub struct Watch<'a> {
    /// While the data set is opened.
    pub data: &'a dyn Progress,
    /// While it is evaluated: the split, images done and in all.
    pub evaluation: &'a mut dyn FnMut(&str, usize, usize),
    /// While the field is measured: samples done, at most, and the noise so far.
    pub field: &'a (dyn Fn(u64, u64, f64) + Sync),
}
