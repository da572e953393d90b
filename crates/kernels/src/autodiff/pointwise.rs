//! The backward passes of the operations on the values of each position.

use super::operation::{Operation, tracked};
use crate::dispatch::{PointwiseGradients, PointwiseOps};
use crate::nonlinearity::Nonlinearity;
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;

#[derive(Debug, Clone, Copy)]
struct Nonlinear(Nonlinearity);

impl<B: PointwiseOps + PointwiseGradients> Operation<B, 1> for Nonlinear {
    fn forward(self, [x]: [FloatTensor<B>; 1]) -> FloatTensor<B> {
        B::kernel_nonlinear(x, self.0)
    }

    fn gradients(self, [x]: [FloatTensor<B>; 1], grad: FloatTensor<B>) -> [FloatTensor<B>; 1] {
        [B::nonlinear_gradient(x, grad, self.0)]
    }
}

#[derive(Debug, Clone, Copy)]
struct ScaleChannels;

impl<B: PointwiseOps + PointwiseGradients> Operation<B, 2> for ScaleChannels {
    fn forward(self, [x, factors]: [FloatTensor<B>; 2]) -> FloatTensor<B> {
        B::kernel_scale_channels(x, factors)
    }

    fn gradients(
        self,
        [x, factors]: [FloatTensor<B>; 2],
        grad: FloatTensor<B>,
    ) -> [FloatTensor<B>; 2] {
        B::scale_channels_gradients(x, factors, grad)
    }
}

/// With its epsilon.
#[derive(Debug, Clone, Copy)]
struct LayerNorm(f64);

impl<B: PointwiseOps + PointwiseGradients> Operation<B, 3> for LayerNorm {
    fn forward(self, [x, gamma, beta]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        B::kernel_layer_norm(x, gamma, beta, self.0)
    }

    fn gradients(
        self,
        [x, gamma, _]: [FloatTensor<B>; 3],
        grad: FloatTensor<B>,
    ) -> [FloatTensor<B>; 3] {
        B::layer_norm_gradients(x, gamma, grad, self.0)
    }
}

impl<B, C> PointwiseOps for Autodiff<B, C>
where
    B: PointwiseOps + PointwiseGradients,
    C: CheckpointStrategy,
{
    fn kernel_nonlinear(x: FloatTensor<Self>, nonlinearity: Nonlinearity) -> FloatTensor<Self> {
        tracked::<_, B, C, 1>(Nonlinear(nonlinearity), [x])
    }

    fn kernel_scale_channels(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        tracked::<_, B, C, 2>(ScaleChannels, [x, factors])
    }

    fn kernel_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        tracked::<_, B, C, 3>(LayerNorm(epsilon), [x, gamma, beta])
    }
}
