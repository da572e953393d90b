//! Operations on the values of each position, as a burn backend extension, and their implementation for flex.

use super::tensors::{dims, owned, tensor, values, values_mut};
use crate::channel_scale::{self, ScaleSizes};
use crate::layer_norm::{self, LayerNormSizes};
use crate::nonlinearity::{self, Nonlinearity};
use crate::profile::{Kernel, timed};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn_flex::FlexTensor;

/// The kernels as called by burn's dispatch. Use [`nonlinear`](crate::nonlinear), [`scale_channels`](crate::scale_channels)
/// and [`layer_norm`](crate::layer_norm) instead.
#[backend_extension(Autodiff, Flex)]
pub trait PointwiseOps: Backend {
    /// The function of each value.
    fn kernel_nonlinear(x: FloatTensor<Self>, nonlinearity: Nonlinearity) -> FloatTensor<Self>;

    /// Each channel times a factor, `[images or 1, channels, 1, 1]`.
    fn kernel_scale_channels(x: FloatTensor<Self>, factors: FloatTensor<Self>)
    -> FloatTensor<Self>;

    /// Normalisation of the channels at each position.
    fn kernel_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

/// The gradients of [`PointwiseOps`].
pub(crate) trait PointwiseGradients: Backend {
    fn nonlinear_gradient(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        nonlinearity: Nonlinearity,
    ) -> FloatTensor<Self>;

    /// Gradients of `x` and the factors.
    fn scale_channels_gradients(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Gradients of `x`, gamma and beta.
    fn layer_norm_gradients(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        epsilon: f64,
    ) -> [FloatTensor<Self>; 3];
}

impl PointwiseOps for Flex {
    fn kernel_nonlinear(x: FlexTensor, nonlinearity: Nonlinearity) -> FlexTensor {
        let x = x.to_contiguous();
        let y = timed(Kernel::Nonlinearity, || {
            nonlinearity::forward(nonlinearity, values(&x))
        });
        tensor(y, x.shape())
    }

    fn kernel_scale_channels(x: FlexTensor, factors: FlexTensor) -> FlexTensor {
        let (x, factors) = (x.to_contiguous(), factors.to_contiguous());
        let y = timed(Kernel::ChannelScale, || {
            let sizes = ScaleSizes::new(dims(&x), values(&factors).len());
            channel_scale::forward(&sizes, values(&x), values(&factors))
        });
        tensor(y, x.shape())
    }

    fn kernel_layer_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        let sizes = LayerNormSizes::new(dims(&x), epsilon);
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
        let y = timed(Kernel::LayerNorm, || {
            layer_norm::forward(&sizes, values(&x), [values(&gamma), values(&beta)])
        });
        tensor(y, x.shape())
    }
}

impl PointwiseGradients for Flex {
    fn nonlinear_gradient(
        x: FlexTensor,
        grad: FlexTensor,
        nonlinearity: Nonlinearity,
    ) -> FlexTensor {
        // Modified in place if no other tensor shares the memory, else copied.
        let (mut grad, x) = (owned(grad), x.to_contiguous());
        timed(Kernel::NonlinearityGradient, || {
            nonlinearity.gradient(values(&x), values_mut(&mut grad));
        });
        grad
    }

    fn scale_channels_gradients(
        x: FlexTensor,
        factors: FlexTensor,
        grad: FlexTensor,
    ) -> [FlexTensor; 2] {
        let mut grad = owned(grad);
        let (x, factors) = (x.to_contiguous(), factors.to_contiguous());
        let of_factors = timed(Kernel::ChannelScaleGradient, || {
            let sizes = ScaleSizes::new(dims(&x), values(&factors).len());
            channel_scale::gradients(&sizes, values(&x), values(&factors), values_mut(&mut grad))
        });
        [grad, tensor(of_factors, factors.shape())]
    }

    fn layer_norm_gradients(
        x: FlexTensor,
        gamma: FlexTensor,
        grad: FlexTensor,
        epsilon: f64,
    ) -> [FlexTensor; 3] {
        let sizes = LayerNormSizes::new(dims(&x), epsilon);
        let (x, gamma) = (x.to_contiguous(), gamma.to_contiguous());
        let mut grad = owned(grad);
        let (dgamma, dbeta) = timed(Kernel::LayerNormGradient, || {
            layer_norm::gradients(&sizes, values(&x), values(&gamma), values_mut(&mut grad))
        });
        let of_channels = |values| tensor(values, gamma.shape());
        [grad, of_channels(dgamma), of_channels(dbeta)]
    }
}
