//! The mean of the last epochs' weights, with its batch norm statistics.

use super::learner::{Learner, epoch_loader};
use super::step::Sharding;
use crate::averaged::WeightAverage;
use crate::compute::{Compute, upload};
use crate::config::AverageStatistics;
use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::stop::Stop;
use burn::module::Module;
use receptive_data::Batch;
use receptive_model::{BatchStatistics, Classifier, DropoutKey};

impl Learner<'_> {
    /// The averaged weights to validate after this epoch; `None` if the trained ones are to be validated. Does
    /// not modify the learner, so that the end of an epoch can be repeated. The statistics are incomplete if a
    /// stop was requested.
    pub(super) fn averaged_after(
        &self,
        setup: &RunSetup,
        epoch: usize,
        stop: &Stop,
        compute: &Compute,
    ) -> Result<Option<WeightAverage>, TrainError> {
        let config = &setup.config.train;
        let Some(average) = &config.average else {
            return Ok(self.averaged.clone());
        };
        if !average.includes(epoch, config.epochs) {
            return Ok(None);
        }
        let mut mean =
            compute.alone(|| WeightAverage::with_epoch(self.averaged.as_ref(), &self.model));
        if average.statistics == AverageStatistics::Recompute {
            let model = mean.model.train();
            let seen = statistics(&model, setup, epoch, self.sharding, stop, compute)?;
            mean.model = compute.alone(|| model.with_statistics(&seen).valid());
        }
        Ok(Some(mean))
    }
}

/// The batch norm statistics over the epoch's images, passed through the model as in training: augmented, in
/// the same batches and shards, with dropout.
fn statistics(
    model: &Classifier,
    setup: &RunSetup,
    epoch: usize,
    sharding: Sharding,
    stop: &Stop,
    compute: &Compute,
) -> Result<Vec<BatchStatistics>, TrainError> {
    // Gradients are not needed, but batch norms use batch statistics only on an autodiff device.
    let model = model.clone().no_grad();
    let mut seen = Vec::new();
    let mut images = 0;
    for batch in epoch_loader(setup, epoch as u64, 0, compute) {
        // Without trained batch norms there are no statistics.
        if seen.is_empty() && images > 0 || stop.requested().is_some() {
            break;
        }
        let batch = batch?;
        let key = DropoutKey {
            seed: setup.config.train.seed,
            step: setup.steps_per_epoch() * epoch as u64,
            first_row: images,
        };
        let shards = pass(&model, &batch, sharding, key, compute)?;
        compute.alone(|| {
            for (rows, statistics) in shards {
                let all = (images + rows) as f64;
                let before = std::mem::take(&mut seen);
                let device = compute.device();
                let statistics = statistics.iter().map(|seen| seen.to_device(device));
                let parts = [
                    (images as f64 / all, before),
                    (rows as f64 / all, statistics.collect()),
                ];
                seen = BatchStatistics::of_parts(&parts);
                images += rows;
            }
        });
    }
    Ok(seen)
}

/// For each shard of a batch, its number of images and its batch norm statistics.
fn pass(
    model: &Classifier,
    batch: &Batch,
    sharding: Sharding,
    key: DropoutKey,
    compute: &Compute,
) -> Result<Vec<(usize, Vec<BatchStatistics>)>, TrainError> {
    let images = batch.labels.len();
    let shard_size = sharding.size;
    compute
        .map(
            images.div_ceil(shard_size),
            |device| {
                let device = device.autodiff();
                (model.copied_to(&device), device)
            },
            |(model, device), shard| {
                let rows = shard * shard_size..((shard + 1) * shard_size).min(images);
                let key = DropoutKey {
                    first_row: key.first_row + rows.start,
                    ..key
                };
                let count = rows.len();
                let x = upload::images_on(batch, rows, device); // [rows, channels, height, width]
                let (_, seen) = model.forward_keyed_in(sharding.precision, x, key);
                (count, seen)
            },
        )
        .map_err(|reason| TrainError::Worker {
            step: key.step,
            reason,
        })
}
