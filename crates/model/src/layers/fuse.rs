//! Adjacent layers that one kernel computes: a batch norm with the activation after it and, outside
//! training, if that is a ReLU or ReLU6, the convolution before it; a convolution with the max pool
//! after it; with gradients, a batch norm at the end of a branch with the sum after it. A max pool
//! after a batch norm applies the activation between them. The parameters stay in burn's modules.

use super::activation::Activation;
use super::batch_norm::is_training;
use super::features::Features;
use super::kernels;
use super::pass::{BatchStatistics, Pass};
use super::{Layer, Operation, PlannedLayer};
use crate::geometry::Edges;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;
use receptive_kernels::{
    BatchNormInput, BatchNormOptions, BatchNormTrain, MaxPool2dOptions, Nonlinearity, Rectifier,
    batch_norm_train,
};

/// The output of the first few layers and their number; `None` if the first one is computed on its
/// own.
pub(super) fn fused(
    layers: &[Layer],
    planned: &[PlannedLayer],
    signal: &Features,
    pass: &mut Pass<'_>,
) -> Option<(Features, usize)> {
    // Fusing would skip intermediate outputs, one of which may have been requested.
    let Features::Map(x) = signal else {
        return None;
    };
    if pass.is_searching() || !kernels::fits(x) {
        return None;
    }
    let operation = |at: usize| planned.get(at).map(|layer| &layer.operation);
    let activation = |at: usize| match operation(at) {
        Some(Operation::Activation(op)) => Some(op.activation),
        _ => None,
    };
    let rectifier = |at: usize| activation(at).and_then(Activation::rectifier);
    let (y, count) = match (layers, operation(0)?) {
        ([Layer::Conv2d(conv), Layer::BatchNorm(norm), ..], Operation::Conv2d(op))
            if pass.precision().is_f32()
                && op.activation.is_none()
                && !x.device().is_autodiff() =>
        {
            let after = rectifier(2);
            let y = conv2d_normalized(conv, norm, x, &op.edges, after.unwrap_or_default());
            (y, 2 + usize::from(after.is_some()))
        }
        ([Layer::Conv2d(conv), ..], Operation::Conv2d(op)) if pass.precision().is_f32() => {
            let own = match op.activation {
                None => None,
                Some(activation) => Some(activation.rectifier()?),
            };
            let next = if own.is_none() { rectifier(1) } else { None };
            let at = 1 + usize::from(next.is_some());
            let pool = max_pool(layers, planned, at)?;
            let after = own.or(next).unwrap_or_default();
            (conv2d_pooled(conv, &op.edges, pool, x, after), at + 1)
        }
        ([Layer::BatchNorm(norm), ..], _) => {
            let after = activation(1);
            let at = 1 + usize::from(after.is_some());
            let pool = pool_before(after, max_pool(layers, planned, at));
            let y = normalized(norm, x, after, pool, pass)?;
            (y, at + usize::from(pool.is_some()))
        }
        _ => return None,
    };
    Some((Features::Map(y), count))
}

/// The max pool at this index, with its padding.
fn max_pool<'a>(
    layers: &'a [Layer],
    planned: &'a [PlannedLayer],
    at: usize,
) -> Option<(&'a MaxPool2d, &'a Edges)> {
    match (layers.get(at)?, &planned.get(at)?.operation) {
        (Layer::MaxPool2d(pool), Operation::MaxPool2d(op)) => Some((pool, &op.edges)),
        _ => None,
    }
}

/// A max pool with the activation before it, which then is applied to the pool's output: there are
/// fewer values and the result is the same. Not every activation is a rectifier.
fn pool_before(
    activation: Option<Activation>,
    pool: Option<(&MaxPool2d, &Edges)>,
) -> Option<MaxPool2dOptions> {
    let rectifier = match activation {
        Some(activation) => activation.rectifier()?,
        None => Rectifier::None,
    };
    pool.map(|(pool, edges)| kernels::max_pool2d_options(pool, edges, rectifier))
}

