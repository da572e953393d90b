//! `global_max_pool2d`: the largest value of each channel.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Shape, Units};
use burn::nn::BatchNorm;
use serde::{Deserialize, Serialize};

/// `type = "global_max_pool2d"`: `[channels, height, width]` to `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPool2dLayer {}

/// A planned [`GlobalMaxPool2dLayer`].
#[derive(Debug, Clone)]
pub struct GlobalMaxPool2dOp {}

impl LayerKind for GlobalMaxPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, _) = at.map()?;
        let operation = Operation::GlobalMaxPool2d(GlobalMaxPool2dOp {});
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

impl LayerOp for GlobalMaxPool2dOp {
    type Module = Plain;

    fn role(&self) -> LayerRole {
        LayerRole::Whole
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Plain {
        Plain::default()
    }

    fn forward(&self, _: &Plain, x: Features, _: &mut Pass<'_>) -> Features {
        let rows = x.maps().flatten::<3>(2, 3); // [batch, channels, height * width]
        Features::Flat(rows.max_dim(2).flatten(1, 2)) // [batch, channels]
    }

    fn cut(&mut self, layer: &PlannedLayer, _: &Units) -> Option<Units> {
        Some(layer.input.units())
    }

    fn cut_module(&self, _: &mut Plain) {}

    fn values(_: &Plain) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Plain) -> Option<&mut BatchNorm> {
        None
    }
}
