//! Batch statistics of shards, merged in a fixed order.

use burn::module::{Module, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::Tensor;

/// What one batch norm saw of one shard.
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// The mean of each channel: `[channels]`.
    pub mean: Tensor<1>,
    /// The (population) variance of each channel: `[channels]`.
    pub variance: Tensor<1>,
}

/// Moves the running statistics by the layer's momentum towards those of the whole batch, which
/// the shards' own give exactly: `E[var] + Var[mean]`.
pub(super) fn merge(norm: &mut BatchNorm, shards: &[(f64, &BatchStatistics)]) {
    let Some(mean) = weighted(shards, |seen| seen.mean.clone()) else {
        return;
    };
    let Some(square) = weighted(shards, |seen| {
        seen.variance.clone() + seen.mean.clone().square()
    }) else {
        return;
    };
    let variance = square - mean.clone().square();
    norm.running_mean = moved(&norm.running_mean, mean, norm.momentum);
    norm.running_var = moved(&norm.running_var, variance, norm.momentum);
}

fn weighted(
    shards: &[(f64, &BatchStatistics)],
    value: impl Fn(&BatchStatistics) -> Tensor<1>,
) -> Option<Tensor<1>> {
    shards
        .iter()
        .map(|(share, seen)| value(seen).mul_scalar(*share))
        .reduce(|sum, next| sum + next)
}

/// A state of the same id with storage of its own: clones of the module share the old one's.
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
