//! `activation`, and the non-linearities that other layers may end with.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerValues, Plain, Role};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// A non-linearity, applied to each value separately.
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
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x min(max(x + 3, 0), 6) / 6`, close to `x sigmoid(x)`.
    HardSwish,
    /// `min(max(x + 3, 0), 6) / 6`, close to a sigmoid.
    HardSigmoid,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Relu,
        Self::LeakyRelu,
        Self::Gelu,
        Self::Tanh,
        Self::Sigmoid,
        Self::Relu6,
        Self::HardSwish,
        Self::HardSigmoid,
    ];

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
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::HardSwish => x.clone() * hard_sigmoid(x),
            Self::HardSigmoid => hard_sigmoid(x),
        }
    }

    /// Applies a layer's activation, if it has one.
    pub(super) fn apply<const D: usize>(activation: Option<Self>, x: Tensor<D>) -> Tensor<D> {
        match activation {
            Some(activation) => activation.forward(x),
            None => x,
        }
    }

    /// Its name after a comma, for a summary.
    pub(super) fn suffix(activation: Option<Self>) -> String {
        activation.map_or(String::new(), |activation| {
            format!(", {}", activation.name())
        })
    }

    /// The factor by which weights are widened so that the signal keeps its variance through this
    /// activation (He et al. 2015 for ReLU; the values of `torch.nn.init.calculate_gain` else).
    pub fn gain(self) -> f64 {
        match self {
            Self::Relu | Self::Gelu | Self::Relu6 | Self::HardSwish => 2f64.sqrt(),
            Self::LeakyRelu => (2.0 / (1.0 + Self::LEAKY_SLOPE * Self::LEAKY_SLOPE)).sqrt(),
            Self::Tanh => 5.0 / 3.0,
            Self::Sigmoid | Self::HardSigmoid => 1.0,
        }
    }

    /// Its name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Gelu => "gelu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Relu6 => "relu6",
            Self::HardSwish => "hard_swish",
            Self::HardSigmoid => "hard_sigmoid",
        }
    }
}

fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
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
    /// The activation.
    pub activation: Activation,
}

/// A planned [`ActivationLayer`].
#[derive(Debug, Clone)]
pub struct ActivationOp {
    /// The activation.
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

    fn padding(&self) -> Option<Edges> {
        None
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

    fn cut_module(&self, _: &mut Plain) {}

    fn values(_: &Plain) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Plain) -> Option<&mut BatchNorm> {
        None
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// The value by its formula.
    fn formula(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu => x.max(0.01 * x),
            // The logistic approximation would be off by 1e-2; this tanh one by 1e-3.
            Activation::Gelu => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_formulas() {
        let device = Device::flex().autodiff();
        // On both sides of every kink (-3, 0, 3, 6), and none of them.
        let points = [
            -7.5f32, -3.2, -2.8, -1.1, -0.3, 0.2, 0.9, 2.7, 3.3, 5.8, 6.4,
        ];
        for activation in Activation::ALL {
            let x = Tensor::<1>::from_floats(points, &device).require_grad();
            let y = activation.forward(x.clone());
            let gradients = y.clone().sum().backward();
            let values: Vec<f32> = y.into_data().iter().collect();
            let slopes: Vec<f32> = match x.grad(&gradients) {
                Some(gradient) => gradient.into_data().iter().collect(),
                None => panic!("{} has no gradient", activation.name()),
            };
            for ((x, value), slope) in points.into_iter().zip(values).zip(slopes) {
                let (x, step) = (f64::from(x), 1e-4);
                let at = |x: f64| formula(activation, x);
                let expected = (at(x + step) - at(x - step)) / (2.0 * step);
                let name = activation.name();
                assert!(
                    (f64::from(value) - at(x)).abs() < 2e-3,
                    "{name}({x}) = {value}"
                );
                assert!(
                    (f64::from(slope) - expected).abs() < 5e-3,
                    "{name}'({x}) = {slope}"
                );
            }
        }
    }
}
