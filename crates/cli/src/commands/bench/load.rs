//! Loading image files as batches: decoding, resizing, augmentation.

use crate::error::CliError;
use receptive_data::{
    Augment, DataOptions, ImageSize, Loader, LoaderOptions, NoProgress, Resize, Samples, open,
    order,
};
use receptive_train::check_bytes;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// How fast a data set's training images are loaded as batches.
#[derive(Serialize)]
pub(super) struct LoadTiming {
    /// Images of an epoch.
    pub(super) images: usize,
    /// Threads that load batches.
    pub(super) workers: usize,
    /// Images per second in the first epoch, which decodes every file.
    pub(super) images_per_s: f64,
    /// Images per second in the second epoch, from the cache as far as it is large enough.
    pub(super) images_per_s_later: f64,
}

/// Times two epochs of `data` at `side` x `side` pixels, in batches of `batch_size` by so many workers.
pub(super) fn load(
    data: &str,
    options: &DataOptions,
    (side, batch_size, workers): (usize, usize, usize),
    augment: &Augment,
) -> Result<LoadTiming, CliError> {
    let train = open(data, options, &NoProgress)?.train;
    let size = ImageSize::new(3, side, side);
    let batches = (workers.max(1) as u64).saturating_mul(batch_size.min(train.len()) as u64);
    check_bytes(
        batches.saturating_mul(4 * size.len() as u64),
        "a batch of each worker",
        "use a smaller --size or --batch, or fewer --workers",
    )?;
    let samples = Samples::new(train, size, Resize::Crop, Samples::CACHE_BYTES);
    let samples = Arc::new(samples);
    let epoch = |epoch: u64| -> Result<f64, CliError> {
        let options = LoaderOptions {
            batch_size,
            workers,
            augment: augment.clone(),
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
    Ok(LoadTiming {
        images: samples.len(),
        workers,
        images_per_s: epoch(0)?,
        images_per_s_later: epoch(1)?,
    })
}
