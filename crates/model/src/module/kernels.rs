//! Convolution and max pooling: by this project's kernels where they run, else by burn's own
//! operations. The parameters are those of burn's modules either way.

use crate::config::Activation;
use crate::plan::Edges;
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
        let options = receptive_kernels::Conv2dOptions {
            strides: conv.stride,
            padding: edges.array(),
            dilation: conv.dilation,
            relu,
        };
        let bias = conv.bias.as_ref().map(|bias| bias.val());
        let y = receptive_kernels::conv2d(x, conv.weight.val(), bias, options);
        return activated(y, activation.filter(|_| !relu));
    }
    activated(conv.forward(x), activation)
}

#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
pub(super) fn max_pool2d(pool: &MaxPool2d, x: Tensor<4>, edges: &Edges) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fits(&x) {
        let options = receptive_kernels::MaxPool2dOptions {
            kernel_size: pool.kernel_size,
            strides: pool.stride,
            padding: edges.array(),
            dilation: pool.dilation,
        };
        return receptive_kernels::max_pool2d(x, options);
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
