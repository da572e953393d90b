//! What the loop needs before its first step.

use crate::config::{ClassWeights, TrainConfig, WeightRule};
use crate::{Prepared, TrainError};
use receptive_data::{Loader, LoaderOptions, order};
use std::sync::Arc;

/// The epoch's batches without the first `done`: order and augmentation are pure functions of seed,
/// epoch and image.
pub(crate) fn epoch_loader(prepared: &Prepared, epoch: u64, done: u64) -> Loader {
    let config = &prepared.config;
    let options = LoaderOptions {
        batch_size: config.train.batch_size,
        workers: config.machine.workers,
        augment: config.train.augment.clone(),
        mean: prepared.input.mean.clone(),
        std: prepared.input.std.clone(),
        seed: config.train.seed,
        epoch,
        ..LoaderOptions::default()
    };
    let mut indices = order(prepared.train.len(), config.train.seed, epoch);
    let done = done as usize * config.train.batch_size;
    indices.drain(..done.min(indices.len()));
    Loader::new(Arc::clone(&prepared.train), indices, options)
}

/// A weight for each class, where the config wants one.
pub(super) fn class_weights(
    config: &TrainConfig,
    prepared: &Prepared,
) -> Result<Option<Vec<f32>>, TrainError> {
    let classes = prepared.data.classes.len();
    match &config.class_weights {
        ClassWeights::Rule(WeightRule::None) => Ok(None),
        ClassWeights::Rule(WeightRule::Balanced) => {
            let counts = prepared.data.train.class_counts();
            let images = prepared.train.len() as f64;
            // A class without images has no loss to weigh.
            let weight = |count: usize| images / (classes * count.max(1)) as f64;
            Ok(Some(
                counts
                    .into_iter()
                    .map(|count| weight(count) as f32)
                    .collect(),
            ))
        }
        ClassWeights::Given(weights) => {
            if weights.len() != classes {
                return Err(TrainError::setting(
                    "train.class_weights",
                    format!("there are {} weights for {classes} classes", weights.len()),
                ));
            }
            if weights
                .iter()
                .any(|weight| !(weight.is_finite() && *weight > 0.0))
            {
                return Err(TrainError::setting(
                    "train.class_weights",
                    "use positive numbers",
                ));
            }
            Ok(Some(weights.clone()))
        }
    }
}
