//! Image files to batches: decoding, resizing, augmenting.

use crate::{TrainConfig, TrainError};
use receptive_data::{
    DataOptions, ImageSize, Loader, LoaderOptions, NoProgress, Resize, Samples, open, order,
};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// How fast a data set's training images became batches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Loaded {
    /// Images of an epoch.
    pub images: usize,
    /// Threads that made batches.
    pub workers: usize,
    /// Images a second of the first epoch, which decodes every file.
    pub images_per_s: f64,
    /// Images a second of the second epoch: from memory, as far as they fit.
    pub images_per_s_later: f64,
}

/// Two epochs of `data` at `side` x `side` pixels, in batches, augmented as in training by default.
///
/// # Errors
/// When the data can't be opened or an image not be read.
pub fn load(
    data: &str,
    side: usize,
    batch_size: usize,
    workers: usize,
) -> Result<Loaded, TrainError> {
    let train = open(data, &DataOptions::default(), &NoProgress)?.train;
    let size = ImageSize {
        channels: 3,
        height: side,
        width: side,
    };
    let samples = Arc::new(Samples::new(
        train,
        size,
        Resize::Crop,
        Samples::CACHE_BYTES,
    ));
    let epoch = |epoch: u64| -> Result<f64, TrainError> {
        let options = LoaderOptions {
            batch_size,
            workers,
            augment: TrainConfig::default().augment,
            mean: vec![0.5; 3],
            std: vec![0.25; 3],
            epoch,
            ..LoaderOptions::default()
        };
        let order = order(samples.len(), 0, epoch);
        let began = Instant::now();
        for batch in Loader::new(samples.clone(), order, options) {
            batch?;
        }
        Ok(samples.len() as f64 / began.elapsed().as_secs_f64())
    };
    Ok(Loaded {
        images: samples.len(),
        workers,
        images_per_s: epoch(0)?,
        images_per_s_later: epoch(1)?,
    })
}
