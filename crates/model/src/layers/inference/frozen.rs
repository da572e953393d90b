//! Convolutions that are packed for the forward pass and for the input gradient.

use super::PackedConv;
use receptive_kernels::frozen::Conv2dGradient;
use receptive_kernels::inference::Conv2d;
use receptive_kernels::{Nonlinearity, Rectifier};

/// A convolution with weights packed for both passes.
#[derive(Debug)]
pub(crate) struct FrozenConv {
    pub(super) forward: Conv2d,
    pub(super) backward: Conv2dGradient,
}

impl PackedConv for FrozenConv {
    const HAS_GRADIENT: bool = true;

    fn new(conv: Conv2d, gradient: impl FnOnce() -> Conv2dGradient) -> Self {
        Self {
            forward: conv,
            backward: gradient(),
        }
    }

    fn conv(&self) -> &Conv2d {
        &self.forward
    }

    fn with_rectifier(mut self, rectifier: Rectifier) -> Self {
        self.forward = self.forward.with_nonlinearity(rectifier.into());
        self
    }

    /// The gradient of other functions needs the convolution's outputs.
    fn with_nonlinearity(self, _: Nonlinearity) -> Result<Self, Self> {
        Err(self)
    }

    /// The gradient needs the outputs before the pool.
    fn with_max_pool_2x2(&self) -> Option<Self> {
        None
    }

    /// The gradient needs the outputs in the layout of its own convolution.
    fn in_planes(&self) -> Option<Self> {
        None
    }
}
