//! A network's layers as inference steps: batch norms are folded into the convolutions before them,
//! weights are packed, and activations, pools and sums are fused with the step before them. Layers
//! that the kernels do not support are computed by burn.

mod prepare;
mod run;

pub(crate) use prepare::steps;
pub(crate) use run::{Buffers, output};

use super::activation::Activation;
use super::branches::Join;
use super::{Layer, PlannedLayer};
use crate::geometry::Shape;
use receptive_kernels::inference::{Conv2d, Dense};
use receptive_kernels::{MaxPool2dOptions, Rectifier};

/// One step of inference.
#[derive(Debug)]
pub(crate) enum Step {
    Conv2d(Conv2d),
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
    /// The same values with this shape.
    Reshape(Shape),
    /// The sum of a shortcut and a body that ends with a convolution, which does the addition.
    Residual {
        shortcut: Vec<Step>,
        body: Vec<Step>,
        last: Conv2d,
    },
    Branches {
        branches: Vec<Vec<Step>>,
        join: Join,
        rectifier: Rectifier,
        output: Shape,
    },
    /// Computed by burn.
    Activation(Activation),
    /// Computed by burn.
    Layer(Box<(Layer, PlannedLayer)>),
}
