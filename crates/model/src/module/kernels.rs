//! Convolution, pooling and batch norm: by this project's kernels where they run, else by burn's own
//! operations. The parameters are those of burn's modules either way.

use super::BatchStatistics;
use crate::config::Activation;
use crate::plan::Edges;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

/// The convolution and the activation that follows it.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn conv2d(
    conv: &Conv2d,
    x: Tensor<4>,
    edges: &Edges,
    activation: Option<Activation>,
) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fits(&x) && conv.groups == 1 {
        let relu = activation == Some(Activation::Relu);
        let options = options(conv, edges, relu);
        let bias = conv.bias.as_ref().map(|bias| bias.val());
        let y = receptive_kernels::conv2d(x, conv.weight.val(), bias, options);
        return activated(y, activation.filter(|_| !relu));
    }
    activated(conv.forward(x), activation)
}

/// Outside training: the convolution, the batch norm after it, which becomes a part of its weights and
/// bias, and perhaps a ReLU. `None` where they are to be computed one by one.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn conv2d_normalised(
    conv: &Conv2d,
    norm: &BatchNorm,
    x: &Tensor<4>,
    edges: &Edges,
    relu: bool,
) -> Option<Tensor<4>> {
    #[cfg(feature = "flex")]
    if fits(x) && conv.groups == 1 && !x.device().is_autodiff() {
        let deviation = norm.running_var.value().add_scalar(norm.epsilon).sqrt();
        let scale = norm.gamma.val() / deviation;
        let [filters] = scale.dims();
        let weight = conv.weight.val() * scale.clone().reshape([filters, 1, 1, 1]);
        let mean = match &conv.bias {
            Some(bias) => norm.running_mean.value() - bias.val(),
            None => norm.running_mean.value(),
        };
        let bias = norm.beta.val() - mean * scale;
        let options = options(conv, edges, relu);
        return Some(receptive_kernels::conv2d(
            x.clone(),
            weight,
            Some(bias),
            options,
        ));
    }
    None
}

/// In training: the batch norm, by the batch's own statistics, and perhaps a ReLU and a max pool. `None`
/// where burn's own operations are to be used.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn batch_norm_train(
    norm: &BatchNorm,
    x: &Tensor<4>,
    relu: bool,
    pool: Option<(&MaxPool2d, &Edges)>,
) -> Option<(Tensor<4>, BatchStatistics)> {
    #[cfg(feature = "flex")]
    if fits(x) && x.device().is_autodiff() {
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
            Some((pool, edges)) => {
                receptive_kernels::max_pool2d(seen.output, pool_options(pool, edges, relu))
            }
            None => seen.output,
        };
        return Some((output, statistics));
    }
    None
}

/// The convolution and the max pool after it; a ReLU between them is taken on the pool's outputs, which
/// are fewer and the same. `None` where they are to be computed one by one.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn conv2d_pooled(
    conv: &Conv2d,
    pool: &MaxPool2d,
    x: &Tensor<4>,
    edges: [&Edges; 2],
    relu: bool,
) -> Option<Tensor<4>> {
    #[cfg(feature = "flex")]
    if fits(x) && conv.groups == 1 {
        let (x, weight) = (x.clone(), conv.weight.val());
        let bias = conv.bias.as_ref().map(|bias| bias.val());
        let [before, after] = edges;
        let pool = pool_options(pool, after, relu);
        if pool.is_2x2() {
            let options = options(conv, before, relu);
            return Some(receptive_kernels::conv2d_max_pool_2x2(
                x, weight, bias, options,
            ));
        }
        let y = receptive_kernels::conv2d(x, weight, bias, options(conv, before, false));
        return Some(receptive_kernels::max_pool2d(y, pool));
    }
    None
}

#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn max_pool2d(pool: &MaxPool2d, x: Tensor<4>, edges: &Edges) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fits(&x) {
        return receptive_kernels::max_pool2d(x, pool_options(pool, edges, false));
    }
    pool.forward(x)
}

pub(super) fn activated<const D: usize>(x: Tensor<D>, activation: Option<Activation>) -> Tensor<D> {
    match activation {
        Some(activation) => activation.forward(x),
        None => x,
    }
}

#[cfg(feature = "flex")]
fn fits(x: &Tensor<4>) -> bool {
    x.dtype() == burn::tensor::DType::F32 && receptive_kernels::runs_on(&x.device())
}

#[cfg(feature = "flex")]
fn pool_options(
    pool: &MaxPool2d,
    edges: &Edges,
    relu: bool,
) -> receptive_kernels::MaxPool2dOptions {
    receptive_kernels::MaxPool2dOptions {
        kernel_size: pool.kernel_size,
        strides: pool.stride,
        padding: edges.array(),
        dilation: pool.dilation,
        relu,
    }
}

#[cfg(feature = "flex")]
fn options(conv: &Conv2d, edges: &Edges, relu: bool) -> receptive_kernels::Conv2dOptions {
    receptive_kernels::Conv2dOptions {
        strides: conv.stride,
        padding: edges.array(),
        dilation: conv.dilation,
        relu,
        algorithm: super::exact::algorithm(),
    }
}
