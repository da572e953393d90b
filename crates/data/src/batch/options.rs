//! Options of batches.

use crate::augment::batch::BatchAugment;
use crate::augment::settings::Augment;
use crate::batch::samples::Samples;
use crate::error::DataError;
use crate::image::resize::check_size;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The rows of each batch that its consumer uses, as a function of the batch number, from 0.
#[derive(Clone)]
pub struct BatchRows(Arc<dyn Fn(usize) -> Range<usize> + Send + Sync>);

impl BatchRows {
    /// The rows that a function returns.
    pub fn new(rows: impl Fn(usize) -> Range<usize> + Send + Sync + 'static) -> Self {
        Self(Arc::new(rows))
    }

    /// The rows of one batch of `length` rows.
    pub(super) fn of(&self, batch: usize, length: usize) -> Range<usize> {
        let rows = (self.0)(batch);
        rows.start.min(length)..rows.end.min(length)
    }
}

impl fmt::Debug for BatchRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchRows")
    }
}

/// Options of batches.
#[derive(Clone, Debug)]
pub struct LoaderOptions {
    /// Images per batch, at least 1.
    pub batch_size: usize,
    /// Number of threads that load batches; 0 loads each batch in the calling thread when it is needed. Does
    /// not change the result.
    pub workers: usize,
    /// Maximum number of batches loaded in advance, at least 1. Each takes `4 * batch_size * channels * height
    /// * width` bytes.
    pub prefetch: usize,
    /// Augmentation; off by default, and must stay off for validation and test.
    pub augment: Augment,
    /// The class names; needed only if `augment` excludes some.
    pub classes: Vec<String>,
    /// A batch augmentation instead of the one in `augment` (mixup and CutMix). None by default; must be `None`
    /// for validation and test.
    pub batch_augment: Option<Arc<dyn BatchAugment>>,
    /// Mean of each channel, in units of the full range (0 to 1).
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, in units of the full range.
    pub std: Vec<f32>,
    /// Whether images stay bytes ([`Images::bytes`](crate::Images::bytes)), a quarter of the memory, for a device that
    /// normalises them; off by default. Images that are mixed are values all the same.
    pub bytes: bool,
    /// With `epoch` and an image's index, the key of its augmentation.
    pub seed: u64,
    /// See `seed`.
    pub epoch: u64,
    /// How often each index occurred before in this epoch ([`Draws`](crate::Draws)), so that its
    /// augmentation differs; empty if none is repeated.
    pub repeats: Vec<u64>,
    /// Whether to drop a smaller last batch.
    pub drop_last: bool,
    /// The rows of each batch for which images are read; all by default. The pixels of the others are 0, but
    /// their labels are set. mixup and CutMix also read the image that a row is mixed with; a custom
    /// `batch_augment` reads all images.
    pub rows: Option<BatchRows>,
}

impl Default for LoaderOptions {
    /// 64 grey images per batch, two workers, four batches in advance, no augmentation.
    fn default() -> Self {
        Self {
            batch_size: 64,
            workers: 2,
            prefetch: 4,
            augment: Augment::default(),
            classes: Vec::new(),
            batch_augment: None,
            mean: vec![0.0],
            std: vec![1.0],
            bytes: false,
            seed: 0,
            epoch: 0,
            repeats: Vec::new(),
            drop_last: false,
            rows: None,
        }
    }
}

impl LoaderOptions {
    pub(super) fn check(&self, samples: &Samples, indices: &[usize]) -> Result<(), DataError> {
        check_size(&samples.size())?;
        self.augment.check()?;
        if self.batch_size == 0 {
            return Err(DataError::setting(
                "train.batch_size",
                "it is 0; use 1 or more",
            ));
        }
        if let Some(&index) = indices.iter().find(|index| **index >= samples.len()) {
            return Err(DataError::Index {
                index,
                len: samples.len(),
            });
        }
        if self.mean.len() != samples.size().channels {
            return Err(DataError::setting(
                "mean and std",
                format!(
                    "{} means for images of {} channels; give one per channel",
                    self.mean.len(),
                    samples.size().channels
                ),
            ));
        }
        Ok(())
    }
}
