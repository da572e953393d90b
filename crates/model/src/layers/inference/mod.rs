//! A network's layers as inference steps: batch norms are folded into the convolutions before them,
//! weights are packed, and activations, pools and sums are fused with the step before them. Layers
//! that the kernels do not support are computed by burn. With frozen convolutions the steps also
//! have an input gradient.

mod buffers;
mod frozen;
mod gradient;
mod maps;
mod operations;
mod prepare;
mod run;
mod tensors;

pub(crate) use buffers::BufferPool;
pub(crate) use frozen::FrozenConv;
pub(crate) use gradient::input_gradient;
pub(crate) use prepare::steps;
pub(crate) use run::output;

use super::activation::Activation;
use super::join::Join;
use super::{Layer, PlannedLayer};
use crate::geometry::{Shape, Units};
use receptive_kernels::frozen::Conv2dGradient;
use receptive_kernels::inference::{Conv2d, Dense};
use receptive_kernels::{MaxPool2dOptions, Nonlinearity, Rectifier};

/// A convolution with packed weights.
pub(crate) trait PackedConv: Sized {
    /// Whether the steps have an input gradient, and so only what it supports.
    const HAS_GRADIENT: bool;

    /// `gradient` makes the gradient of this convolution.
    fn new(conv: Conv2d, gradient: impl FnOnce() -> Conv2dGradient) -> Self;

    /// The convolution itself.
    fn conv(&self) -> &Conv2d;

    #[must_use]
    fn with_rectifier(self, rectifier: Rectifier) -> Self;

    /// The same convolution with this function of each output.
    ///
    /// # Errors
    /// The unchanged convolution, if that is not supported.
    fn with_nonlinearity(self, nonlinearity: Nonlinearity) -> Result<Self, Self>;

    /// The same convolution followed by 2x2 max pooling; `None` if that is not supported.
    fn with_max_pool_2x2(&self) -> Option<Self>;

    /// The same convolution with its output in planes; `None` if that is not supported. It has no addition.
    fn in_planes(&self) -> Option<Self>;
}

impl PackedConv for Conv2d {
    const HAS_GRADIENT: bool = false;

    fn new(conv: Conv2d, _: impl FnOnce() -> Conv2dGradient) -> Self {
        conv
    }

    fn conv(&self) -> &Conv2d {
        self
    }

    fn with_rectifier(self, rectifier: Rectifier) -> Self {
        self.with_nonlinearity(rectifier.into())
    }

    fn with_nonlinearity(self, nonlinearity: Nonlinearity) -> Result<Self, Self> {
        Ok(self.with_nonlinearity(nonlinearity))
    }

    fn with_max_pool_2x2(&self) -> Option<Self> {
        self.with_max_pool_2x2()
    }

    fn in_planes(&self) -> Option<Self> {
        self.in_planes()
    }
}

/// One step of inference.
#[derive(Debug)]
pub(crate) enum Step<C = Conv2d> {
    Conv2d(C),
    Dense(Dense),
    MaxPool(MaxPool2dOptions, Shape),
    GlobalAverage,
    /// Multiplies each channel by a factor and adds a shift.
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
        rectifier: Rectifier,
    },
    Rectify(Rectifier),
    /// Normalises the channels at each position.
    LayerNorm {
        gamma: Vec<f32>,
        beta: Vec<f32>,
        epsilon: f32,
    },
    /// The same values with this shape.
    Reshape(Shape),
    /// The sum of a shortcut and a body that ends with a convolution, which does the addition.
    Residual {
        shortcut: Vec<Self>,
        body: Vec<Self>,
        last: C,
    },
    Branches {
        branches: Vec<Vec<Self>>,
        join: Join,
        rectifier: Rectifier,
        output: Shape,
    },
    /// These rows and columns of each map.
    Crop(Units, Shape),
    /// Not fused with the step before it.
    Activation(Activation),
    /// Computed by burn.
    Layer(Box<(Layer, PlannedLayer)>),
}
