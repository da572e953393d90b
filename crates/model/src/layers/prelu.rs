//! `prelu`: a leaky ReLU with a trained slope.

use super::channel_weights::ChannelWeights;
use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Activation, Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// `type = "prelu"`: `x` where positive, else `slope x` with a trained slope (He et al. 2015, "Delving
/// deep into rectifiers").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreluLayer {
    /// Whether each channel has a slope of its own; by default all share one, as in PyTorch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub per_channel: bool,
    /// The slope before training. Default: 0.25.
    pub initial: f64,
}

impl Default for PreluLayer {
    fn default() -> Self {
        Self {
            per_channel: false,
            initial: 0.25,
        }
    }
}

/// A planned [`PreluLayer`].
#[derive(Debug, Clone)]
pub struct PreluOp {
    /// Number of slopes: 1, or one per channel.
    pub slopes: usize,
    /// Their value before training.
    pub initial: f64,
}

impl LayerKind for PreluLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        at.finite("initial", self.initial)?;
        let (slopes, summary) = match self.per_channel {
            true => (at.input.shape.channels(), "one slope per channel"),
            false => (1, "one slope"),
        };
        let operation = Operation::Prelu(PreluOp {
            slopes,
            initial: self.initial,
        });
        Ok(Outline {
            params: slopes,
            ..Outline::unchanged(&at.input, summary, operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Activation(Activation::LeakyRelu(self.initial).gain())
    }

    fn has_weights(&self) -> bool {
        true
    }
}

impl LayerOp for PreluOp {
    type Module = ChannelWeights;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> ChannelWeights {
        ChannelWeights::new(self.slopes, self.initial, weights)
    }

    fn forward(&self, slopes: &ChannelWeights, x: Features, _: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(prelu(x, slopes)),
            Features::Flat(x) => Features::Flat(prelu(x, slopes)),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut ChannelWeights) {}

    fn values(slopes: &ChannelWeights) -> LayerValues {
        slopes.values()
    }

    fn batch_norm(_: &mut ChannelWeights) -> Option<&mut BatchNorm> {
        None
    }
}

fn prelu<const D: usize>(x: Tensor<D>, slopes: &ChannelWeights) -> Tensor<D> {
    let below = activation::relu(-x.clone()) * slopes.along_channels();
    activation::relu(x) - below
}
