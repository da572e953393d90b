//! `linear`: a dense layer.

use super::activation::Activation;
use super::context::{Context, Follower, Outline};
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, is_yes, read, yes};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Shape, Units};
use burn::nn::{BatchNorm, Initializer, Linear, LinearConfig};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `type = "linear"`: a dense layer. The model's last layer with weights may leave `units` out, and
/// then has one per class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearLayer {
    /// Number of outputs; if left out, one per class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Whether a bias per unit is added. Default: true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
    /// Activation of each output; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

impl LinearLayer {
    /// A layer of this many units, without an activation.
    pub fn new(units: usize) -> Self {
        Self {
            units: Some(units),
            ..Self::classes()
        }
    }

    /// The classifier's last layer: one unit per class.
    pub fn classes() -> Self {
        Self {
            units: None,
            bias: true,
            activation: None,
        }
    }

    /// Sets whether a bias is added.
    pub fn with_bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// Sets the activation.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

impl Default for LinearLayer {
    /// One unit per class.
    fn default() -> Self {
        Self::classes()
    }
}

/// A planned [`LinearLayer`].
#[derive(Debug, Clone)]
pub struct LinearOp {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub units: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// Activation of each output.
    pub activation: Option<Activation>,
    /// Gain of the initial weights.
    pub gain: f64,
}

impl LayerKind for LinearLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let Shape::Flat(inputs) = at.input.shape else {
            return Err(at.reject(
                format!(
                    "it needs flat values but gets a feature map {}",
                    at.input.shape
                ),
                "put `flatten` or `global_avg_pool2d` before it",
            ));
        };
        let (units, word) = at.outputs("units", self.units)?;
        let weights = at.product("its weights", &[inputs, units])?;
        Ok(Outline {
            summary: format!(
                "{units} {word}{}{}",
                if self.bias { "" } else { ", no bias" },
                Activation::suffix(self.activation)
            ),
            output: Shape::Flat(units),
            extent: [1, 1],
            params: weights + if self.bias { units } else { 0 },
            buffers: 0,
            macs: weights,
            trf: at.input.whole(),
            notes: Vec::new(),
            operation: Operation::Linear(LinearOp {
                inputs,
                units,
                bias: self.bias,
                activation: self.activation,
                gain: self.activation.map_or(at.gain, Activation::gain),
            }),
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }

    fn has_weights(&self) -> bool {
        true
    }
}

/// The outputs before the activation.
///
/// # Shapes
/// - `x`: `[batch, inputs]`
/// - output: `[batch, units]`
fn in_32_bits(linear: &Linear, x: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if kernels::fits(&x) {
        let bias = linear.bias.as_ref().map(|bias| bias.val());
        return receptive_kernels::linear(x, linear.weight.val(), bias);
    }
    linear.forward(x)
}

impl LayerOp for LinearOp {
    type Module = Linear;

    fn role(&self) -> LayerRole {
        LayerRole::Whole
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> Linear {
        let dims = [self.inputs, self.units];
        let mut linear = LinearConfig::new(self.inputs, self.units)
            .with_bias(self.bias)
            .with_initializer(Initializer::Zeros)
            .init(weights.device);
        linear.weight = weights.normal(dims, self.inputs, self.gain);
        linear.bias = self.bias.then(|| weights.zeros(self.units));
        linear
    }

    fn forward(&self, linear: &Linear, x: Features, pass: &mut Pass<'_>) -> Features {
        let (x, precision) = (x.into_flat(), pass.precision()); // [batch, inputs]
        let y = if precision.is_f32() {
            in_32_bits(linear, x)
        } else {
            let bias = linear.bias.as_ref();
            let bias = bias.map(|bias| bias.val().reshape([1, -1])); // [1, units]
            let product = |x, weight| burn::tensor::module::linear(x, weight, None);
            precision.product(x, linear.weight.val(), bias, product)
        }; // [batch, units]
        Features::Flat(Activation::apply(self.activation, y))
    }

    fn cut(&mut self, layer: &PlannedLayer, _: &Units) -> Option<Units> {
        Some(layer.input.units())
    }

    fn cut_module(&self, _: &mut Linear) {}

    fn values(linear: &Linear) -> LayerValues {
        LayerValues {
            weight: read(linear.weight.val()),
            bias: linear
                .bias
                .as_ref()
                .map(|bias| read(bias.val()))
                .unwrap_or_default(),
            ..LayerValues::default()
        }
    }

    fn batch_norm(_: &mut Linear) -> Option<&mut BatchNorm> {
        None
    }
}
