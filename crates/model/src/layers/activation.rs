//! `activation`, and the non-linearities that other layers may end with.

use super::activation_form::{ActivationForm, ActivationTable};
use super::context::{Context, Follower, Outline};
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, activation};
#[cfg(feature = "flex")]
use receptive_kernels::{Nonlinearity, Rectifier};
use serde::{Deserialize, Serialize};

/// A non-linearity, applied to each value separately.
///
/// Written as its name (`"relu"`), or with its setting as a table:
/// `{ type = "leaky_relu", slope = 0.2 }`, `{ type = "elu", alpha = 0.5 }`, `{ type = "clip", bounds = [0, 20] }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ActivationForm", into = "ActivationForm")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope x`; [`LEAKY_SLOPE`](Self::LEAKY_SLOPE) unless given.
    LeakyRelu(
        /// The slope.
        f64,
    ),
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
    /// `x / (1 + exp(-x))`, also called swish.
    Silu,
    /// `x tanh(ln(1 + exp(x)))`.
    Mish,
    /// `x` where positive, else `alpha (exp(x) - 1)`; `alpha` is 1 unless given.
    Elu(
        /// `alpha`.
        f64,
    ),
    /// `min(max(x, low), high)`; hard tanh unless the bounds are given.
    Clip(
        /// `low` and `high`.
        [f64; 2],
    ),
}

/// Lists every activation with its name and the default of its setting. Omitting a variant is a
/// compile error.
macro_rules! names {
    ($($name:literal $Activation:ident $(($default:expr))?,)*) => {
        impl Activation {
            /// All activations, with their default settings.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$Activation $(($default))?),*];

            /// The activation's name in the config.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Activation { .. } => $name,)*
                }
            }
        }
    };
}

names! {
    "relu" Relu,
    "leaky_relu" LeakyRelu(Self::LEAKY_SLOPE),
    "gelu" Gelu,
    "tanh" Tanh,
    "sigmoid" Sigmoid,
    "relu6" Relu6,
    "hard_swish" HardSwish,
    "hard_sigmoid" HardSigmoid,
    "silu" Silu,
    "mish" Mish,
    "elu" Elu(Self::ELU_ALPHA),
    "clip" Clip(Self::CLIP_BOUNDS),
}

impl TryFrom<ActivationForm> for Activation {
    type Error = String;

    fn try_from(written: ActivationForm) -> Result<Self, String> {
        let ActivationTable {
            r#type: name,
            slope,
            alpha,
            bounds,
        } = match written {
            ActivationForm::Name(name) => ActivationTable::of(name),
            ActivationForm::Table(table) => table,
        };
        let Some(found) = Self::ALL.into_iter().find(|known| known.name() == name) else {
            let known = Self::ALL.map(Self::name).join(", ");
            return Err(format!(
                "the activation \"{name}\" is not known; it is one of {known}"
            ));
        };
        let values = bounds.into_iter().flatten().chain(slope).chain(alpha);
        if let Some(value) = values.into_iter().find(|value| !value.is_finite()) {
            return Err(format!(
                "the setting of the activation \"{name}\" is {value}; give a finite number"
            ));
        }
        match (found, slope, alpha, bounds) {
            (found, None, None, None) => Ok(found),
            (Self::LeakyRelu(_), Some(slope), None, None) => Ok(Self::LeakyRelu(slope)),
            (Self::Elu(_), None, Some(alpha), None) => Ok(Self::Elu(alpha)),
            (Self::Clip(_), None, None, Some([low, high])) if low < high => {
                Ok(Self::Clip([low, high]))
            }
            (Self::Clip(_), None, None, Some(bounds)) => Err(format!(
                "the bounds of the activation \"clip\" are {bounds:?}; the first must be the lower one"
            )),
            _ => Err(format!(
                "the activation \"{name}\" does not take this setting; only leaky_relu takes `slope`, \
                 only elu `alpha`, and only clip `bounds`"
            )),
        }
    }
}

