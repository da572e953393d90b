//! A network's layers as steps of inference: batch norms are folded into the convolutions before them, weights
//! are packed, and activations, pools and sums are computed together with what they follow. Layers that the
//! kernels do not compute remain burn's.

mod prepare;
mod run;

pub(crate) use prepare::steps;
pub(crate) use run::{Buffers, Value, run};

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
    /// Each channel times a factor, plus a shift.
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
        rectifier: Rectifier,
    },
    Rectify(Rectifier),
    /// The values as they are, laid out as this shape.
    Reshape(Shape),
    /// A sum of a shortcut and a body that ends with a convolution, which adds it.
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
    /// By burn's operations.
    Activation(Activation),
    /// By burn's operations.
    Layer(Box<(Layer, PlannedLayer)>),
}
