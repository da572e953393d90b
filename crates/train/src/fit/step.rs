//! One training step: the gradients of its batches, as the sum over their shards.

use super::across;
use super::loss::{Loss, Targets, correct};
use super::partial::Partial;
use crate::compute::{Compute, upload};
use crate::error::TrainError;
use crate::ranks::aligned::{AlignedSum, Block};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use receptive_data::Batch;
use receptive_model::{
    AutodiffDevice, BatchMoments, BatchStatistics, Classifier, DropoutKey, Precision,
};
use std::ops::Range;

/// The gradients of a step's loss, with the other results of its forward pass.
#[expect(missing_debug_implementations, reason = "burn's gradients have none")]
pub struct Gradients {
    pub(super) gradients: GradientsParams,
    /// What each batch norm saw of the step's images.
    pub(super) statistics: Vec<BatchStatistics>,
    /// The mean loss of its images, `[1]`. A tensor, since reading it waits for a GPU.
    pub loss: Tensor<1>,
    /// The number of correctly classified images, `[1]`; for a mixed image the class with the largest share
    /// counts.
    pub correct: Tensor<1>,
    /// The norm of all gradients together, if it was computed for loss scaling.
    pub(super) norm: Option<f64>,
}

impl Gradients {
    /// Whether the weights can be updated. In float16 the gradients of a scaled loss may overflow; then
    /// [`Learner::update`](super::Learner::update) skips the step. In other formats this is not checked.
    pub fn is_finite(&self) -> bool {
        self.norm.is_none_or(f64::is_finite)
    }
}

/// How a batch is computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sharding {
    /// Images per shard.
    pub(super) size: usize,
    /// Whether convolutions are plain sums.
    pub(super) exact: bool,
    /// The precision of convolutions and dense layers.
    pub(super) precision: Precision,
    /// Whether outputs are computed again in the backward pass.
    pub(super) checkpointing: bool,
    /// The loss scale, a power of two.
    pub(super) scale: f64,
}

/// Splits each batch of a step into shards, computes each on one thread and adds the results as an aligned tree
/// over all shards of the step. The sum is bit-identical for any number of threads and devices, and the same
/// for several batches as for one large batch with the same shards.
pub(super) fn gradients(
    model: &Classifier,
    batches: &[Batch],
    loss: &Loss,
    sharding: Sharding,
    key: DropoutKey,
    compute: &Compute,
) -> Result<Gradients, TrainError> {
    let worker = |reason| TrainError::Worker {
        step: key.step + 1,
        reason,
    };
    let whole = |batch: &Batch| loss.weights(Targets::new(batch, 0..batch.labels.len()));
    let step = StepContext {
        images: batches.iter().map(|batch| batch.labels.len()).sum(),
        total: batches.iter().flat_map(whole).sum(),
        sharding,
        key,
    };
    let shards = shards(batches, sharding.size);
    let own = compute.part(shards.len());
    let sum = AlignedSum::default();
    // A sum that a GPU's other threads computed could not be changed in place: one thread adds.
    let adds_at_once = compute.is_cpu() || compute.threads() == 1;
    let add = |left: Partial, right| left.add(right, model);
    let computed = compute
        .map(
            own.len(),
            // Clones share the leaves of the autodiff graph, so their backward passes would wait for each
            // other; copies do not.
            |device| {
                let device = device.autodiff();
                let model = model.copied_to(&device);
                let (device, model) = match sharding.checkpointing {
                    true => (device.checkpointing(), model.checkpointing()),
                    false => (device, model),
                };
                (model, loss.on(&device), device)
            },
            |(model, loss, device), number| {
                let number = own.start + number;
                let partial = step.partial(model, loss, &shards[number], device);
                let leaf = Block::leaf(number, partial);
                if adds_at_once {
                    sum.insert(leaf, add);
                    return None;
                }
                Some(leaf)
            },
        )
        .map_err(worker);
    let computed = computed.map(|later| {
        compute.alone(|| {
            later
                .into_iter()
                .flatten()
                .for_each(|leaf| sum.insert(leaf, add))
        });
    });
    let sum = match compute.ranks() {
        None => {
            computed?;
            compute.alone(|| Some(sum.finish(add)?.on_device(compute.device(), model)))
        }
        Some(ranks) => {
            let own = computed.map(|()| sum.into_blocks());
            across::sum(ranks, own, shards.len(), model, compute)?
        }
    };
    sum.map(Gradients::from)
        .ok_or_else(|| worker("the batch is empty".into()))
}

impl From<Partial> for Gradients {
    fn from(sum: Partial) -> Self {
        let moments = sum.moments.into_iter();
        Self {
            gradients: sum.gradients,
            statistics: moments.map(BatchMoments::statistics).collect(),
            loss: sum.loss,
            correct: sum.correct,
            norm: None,
        }
    }
}

/// Some rows of a batch, computed together.
struct Shard<'a> {
    batch: &'a Batch,
    rows: Range<usize>,
    /// The index of the batch's first row among all rows of the step.
    first_row: usize,
}

/// The shards of a step in order; each batch is split separately.
fn shards(batches: &[Batch], size: usize) -> Vec<Shard<'_>> {
    let mut shards = Vec::new();
    let mut first_row = 0;
    for batch in batches {
        let images = batch.labels.len();
        shards.extend((0..images).step_by(size).map(|start| Shard {
            batch,
            rows: start..(start + size).min(images),
            first_row,
        }));
        first_row += images;
    }
    shards
}

/// What all shards of a step share.
#[derive(Debug, Clone, Copy)]
struct StepContext {
    images: usize,
    /// The total weight of the images in the loss.
    total: f64,
    sharding: Sharding,
    key: DropoutKey,
}

impl StepContext {
    fn partial(
        &self,
        model: &Classifier,
        loss: &Loss,
        shard: &Shard<'_>,
        device: &AutodiffDevice,
    ) -> Partial {
        let Shard { batch, rows, .. } = shard;
        let x = upload::images_on(batch, rows.clone(), device); // [rows, channels, height, width]
        let targets = Targets::new(batch, rows.clone());
        let key = DropoutKey {
            first_row: self.key.first_row + shard.first_row + rows.start,
            ..self.key
        };
        let forward = || model.forward_keyed_in(self.sharding.precision, x, key);
        // [rows, classes]
        let (logits, statistics) = match self.sharding.exact {
            true => receptive_model::exactly(forward),
            false => forward(),
        };
        let correct = correct(logits.clone().without_autodiff(), &targets.dominant());
        // Weighted before the backward pass, so that the gradients can simply be added.
        let loss = loss
            .forward(logits, targets)
            .mul_scalar(loss.weight(targets) / self.total);
        let value = loss.clone().without_autodiff();
        let loss = match self.sharding.scale {
            1.0 => loss,
            scale => loss.mul_scalar(scale),
        };
        let gradients = GradientsParams::from_grads(loss.backward(), model);
        let share = rows.len() as f64 / self.images as f64;
        let seen = statistics.into_iter();
        Partial {
            gradients,
            moments: seen.map(|seen| seen.moments(share)).collect(),
            loss: value,
            correct,
        }
    }
}
