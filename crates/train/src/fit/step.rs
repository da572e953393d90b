//! One training step: the gradients of its batches as the sum of their shards'.

use super::loss::{Loss, Targets, correct};
use crate::compute::Compute;
use crate::error::TrainError;
use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{BatchStatistics, Classifier, DropoutKey, Precision};

/// The gradients of a step's loss, and what else its forward pass gave.
#[expect(missing_debug_implementations, reason = "burn's gradients have none")]
pub struct Gradients {
    pub(super) gradients: GradientsParams,
    /// The shards' batch-norm statistics, each with its share of the step's images.
    pub(super) statistics: Vec<(f64, Vec<BatchStatistics>)>,
    /// The mean loss of its images, `[1]`: a tensor, since reading it waits for a GPU.
    pub loss: Tensor<1>,
    /// How many images had their own class as the largest logit, `[1]`; of a mixed image, the class with
    /// the largest share.
    pub correct: Tensor<1>,
    /// The norm of all of them together, where a scaled loss made it known.
    pub(super) norm: Option<f64>,
}

impl Gradients {
    /// Whether the step can be made. In float16 the gradients of a scaled loss may leave the format's range; then
    /// [`Learner::update`](super::Learner::update) skips the step. Elsewhere it is not looked at.
    pub fn is_finite(&self) -> bool {
        self.norm.is_none_or(f64::is_finite)
    }
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
    /// Of convolutions and dense layers.
    pub(super) precision: Precision,
    /// What the gradients are multiplied by: a power of two.
    pub(super) scale: f64,
}

/// Cuts each batch of a step into shards, computes each on one thread and adds them up in order, so
/// the sum has the same bits for any number of threads. Several batches give the bits of one large
/// batch that is cut into the same shards.
pub(super) fn gradients(
    model: &Classifier,
    batches: &[Batch],
    loss: &Loss,
    sharding: Sharding,
    key: DropoutKey,
    compute: &Compute,
) -> Result<Gradients, TrainError> {
    let images: usize = batches.iter().map(|batch| batch.labels.len()).sum();
    let whole = |batch: &Batch| loss.weights(Targets::new(batch, 0..batch.labels.len()));
    let total: f64 = batches.iter().flat_map(whole).sum();
    let mut sum = Sum::default();
    let mut first_row = 0;
    for batch in batches {
        let key = DropoutKey { first_row, ..key };
        let of = Whole { images, total };
        let shards = shards(model, batch, of, loss, sharding, key, compute)?;
        compute.alone(|| sum.add(model, shards));
        first_row += batch.labels.len();
    }
    sum.finish().ok_or_else(|| TrainError::Worker {
        step: key.step + 1,
        reason: "the batch is empty".into(),
    })
}

/// All batches of a step.
#[derive(Debug, Clone, Copy)]
struct Whole {
    images: usize,
    /// The weight of these images in the loss.
    total: f64,
}

fn shards(
    model: &Classifier,
    batch: &Batch,
    of: Whole,
    loss: &Loss,
    sharding: Sharding,
    key: DropoutKey,
    compute: &Compute,
) -> Result<Vec<Shard>, TrainError> {
    let images = batch.labels.len();
    let values = batch.images.len() / images.max(1);
    compute
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
                    first_row: key.first_row + rows.start,
                    ..key
                };
                let forward = || model.forward_keyed_in(sharding.precision, x, key);
                // [rows, classes]
                let (logits, statistics) = match sharding.exact {
                    true => receptive_model::exactly(forward),
                    false => forward(),
                };
                let correct = correct(logits.clone().without_autodiff(), &targets.dominant());
                // Scaled before the backward pass, so that the gradients need only be added.
                let loss = loss
                    .forward(logits, targets)
                    .mul_scalar(loss.weight(targets) / of.total);
                let value = loss.clone().without_autodiff();
                let loss = match sharding.scale {
                    1.0 => loss,
                    scale => loss.mul_scalar(scale),
                };
                let gradients = GradientsParams::from_grads(loss.backward(), &*model);
                let share = rows.len() as f64 / of.images as f64;
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
        })
}

/// The shards so far.
#[derive(Default)]
struct Sum {
    gradients: GradientsAccumulator<Classifier>,
    statistics: Vec<(f64, Vec<BatchStatistics>)>,
    /// Loss and right answers.
    figures: Option<(Tensor<1>, Tensor<1>)>,
}

impl Sum {
    fn add(&mut self, model: &Classifier, shards: Vec<Shard>) {
        for shard in shards {
            self.gradients.accumulate(model, shard.gradients);
            self.statistics.push(shard.statistics);
            self.figures = Some(match self.figures.take() {
                None => (shard.loss, shard.correct),
                Some((loss, correct)) => (loss + shard.loss, correct + shard.correct),
            });
        }
    }

    fn finish(mut self) -> Option<Gradients> {
        let (loss, correct) = self.figures?;
        Some(Gradients {
            gradients: self.gradients.grads(),
            statistics: self.statistics,
            loss,
            correct,
            norm: None,
        })
    }
}