impl From<Activation> for ActivationForm {
    fn from(activation: Activation) -> Self {
        let mut table = ActivationTable::of(activation.name().into());
        match activation {
            Activation::LeakyRelu(slope) if slope != Activation::LEAKY_SLOPE => {
                table.slope = Some(slope);
            }
            Activation::Elu(alpha) if alpha != Activation::ELU_ALPHA => table.alpha = Some(alpha),
            Activation::Clip(bounds) if bounds != Activation::CLIP_BOUNDS => {
                table.bounds = Some(bounds);
            }
            _ => return Self::Name(table.r#type),
        }
        Self::Table(table)
    }
}

impl Activation {
    /// The leaky ReLU's default slope for negative values, as in PyTorch; Keras uses 0.3.
    pub const LEAKY_SLOPE: f64 = 0.01;

    /// The leaky ReLU with its default slope.
    pub const LEAKY_RELU: Self = Self::LeakyRelu(Self::LEAKY_SLOPE);

    /// ELU's default `alpha`, as in PyTorch and Keras.
    pub const ELU_ALPHA: f64 = 1.0;

    /// The default bounds of a clip: a hard tanh, as in PyTorch.
    pub const CLIP_BOUNDS: [f64; 2] = [-1.0, 1.0];

    /// Applies it to each value.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "flex")]
        if kernels::fits(&x) {
            return receptive_kernels::nonlinear(x, self.nonlinearity());
        }
        match self {
            Self::Relu => activation::relu(x),
            Self::LeakyRelu(slope) => activation::leaky_relu(x, slope),
            Self::Gelu => gelu(x),
            Self::Tanh => activation::tanh(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::HardSwish => x.clone() * hard_sigmoid(x),
            Self::HardSigmoid => hard_sigmoid(x),
            Self::Silu => x.clone() * activation::sigmoid(x),
            Self::Mish => mish(x),
            Self::Elu(alpha) => elu(x, alpha),
            Self::Clip([low, high]) => x.clamp(low, high),
        }
    }

    /// Applies a layer's activation, if it has one.
    pub(super) fn apply<const D: usize>(activation: Option<Self>, x: Tensor<D>) -> Tensor<D> {
        match activation {
            Some(activation) => activation.forward(x),
            None => x,
        }
    }

    /// The name after a comma, for a summary; empty without an activation.
    pub(super) fn suffix(activation: Option<Self>) -> String {
        activation.map_or(String::new(), |activation| {
            format!(", {}", activation.described())
        })
    }

    /// The factor on the initial weights' standard deviation that preserves the signal's variance
    /// through this activation (He et al. 2015 for ReLU; otherwise the values of
    /// `torch.nn.init.calculate_gain`).
    pub fn gain(self) -> f64 {
        match self {
            Self::Relu | Self::Gelu | Self::Relu6 | Self::HardSwish | Self::Silu | Self::Mish => {
                2f64.sqrt()
            }
            Self::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            // The mean square of ELU's output for standard normal inputs; positive inputs
            // contribute 1/2.
            Self::Elu(alpha) => (0.5 + 0.144_945 * alpha * alpha).sqrt().recip(),
            Self::Tanh => 5.0 / 3.0,
            // Nearly the identity within its bounds.
            Self::Clip(_) | Self::Sigmoid | Self::HardSigmoid => 1.0,
        }
    }

    /// The kernels' form, if a convolution or a pool can end with it.
    #[cfg(feature = "flex")]
    pub(super) fn rectifier(self) -> Option<Rectifier> {
        match self {
            Self::Relu => Some(Rectifier::Relu),
            Self::Relu6 => Some(Rectifier::Relu6),
            _ => None,
        }
    }

    /// The kernels' form for the end of a batch norm or a step of its own.
    #[cfg(feature = "flex")]
    pub(super) fn nonlinearity(self) -> Nonlinearity {
        match self {
            Self::Relu => Rectifier::Relu.into(),
            Self::Relu6 => Rectifier::Relu6.into(),
            Self::LeakyRelu(slope) => Nonlinearity::LeakyRelu(slope as f32),
            Self::Gelu => Nonlinearity::Gelu,
            Self::Tanh => Nonlinearity::Tanh,
            Self::Sigmoid => Nonlinearity::Sigmoid,
            Self::HardSwish => Nonlinearity::HardSwish,
            Self::HardSigmoid => Nonlinearity::HardSigmoid,
            Self::Silu => Nonlinearity::Silu,
            Self::Mish => Nonlinearity::Mish,
            Self::Elu(alpha) => Nonlinearity::Elu(alpha as f32),
            Self::Clip(bounds) => Nonlinearity::Clip(bounds.map(|bound| bound as f32)),
        }
    }

