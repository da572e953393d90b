//! `batch_norm`: normalises each channel to mean 0 and variance 1. The statistics of shards are
//! merged in a fixed order.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, read};
use super::pass::{BatchMoments, BatchStatistics, Pass};
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Layer, Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::module::{Module, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::ops::Add;

/// `type = "batch_norm"`: normalises each channel to mean 0 and variance 1, then applies a trainable
/// scale and shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNormLayer {
    /// Added to the variance. Default: 1e-5.
    pub epsilon: f64,
    /// The weight of the latest step in the running statistics, as in PyTorch; Keras's `momentum`
    /// is 1 minus this. Default: 0.1.
    pub momentum: f64,
}

impl Default for BatchNormLayer {
    fn default() -> Self {
        Self {
            epsilon: 1e-5,
            momentum: 0.1,
        }
    }
}

/// A planned [`BatchNormLayer`].
#[derive(Debug, Clone)]
pub struct BatchNormOp {
    /// Channels of a map, or values of a row.
    pub features: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// The weight of the latest step in the running statistics.
    pub momentum: f64,
}

impl LayerKind for BatchNormLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let &Self { epsilon, momentum } = self;
        at.positive("epsilon", epsilon)?;
        if !(0.0..=1.0).contains(&momentum) {
            return Err(at.reject(
                format!("`momentum` is {momentum}"),
                "set it to a number from 0 to 1",
            ));
        }
        let features = at.input.shape.channels();
        let operation = Operation::BatchNorm(BatchNormOp {
            features,
            epsilon,
            momentum,
        });
        Ok(Outline {
            params: 2 * features,
            buffers: 2 * features,
            macs: at.input.shape.values(),
            ..Outline::unchanged(&at.input, "", operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }

    fn has_weights(&self) -> bool {
        true
    }
}

impl LayerOp for BatchNormOp {
    type Module = BatchNorm;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> BatchNorm {
        BatchNormConfig::new(self.features)
            .with_epsilon(self.epsilon)
            .with_momentum(self.momentum)
            .init(weights.device)
    }

    fn forward(&self, norm: &BatchNorm, x: Features, pass: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(normalize_map(norm, x, pass)),
            Features::Flat(x) => Features::Flat(normalize_rows(norm, x, pass)),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut BatchNorm) {}

    fn values(norm: &BatchNorm) -> LayerValues {
        LayerValues {
            gamma: read(norm.gamma.val()),
            beta: read(norm.beta.val()),
            mean: read(norm.running_mean.value_sync()),
            variance: read(norm.running_var.value_sync()),
            ..LayerValues::default()
        }
    }

    fn batch_norm(norm: &mut BatchNorm) -> Option<&mut BatchNorm> {
        Some(norm)
    }
}

impl Layer {
    /// Merges the shards' statistics into the layer's batch norms, depth first; `norm` is the index
    /// of the next one in training.
    pub(crate) fn merge_statistics(
        &mut self,
        shards: &[(f64, Vec<BatchStatistics>)],
        norm: &mut usize,
    ) {
        self.each_batch_norm(&mut |layer| merge_statistics(layer, shards, norm));
    }

    /// Sets the running statistics of the layer's batch norms; `norm` is the index of the next one
    /// in training, depth first.
    pub(crate) fn set_statistics(&mut self, all: &[BatchStatistics], norm: &mut usize) {
        self.each_batch_norm(&mut |layer| {
            // A frozen batch norm keeps its own statistics.
            if !layer.training.is_enabled() {
                return;
            }
            if let Some(seen) = all.get(*norm) {
                layer.running_mean = moved(&layer.running_mean, seen.mean.clone(), 1.0);
                layer.running_var = moved(&layer.running_var, seen.variance.clone(), 1.0);
            }
            *norm += 1;
        });
    }

    /// Gives the layer's batch norms running statistics of their own, which clones share.
    pub(crate) fn separate_statistics(&mut self) {
        self.each_batch_norm(&mut |norm| {
            norm.running_mean = separate(&norm.running_mean);
            norm.running_var = separate(&norm.running_var);
        });
    }

    /// Freezes the running statistics of the layer's batch norms; their scale and shift are still
    /// trained.
    pub(crate) fn freeze_statistics(&mut self) {
        self.each_batch_norm(&mut |norm| {
            norm.training = norm.training.clone().with_value(false);
        });
    }
}

/// Merges one batch norm's statistics over the shards; `count` is its index among those in
/// training.
fn merge_statistics(
    norm: &mut BatchNorm,
    shards: &[(f64, Vec<BatchStatistics>)],
    count: &mut usize,
) {
    // A frozen batch norm used its running statistics, and keeps them.
    if !norm.training.is_enabled() {
        return;
    }
    let seen: Vec<(f64, &BatchStatistics)> = shards
        .iter()
        .filter_map(|(share, all)| Some((*share, all.get(*count)?)))
        .collect();
    merge(norm, &seen);
    *count += 1;
}

/// Whether the batch norm uses the batch's own statistics.
pub(super) fn is_training<const D: usize>(norm: &BatchNorm, x: &Tensor<D>) -> bool {
    x.device().is_autodiff() && norm.training.is_enabled()
}

/// Normalises a map, in training by sums over each image and then over the images; backward too, since the values per
/// channel are expanded to images first.
///
/// burn's own operation arranges a map as `[channels, images * height * width]`, four copies in a training step, and sums
/// each channel in one go. GPUs store maps channels-last, where `[images, height * width, channels]` are the same values in
/// place; and two short sums occupy more threads and have less rounding error than a long one.
fn normalize_map(norm: &BatchNorm, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<4> {
    let training = is_training(norm, &x);
    let Some(statistics) = pass.statistics().filter(|_| training) else {
        return norm.forward(x);
    };
    let [images, channels, height, width] = x.dims();
    let mean_of = |x: Tensor<3>| x.mean_dim(1).mean_dim(0); // [1, 1, channels]
    let of_image = |values: Tensor<3>| values.expand([images, 1, channels]);
    let of_channel = |values: Tensor<1>| values.reshape([1, 1, channels]);

    let x = x
        .permute([0, 2, 3, 1])
        .reshape([images, height * width, channels]);
    let mean = mean_of(x.clone());
    let centered = x - of_image(mean.clone());
    let variance = mean_of(centered.clone().square());
    let deviation = variance.clone().add_scalar(norm.epsilon).sqrt();
    let scale = of_channel(norm.gamma.val()) / deviation;
    let output = centered * of_image(scale) + of_image(of_channel(norm.beta.val()));
    let read = |values: Tensor<3>| values.without_autodiff().reshape([channels]);
    statistics.push(BatchStatistics {
        mean: read(mean),
        variance: read(variance),
    });
    output
        .reshape([images, height, width, channels])
        .permute([0, 3, 1, 2])
}

fn normalize_rows(norm: &BatchNorm, x: Tensor<2>, pass: &mut Pass<'_>) -> Tensor<2> {
    let training = is_training(norm, &x);
    let Some(statistics) = pass.statistics().filter(|_| training) else {
        return norm.forward(x);
    };
    let seen =
        burn::tensor::module::batch_norm_train(x, norm.gamma.val(), norm.beta.val(), norm.epsilon);
    statistics.push(BatchStatistics {
        mean: seen.mean.without_autodiff(),
        variance: seen.variance.without_autodiff(),
    });
    seen.output
}

/// Moves the running statistics towards those of the whole batch by the layer's momentum.
fn merge(norm: &mut BatchNorm, shards: &[(f64, &BatchStatistics)]) {
    if let Some(BatchStatistics { mean, variance }) = whole(shards) {
        norm.running_mean = moved(&norm.running_mean, mean, norm.momentum);
        norm.running_var = moved(&norm.running_var, variance, norm.momentum);
    }
}

/// The statistics of the whole batch, exact given those of the shards: its variance is `E[var] +
/// Var[mean]`.
fn whole(shards: &[(f64, &BatchStatistics)]) -> Option<BatchStatistics> {
    if let [(1.0, seen)] = shards {
        return Some((*seen).clone());
    }
    let moments = shards.iter().map(|(share, seen)| seen.moments(*share));
    Some(moments.reduce(BatchMoments::add)?.statistics())
}

impl BatchStatistics {
    /// Copies the statistics to another device.
    pub fn to_device(&self, device: &Device) -> Self {
        Self {
            mean: self.mean.clone().to_device(device),
            variance: self.variance.clone().to_device(device),
        }
    }

    /// The weighted moments of a shard with this share of the batch, which can be summed over
    /// shards.
    pub fn moments(&self, share: f64) -> BatchMoments {
        let square = self.variance.clone() + self.mean.clone().square();
        BatchMoments {
            mean: self.mean.clone().mul_scalar(share),
            square: square.mul_scalar(share),
        }
    }

    /// The statistics of each batch norm over all parts, each given with its share of the images
    /// (summing to 1). Parts without statistics are ignored.
    pub fn of_parts(parts: &[(f64, Vec<Self>)]) -> Vec<Self> {
        let norms = parts.iter().map(|(_, norms)| norms.len()).max();
        let of_norm = |norm: usize| {
            let of_parts = parts.iter();
            let seen: Vec<(f64, &Self)> = of_parts
                .filter_map(|(share, norms)| Some((*share, norms.get(norm)?)))
                .collect();
            whole(&seen)
        };
        (0..norms.unwrap_or(0)).filter_map(of_norm).collect()
    }
}

/// Adds up the moments of two sets of shards.
impl Add for BatchMoments {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            mean: self.mean + other.mean,
            square: self.square + other.square,
        }
    }
}

