//! `channel_shuffle`: interleaves the channels of several groups.

use super::context::{Context, Follower, MAX_SIDE, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use serde::{Deserialize, Serialize};

/// `type = "channel_shuffle"`: the first channel of each of `groups` groups, then the second of each,
/// and so on (Zhang et al. 2018, "ShuffleNet").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelShuffleLayer {
    /// Number of groups; must divide the number of channels.
    pub groups: usize,
}

impl ChannelShuffleLayer {
    /// Interleaves this many groups.
    pub fn new(groups: usize) -> Self {
        Self { groups }
    }
}

/// A planned [`ChannelShuffleLayer`].
#[derive(Debug, Clone)]
pub struct ChannelShuffleOp {
    /// Number of groups.
    pub groups: usize,
}

impl ChannelShuffleOp {
    /// The input channel that each output channel is copied from.
    pub fn sources(&self, channels: usize) -> impl Iterator<Item = usize> + use<> {
        let (groups, each) = (self.groups, channels / self.groups.max(1));
        (0..channels).map(move |channel| channel % groups * each + channel / groups)
    }
}

impl LayerKind for ChannelShuffleLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, _) = at.map()?;
        let groups = self.groups;
        at.count("groups", groups, MAX_SIDE)?;
        if !channels.is_multiple_of(groups) {
            return Err(at.reject(
                format!("{groups} groups do not divide {channels} channels"),
                "use a number of groups that does",
            ));
        }
        let operation = Operation::ChannelShuffle(ChannelShuffleOp { groups });
        let summary = format!("{groups} groups");
        Ok(Outline::unchanged(&at.input, summary, operation))
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for ChannelShuffleOp {
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
        let x = x.maps();
        let [batch, channels, height, width] = x.dims();
        let (groups, each) = (self.groups, channels / self.groups);
        let grouped = x.reshape([batch, groups, each, height * width]);
        let shuffled = grouped.swap_dims(1, 2); // [batch, each, groups, height * width]
        Features::Map(shuffled.reshape([batch, channels, height, width]))
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
