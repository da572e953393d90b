//! `activation`, and the non-linearities that other layers may end with.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, Plain, Role};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::Units;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// A non-linearity, applied to each value on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `0.01 x`.
    LeakyRelu,
    /// `x` times the normal distribution function of `x`.
    Gelu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// The leaky ReLU's slope on negative values: PyTorch's default; Keras has 0.3.
    pub const LEAKY_SLOPE: f64 = 0.01;

    /// Applies it to each value.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::LeakyRelu => activation::leaky_relu(x, Self::LEAKY_SLOPE),
            Self::Gelu => gelu(x),
            Self::Tanh => activation::tanh(x),
            Self::Sigmoid => activation::sigmoid(x),
        }
    }

    /// Applies what follows a layer, where something does.
    pub(super) fn apply<const D: usize>(activation: Option<Self>, x: Tensor<D>) -> Tensor<D> {
        match activation {
            Some(activation) => activation.forward(x),
            None => x,
        }
    }

    /// Its name behind a comma, for a summary.
    pub(super) fn suffix(activation: Option<Self>) -> String {
        activation.map_or(String::new(), |activation| {
            format!(", {}", activation.name())
        })
    }

    /// The factor by which weights are widened so that the signal keeps its variance through this
    /// activation (He et al. 2015 for ReLU; the values of `torch.nn.init.calculate_gain` else).
    pub fn gain(self) -> f64 {
        match self {
            Self::Relu | Self::Gelu => 2f64.sqrt(),
            Self::LeakyRelu => (2.0 / (1.0 + Self::LEAKY_SLOPE * Self::LEAKY_SLOPE)).sqrt(),
            Self::Tanh => 5.0 / 3.0,
            Self::Sigmoid => 1.0,
        }
    }

    /// The config's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Gelu => "gelu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }
}

/// burn 0.22.1 computes GELU exactly on every backend, but its gradient, on all but flex, by the
/// derivative of the approximation with a hyperbolic tangent: off by up to 5e-4. Composed of an error
/// function the gradient is exact too.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if receptive_kernels::runs_on(&x.device()) {
        return activation::gelu(x); // one pass
    }
    let share = (x.clone() / std::f64::consts::SQRT_2).erf() + 1.0;
    x * share / 2.0
}

/// `type = "activation"`: a non-linearity as a layer of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationLayer {
    /// Which one.
    pub activation: Activation,
}

/// A planned [`ActivationLayer`].
#[derive(Debug, Clone)]
pub struct ActivationOp {
    /// Which one.
    pub activation: Activation,
}

impl LayerKind for ActivationLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let activation = self.activation;
        let operation = Operation::Activation(ActivationOp { activation });
        Ok(Outline::unchanged(&at.input, activation.name(), operation))
    }

    fn follower(&self) -> Follower {
        Follower::Activation(self.activation.gain())
    }
}

impl LayerOp for ActivationOp {
    type Module = Plain;

    fn role(&self) -> Role {
        Role::Pointwise
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Plain {
        Plain::default()
    }

    fn forward(&self, _: &Plain, x: Features, _: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(self.activation.forward(x)),
            Features::Flat(x) => Features::Flat(self.activation.forward(x)),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }
}
