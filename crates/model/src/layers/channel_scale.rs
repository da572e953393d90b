//! `channel_scale`: multiplies each channel by a trained factor.

use super::channel_weights::{ChannelWeights, scaled};
use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use serde::{Deserialize, Serialize};

/// `type = "channel_scale"`: multiplies each channel by a trained factor. With a small initial
/// value at the end of a branch it is the layer scale of Touvron et al. 2021, "Going deeper with
/// image transformers".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelScaleLayer {
    /// The factor before training. Default: 1.
    pub initial: f64,
}

impl Default for ChannelScaleLayer {
    fn default() -> Self {
        Self { initial: 1.0 }
    }
}

/// A planned [`ChannelScaleLayer`].
#[derive(Debug, Clone)]
pub struct ChannelScaleOp {
    /// Channels of a map, or values of a row.
    pub channels: usize,
    /// The factor before training.
    pub initial: f64,
}

impl LayerKind for ChannelScaleLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        at.finite("initial", self.initial)?;
        let (channels, initial) = (at.input.shape.channels(), self.initial);
        let operation = Operation::ChannelScale(ChannelScaleOp { channels, initial });
        Ok(Outline {
            params: channels,
            ..Outline::unchanged(&at.input, format!("initially {initial}"), operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }

    fn has_weights(&self) -> bool {
        true
    }
}

impl LayerOp for ChannelScaleOp {
    type Module = ChannelWeights;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> ChannelWeights {
        ChannelWeights::new(self.channels, self.initial, weights)
    }

    fn forward(&self, factors: &ChannelWeights, x: Features, _: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(scaled(x, factors.along_channels())),
            Features::Flat(x) => Features::Flat(x * factors.along_channels()),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut ChannelWeights) {}

    fn values(factors: &ChannelWeights) -> LayerValues {
        factors.values()
    }

    fn batch_norm(_: &mut ChannelWeights) -> Option<&mut BatchNorm> {
        None
    }
}
