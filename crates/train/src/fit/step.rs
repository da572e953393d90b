//! One training step: the gradients of a batch as the sum of its shards'.

use super::loss::{Loss, Targets, correct};
use crate::compute::Compute;
use crate::error::TrainError;
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{BatchStatistics, Classifier, DropoutKey};

/// The gradients of a batch's loss, and what else its forward pass gave.
#[expect(missing_debug_implementations, reason = "burn's gradients have none")]
pub struct Gradients {
    pub(super) gradients: GradientsParams,
    /// The shards' batch-norm statistics, each with its share of the batch.
    pub(super) statistics: Vec<(f64, Vec<BatchStatistics>)>,
    /// The batch's loss, `[1]`: a tensor, since reading it waits for a GPU.
    pub loss: Tensor<1>,
    /// How many images had their own class as the largest logit, `[1]`; of a mixed image, the class with
    /// the largest share.
    pub correct: Tensor<1>,
}

/// One shard's contribution.
struct Shard {
    gradients: GradientsParams,
    statistics: (f64, Vec<BatchStatistics>),
    loss: Tensor<1>,
    correct: Tensor<1>,
}

/// How a batch is computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sharding {
    /// Images of a shard.
    pub(super) size: usize,
    /// Whether convolutions are plain sums.
    pub(super) exact: bool,
}

/// Cuts the batch into shards, computes each on one thread and adds them up
/// in order, so the sum has the same bits for any number of threads.
pub(super) fn gradients(
    model: &Classifier,
    batch: &Batch,
    loss: &Loss,
    sharding: Sharding,
    key: DropoutKey,
    compute: &Compute,
) -> Result<Gradients, TrainError> {
    let images = batch.labels.len();
    let values = batch.images.len() / images.max(1);
    let total = loss.weight(Targets::new(batch, 0..images));
    let shards = compute
        .map(
            images.div_ceil(sharding.size),
            // A clone shares its graph's leaves with the others, whose backward passes then wait
            // for each other; a fork has its own.
            |device| {
                let device = device.autodiff();
                (model.clone().fork(&device), device)
            },
            |(model, device), shard| {
                let rows = shard * sharding.size..((shard + 1) * sharding.size).min(images);
                let [_, channels, height, width] = batch.shape;
                let pixels = &batch.images[rows.start * values..rows.end * values];
                let x = Tensor::<4>::from_data(
                    TensorData::new(pixels.to_vec(), [rows.len(), channels, height, width]),
                    &*device,
                ); // [rows, channels, height, width]
                let targets = Targets::new(batch, rows.clone());
                let key = DropoutKey {
                    first_row: rows.start,
                    ..key
                };
                let forward = || model.forward_keyed(x, key);
                // [rows, classes]
                let (logits, statistics) = match sharding.exact {
                    true => receptive_model::exactly(forward),
                    false => forward(),
                };
                let correct = correct(logits.clone().without_autodiff(), &targets.dominant());
                // Scaled before the backward pass, so that the gradients need only be added.
                let loss = loss
                    .forward(logits, targets)
                    .mul_scalar(loss.weight(targets) / total);
                let value = loss.clone().without_autodiff();
                let gradients = GradientsParams::from_grads(loss.backward(), &*model);
                let share = rows.len() as f64 / images as f64;
                Shard {
                    gradients,
                    statistics: (share, statistics),
                    loss: value,
                    correct,
                }
            },
        )
        .map_err(|reason| TrainError::Worker {
            step: key.step + 1,
            reason,
        })?;
    compute
        .alone(|| add_up(model, shards))
        .ok_or_else(|| TrainError::Worker {
            step: key.step + 1,
            reason: "the batch is empty".into(),
        })
}

fn add_up(model: &Classifier, shards: Vec<Shard>) -> Option<Gradients> {
    let mut accumulator = GradientsAccumulator::new();
    let mut statistics = Vec::with_capacity(shards.len());
    let mut sums: Option<(Tensor<1>, Tensor<1>)> = None;
    for shard in shards {
        accumulator.accumulate(model, shard.gradients);
        statistics.push(shard.statistics);
        sums = Some(match sums {
            None => (shard.loss, shard.correct),
            Some((loss, correct)) => (loss + shard.loss, correct + shard.correct),
        });
    }
    let (loss, correct) = sums?;
    Some(Gradients {
        gradients: accumulator.grads(),
        statistics,
        loss,
        correct,
    })
}
