//! `flatten`: reshapes a map to a row of values.

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

/// `type = "flatten"`: reshapes `[channels, height, width]` to a row; a row is left unchanged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenLayer {}

/// A planned [`FlattenLayer`].
#[derive(Debug, Clone)]
pub struct FlattenOp {}

impl LayerKind for FlattenLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let operation = Operation::Flatten(FlattenOp {});
        Ok(Outline {
            output: Shape::Flat(at.input.shape.values()),
            ..Outline::unchanged(&at.input, "", operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for FlattenOp {
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
        Features::Flat(x.into_flat())
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