impl BatchMoments {
    /// Copies the moments to another device.
    pub fn to_device(&self, device: &Device) -> Self {
        Self {
            mean: self.mean.clone().to_device(device),
            square: self.square.clone().to_device(device),
        }
    }

    /// The statistics of the batch, provided the shares of all added moments sum to 1.
    pub fn statistics(self) -> BatchStatistics {
        let variance = self.square - self.mean.clone().square();
        BatchStatistics {
            mean: self.mean,
            variance,
        }
    }
}

/// The state with the same id but its own storage: clones of the module share the old storage.
fn separate(state: &RunningState<Tensor<1>>) -> RunningState<Tensor<1>> {
    match state.value().is_autodiff() {
        true => state.valid().train(),
        false => state.valid(),
    }
}

/// The updated state, with the same id but its own storage: clones of the module share the old
/// storage.
fn moved(
    state: &RunningState<Tensor<1>>,
    towards: Tensor<1>,
    momentum: f64,
) -> RunningState<Tensor<1>> {
    let old = state.value();
    let tracked = old.is_autodiff();
    let value = old.without_autodiff().mul_scalar(1.0 - momentum) + towards.mul_scalar(momentum);
    let fresh = state.valid();
    fresh.update(if tracked {
        Tensor::from_inner(value)
    } else {
        value
    });
    fresh.value_sync();
    fresh
}
