//! Adjacent layers that one kernel computes together: a batch norm with the ReLU after it and, outside
//! training, with the convolution before it; a convolution or a batch norm with the max pool after it.
//! The parameters stay in burn's modules.

use super::activation::Activation;
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::pass::{BatchStatistics, Pass};
use super::{Layer, Operation, PlannedLayer};
use crate::geometry::Edges;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

/// The output of the first few layers, and how many; `None` where they are computed one by one.
pub(super) fn fused(
    layers: &[Layer],
    planned: &[PlannedLayer],
    signal: &Features,
    pass: &mut Pass<'_>,
) -> Option<(Features, usize)> {
    // The output between two of them may be the one that is wanted.
    let Features::Map(x) = signal else {
        return None;
    };
    if pass.is_searching() {
        return None;
    }
    let operation = |at: usize| planned.get(at).map(|layer| &layer.operation);
    let relu = |at| matches!(operation(at), Some(Operation::Activation(op)) if op.activation == Activation::Relu);
    // The max pool at this place.
    let pool = |at: usize| match (layers.get(at), operation(at)) {
        (Some(Layer::MaxPool2d(pool)), Some(Operation::MaxPool2d(op))) => Some((pool, &op.edges)),
        _ => None,
    };
    match (layers, operation(0)?) {
        ([Layer::Conv2d(conv), Layer::BatchNorm(norm), ..], Operation::Conv2d(op))
            if op.activation.is_none() =>
        {
            let y = conv2d_normalized(conv, norm, x, &op.edges, relu(2))?;
            Some((Features::Map(y), 2 + usize::from(relu(2))))
        }
        ([Layer::Conv2d(conv), ..], Operation::Conv2d(op)) => {
            let own = match op.activation {
                None => false,
                Some(Activation::Relu) => true,
                Some(_) => return None,
            };
            let after = 1 + usize::from(!own && relu(1));
            let (pool, pool_edges) = pool(after)?;
            let relu = own || after > 1;
            let y = conv2d_pooled(conv, pool, x, [&op.edges, pool_edges], relu)?;
            Some((Features::Map(y), after + 1))
        }
        ([Layer::BatchNorm(norm), ..], _) if norm.training.is_enabled() => {
            let statistics = pass.statistics()?;
            let after = 1 + usize::from(relu(1));
            let pool = pool(after);
            let (y, seen) = batch_norm_train(norm, x, relu(1), pool)?;
            statistics.push(seen);
            Some((Features::Map(y), after + usize::from(pool.is_some())))
        }
        _ => None,
    }
}

/// Outside training: a convolution with the batch norm after it folded into its weights and bias, and
/// perhaps a ReLU. `None` if the layers must be computed one by one.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, filters, out height, out width]`
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
fn conv2d_normalized(
    conv: &Conv2d,
    norm: &BatchNorm,
    x: &Tensor<4>,
    edges: &Edges,
    relu: bool,
) -> Option<Tensor<4>> {
    #[cfg(feature = "flex")]
    if kernels::fits(x) && conv.groups == 1 && !x.device().is_autodiff() {
        let deviation = norm.running_var.value().add_scalar(norm.epsilon).sqrt(); // [filters]
        let scale = norm.gamma.val() / deviation; // [filters]
        let [filters] = scale.dims();
        // [filters, channels, kernel height, kernel width] * [filters, 1, 1, 1]
        let weight = conv.weight.val() * scale.clone().reshape([filters, 1, 1, 1]);
        let mean = match &conv.bias {
            Some(bias) => norm.running_mean.value() - bias.val(),
            None => norm.running_mean.value(),
        };
        let bias = norm.beta.val() - mean * scale; // [filters]
        let options = kernels::conv2d_options(conv, edges, relu);
        return Some(receptive_kernels::conv2d(
            x.clone(),
            weight,
            Some(bias),
            options,
        ));
    }
    None
}

/// In training: a batch norm by the batch's own statistics, and perhaps a ReLU and a max pool. `None`
/// if burn's own operations must be used.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: as `x`, or with the pool's height and width
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
fn batch_norm_train(
    norm: &BatchNorm,
    x: &Tensor<4>,
    relu: bool,
    pool: Option<(&MaxPool2d, &Edges)>,
) -> Option<(Tensor<4>, BatchStatistics)> {
    #[cfg(feature = "flex")]
    if kernels::fits(x) && x.device().is_autodiff() {
        let options = receptive_kernels::BatchNormOptions {
            epsilon: norm.epsilon,
            relu: relu && pool.is_none(),
        };
        let seen = receptive_kernels::batch_norm_train(
            x.clone(),
            norm.gamma.val(),
            norm.beta.val(),
            options,
        );
        let statistics = BatchStatistics {
            mean: seen.mean,
            variance: seen.variance,
        };
        let output = match pool {
            Some((pool, edges)) => receptive_kernels::max_pool2d(
                seen.output,
                kernels::max_pool2d_options(pool, edges, relu),
            ),
            None => seen.output,
        };
        return Some((output, statistics));
    }
    None
}

/// A convolution and the max pool after it. A ReLU between them is applied to the pool's outputs: there
/// are fewer of them and the result is the same. `None` if the layers must be computed one by one.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, filters, pooled height, pooled width]`
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
fn conv2d_pooled(
    conv: &Conv2d,
    pool: &MaxPool2d,
    x: &Tensor<4>,
    edges: [&Edges; 2],
    relu: bool,
) -> Option<Tensor<4>> {
    #[cfg(feature = "flex")]
    if kernels::fits(x) && conv.groups == 1 {
        let (x, weight) = (x.clone(), conv.weight.val());
        let bias = conv.bias.as_ref().map(|bias| bias.val());
        let [before, after] = edges;
        let pool = kernels::max_pool2d_options(pool, after, relu);
        if pool.is_2x2() {
            let options = kernels::conv2d_options(conv, before, relu);
            return Some(receptive_kernels::conv2d_max_pool_2x2(
                x, weight, bias, options,
            ));
        }
        let y = receptive_kernels::conv2d(
            x,
            weight,
            bias,
            kernels::conv2d_options(conv, before, false),
        );
        return Some(receptive_kernels::max_pool2d(y, pool));
    }
    None
}