    /// The name, and the setting if it is not the default.
    pub(super) fn described(self) -> String {
        match self {
            Self::LeakyRelu(value) | Self::Elu(value)
                if ![Self::LEAKY_RELU, Self::Elu(Self::ELU_ALPHA)].contains(&self) =>
            {
                format!("{} {value}", self.name())
            }
            Self::Clip([low, high]) => format!("{} {low} to {high}", self.name()),
            _ => self.name().into(),
        }
    }
}

/// `tanh(ln(1 + e))` is `e (e + 2) / (e (e + 2) + 2)` with `e = exp(x)`, which has no cancellation
/// and is 1 in single precision from `x = 20` on.
fn mish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let e = x.clone().clamp_max(20.0).exp();
    let square = e.clone() * (e + 2.0);
    x * (square.clone() / (square + 2.0))
}

fn elu<const D: usize>(x: Tensor<D>, alpha: f64) -> Tensor<D> {
    let below = (x.clone().clamp_max(0.0).exp() - 1.0) * alpha;
    let is_below = x.clone().lower_elem(0.0);
    x.mask_where(is_below, below)
}

fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// burn 0.22.1 computes GELU exactly, but its gradient is, except on flex, the derivative of the tanh
/// approximation, which is off by up to 5e-4. Composing it from the error function makes the gradient
/// exact too.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
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
        Ok(Outline::unchanged(
            &at.input,
            activation.described(),
            operation,
        ))
    }

    fn follower(&self) -> Follower {
        Follower::Activation(self.activation.gain())
    }
}

impl LayerOp for ActivationOp {
    type Module = Plain;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
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

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// The value in double precision.
    fn formula(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu(slope) => x.max(slope * x),
            // The logistic approximation would be off by 1e-2, the tanh one by 1e-3.
            Activation::Gelu => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Mish => x * x.exp().ln_1p().tanh(),
            Activation::Elu(alpha) if x < 0.0 => alpha * x.exp_m1(),
            Activation::Elu(_) => x,
            Activation::Clip([low, high]) => x.clamp(low, high),
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_formulas() {
        let device = Device::flex().autodiff();
        // Both sides of every kink (-3, 0, 3, 6), but not the kinks themselves.
        let points = [
            -7.5f32, -3.2, -2.8, -1.1, -0.3, 0.2, 0.9, 2.7, 3.3, 5.8, 6.4,
        ];
        let others = [
            Activation::LeakyRelu(0.2),
            Activation::Elu(0.5),
            Activation::Clip([-3.0, 6.0]),
        ];
        for activation in Activation::ALL.into_iter().chain(others) {
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

    #[test]
    fn a_setting_is_written_only_where_it_is_not_the_default() {
        let read = |text: &str| serde_json::from_str::<Activation>(text).map_err(|e| e.to_string());
        assert_eq!(read("\"leaky_relu\""), Ok(Activation::LeakyRelu(0.01)));
        let leaky = r#"{"type":"leaky_relu","slope":0.2}"#;
        assert_eq!(read(leaky), Ok(Activation::LeakyRelu(0.2)));
        let written = |activation| serde_json::to_string(&activation).unwrap();
        assert_eq!(written(Activation::LeakyRelu(0.2)), leaky);
        assert_eq!(written(Activation::LEAKY_RELU), "\"leaky_relu\"");
        let others = [Activation::Elu(0.5), Activation::Clip([0.0, 20.0])];
        for activation in Activation::ALL.into_iter().chain(others) {
            assert_eq!(read(&written(activation)), Ok(activation));
        }
        let error = read("\"swish\"").unwrap_err();
        assert!(
            error.contains("\"swish\" is not known") && error.contains("silu"),
            "{error}"
        );
        let error = read(r#"{"type":"clip","bounds":[2,1]}"#).unwrap_err();
        assert!(error.contains("the first must be the lower one"), "{error}");
        let error = read(r#"{"type":"relu","slope":0.2}"#).unwrap_err();
        assert!(error.contains("only leaky_relu takes `slope`"), "{error}");
    }
}
