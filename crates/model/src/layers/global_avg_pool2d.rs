//! `global_avg_pool2d`: the mean of each channel.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Shape, Units};
use burn::nn::BatchNorm;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig};
use serde::{Deserialize, Serialize};

/// `type = "global_avg_pool2d"`: `[channels, height, width]` to `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool2dLayer {}

/// A planned [`GlobalAvgPool2dLayer`].
#[derive(Debug, Clone)]
pub struct GlobalAvgPool2dOp {}

impl LayerKind for GlobalAvgPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, _) = at.map()?;
        let operation = Operation::GlobalAvgPool2d(GlobalAvgPool2dOp {});
        Ok(Outline {
            output: Shape::Flat(channels),
            extent: [1, 1],
            trf: at.input.whole(),
            ..Outline::unchanged(&at.input, "", operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for GlobalAvgPool2dOp {
    type Module = AdaptiveAvgPool2d;

    fn role(&self) -> LayerRole {
        LayerRole::Whole
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> AdaptiveAvgPool2d {
        AdaptiveAvgPool2dConfig::new([1, 1]).init()
    }

    fn forward(&self, pool: &AdaptiveAvgPool2d, x: Features, _: &mut Pass<'_>) -> Features {
        let mean = pool.forward(x.maps()); // [batch, channels, 1, 1]
        Features::Flat(mean.flatten(1, 3)) // [batch, channels]
    }

    fn cut(&mut self, layer: &PlannedLayer, _: &Units) -> Option<Units> {
        Some(layer.input.units())
    }

    fn cut_module(&self, _: &mut AdaptiveAvgPool2d) {}

    fn values(_: &AdaptiveAvgPool2d) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut AdaptiveAvgPool2d) -> Option<&mut BatchNorm> {
        None
    }
}