/// Outside training: a convolution, with the batch norm after it folded into its weights and bias,
/// and the activation.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, filters, out height, out width]`
fn conv2d_normalized(
    conv: &Conv2d,
    norm: &BatchNorm,
    x: &Tensor<4>,
    edges: &Edges,
    rectifier: Rectifier,
) -> Tensor<4> {
    let deviation = norm.running_var.value().add_scalar(norm.epsilon).sqrt(); // [filters]
    let scale = norm.gamma.val() / deviation; // [filters]
    let [filters] = scale.dims();
    // [filters, channels / groups, kernel height, kernel width] * [filters, 1, 1, 1]
    let weight = conv.weight.val() * scale.clone().reshape([filters, 1, 1, 1]);
    let mean = match &conv.bias {
        Some(bias) => norm.running_mean.value() - bias.val(),
        None => norm.running_mean.value(),
    };
    let bias = norm.beta.val() - mean * scale; // [filters]
    let options = kernels::conv2d_options(conv, edges, rectifier);
    receptive_kernels::conv2d(x.clone(), weight, Some(bias), options)
}

/// A batch norm, then the activation, which the pool applies if there is one. `None` if burn's own
/// operations must run because they update the running statistics.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: as `x`, or with the pool's height and width
fn normalized(
    norm: &BatchNorm,
    x: &Tensor<4>,
    activation: Option<Activation>,
    pool: Option<MaxPool2dOptions>,
    pass: &mut Pass<'_>,
) -> Option<Tensor<4>> {
    let options = norm_options(norm, activation.filter(|_| pool.is_none()));
    let y = if is_training(norm, x) {
        let statistics = pass.statistics()?;
        let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
        let BatchNormTrain {
            output,
            mean,
            variance,
        } = batch_norm_train(x.clone(), gamma, beta, options);
        statistics.push(BatchStatistics { mean, variance });
        output
    } else {
        norm_input(norm, x, pass)?.output(options)
    };
    Some(match pool {
        Some(pool) => receptive_kernels::max_pool2d(y, pool),
        None => y,
    })
}

/// A batch norm's input with the batch's statistics in training, which the pass stores, and the
/// running ones otherwise. `None` if burn's own operations must run because they update the running
/// statistics.
pub(super) fn norm_input(
    norm: &BatchNorm,
    x: &Tensor<4>,
    pass: &mut Pass<'_>,
) -> Option<BatchNormInput> {
    let (x, parameters) = (x.clone(), [norm.gamma.val(), norm.beta.val()]);
    if !is_training(norm, &x) {
        let statistics = [norm.running_mean.value(), norm.running_var.value()];
        return Some(BatchNormInput::with_statistics(x, parameters, statistics));
    }
    let statistics = pass.statistics()?;
    let input = BatchNormInput::in_training(x, parameters);
    let [mean, variance] = input.moments();
    statistics.push(BatchStatistics { mean, variance });
    Some(input)
}

pub(super) fn norm_options(norm: &BatchNorm, activation: Option<Activation>) -> BatchNormOptions {
    BatchNormOptions {
        epsilon: norm.epsilon,
        nonlinearity: activation.map_or_else(Nonlinearity::default, Activation::nonlinearity),
    }
}

/// A convolution and the max pool after it. The activation between them is applied to the pool's
/// output instead: there are fewer values and the result is the same.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, filters, pooled height, pooled width]`
fn conv2d_pooled(
    conv: &Conv2d,
    edges: &Edges,
    (pool, pool_edges): (&MaxPool2d, &Edges),
    x: &Tensor<4>,
    rectifier: Rectifier,
) -> Tensor<4> {
    let (x, weight) = (x.clone(), conv.weight.val());
    let bias = conv.bias.as_ref().map(|bias| bias.val());
    let pool = kernels::max_pool2d_options(pool, pool_edges, rectifier);
    if pool.is_2x2() {
        let options = kernels::conv2d_options(conv, edges, rectifier);
        return receptive_kernels::conv2d_max_pool_2x2(x, weight, bias, options);
    }
    let options = kernels::conv2d_options(conv, edges, Rectifier::None);
    let y = receptive_kernels::conv2d(x, weight, bias, options);
    receptive_kernels::max_pool2d(y, pool)
}
