//! `channel_slice`: a range of the channels.

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

/// `type = "channel_slice"`: the channels in `start..end`, or the values if the input is a row. As
/// the first layer of each branch it splits the channels among the branches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSliceLayer {
    /// The first channel, counted from 0.
    pub start: usize,
    /// The end of the range, exclusive.
    pub end: usize,
}

impl ChannelSliceLayer {
    /// The channels in `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A planned [`ChannelSliceLayer`].
#[derive(Debug, Clone)]
pub struct ChannelSliceOp {
    /// The first channel, counted from 0.
    pub start: usize,
    /// The end of the range, exclusive.
    pub end: usize,
}

impl LayerKind for ChannelSliceLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let &Self { start, end } = self;
        let channels = at.input.shape.channels();
        if start >= end || end > channels {
            return Err(at.reject(
                format!("channels {start} to {end} are not within its {channels} input channels"),
                format!("set `start` below `end`, and `end` to {channels} at most"),
            ));
        }
        let output = match at.input.shape {
            Shape::Map { height, width, .. } => Shape::Map {
                channels: end - start,
                height,
                width,
            },
            Shape::Flat(_) => Shape::Flat(end - start),
        };
        let operation = Operation::ChannelSlice(ChannelSliceOp { start, end });
        let summary = format!("{start} to {}", end - 1);
        Ok(Outline {
            output,
            ..Outline::unchanged(&at.input, summary, operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for ChannelSliceOp {
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
        let (start, length) = (self.start, self.end - self.start);
        match x {
            Features::Map(x) => Features::Map(x.narrow(1, start, length)),
            Features::Flat(x) => Features::Flat(x.narrow(1, start, length)),
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
