//! `avg_pool2d`: the mean of each window.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerValues, Role};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::window::{self, explicit, pool};
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Padding, Pair, Units};
use burn::nn::BatchNorm;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use serde::{Deserialize, Serialize};

/// `type = "avg_pool2d"`: the mean of each window, padding not counted (as in Keras).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dLayer {
    /// The window's height and width.
    pub pool_size: Pair,
    /// The stride; by default the window's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// The padding, which does not count in the mean.
    #[serde(default, skip_serializing_if = "Padding::is_valid")]
    pub padding: Padding,
}

impl AvgPool2dLayer {
    /// Windows side by side, without padding.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self {
            pool_size: pool_size.into(),
            strides: None,
            padding: Padding::Valid,
        }
    }

    /// Sets the stride.
    pub fn with_strides(self, strides: impl Into<Pair>) -> Self {
        Self {
            strides: Some(strides.into()),
            ..self
        }
    }

    /// Sets the padding.
    pub fn with_padding(self, padding: impl Into<Padding>) -> Self {
        Self {
            padding: padding.into(),
            ..self
        }
    }
}

/// A planned [`AvgPool2dLayer`].
#[derive(Debug, Clone)]
pub struct AvgPool2dOp {
    /// The window's `[height, width]`.
    pub pool_size: [usize; 2],
    /// Down and right.
    pub strides: [usize; 2],
    /// The padding, which does not count in the mean.
    pub edges: Edges,
}

impl LayerKind for AvgPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let strides = self.strides.unwrap_or(self.pool_size);
        let size = self.pool_size;
        pool(at, size, strides, Pair::one(), self.padding, |edges| {
            Operation::AvgPool2d(AvgPool2dOp {
                pool_size: size.array(),
                strides: strides.array(),
                edges,
            })
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for AvgPool2dOp {
    type Module = AvgPool2d;

    fn role(&self) -> Role {
        Role::Pool
    }

    fn padding(&self) -> Option<Edges> {
        Some(self.edges)
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> AvgPool2d {
        AvgPool2dConfig::new(self.pool_size)
            .with_strides(self.strides)
            .with_padding(explicit(&self.edges))
            .with_count_include_pad(false)
            .init()
    }

    fn forward(&self, pool: &AvgPool2d, x: Features, _: &mut Pass<'_>) -> Features {
        Features::Map(pool.forward(x.maps()))
    }

    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
        let (kernel, strides) = (self.pool_size, self.strides);
        window::needed(layer, units, kernel, strides, [1, 1], &mut self.edges)
    }

    fn cut_module(&self, pool: &mut AvgPool2d) {
        pool.padding = explicit(&self.edges);
    }

    fn values(_: &AvgPool2d) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut AvgPool2d) -> Option<&mut BatchNorm> {
        None
    }
}
