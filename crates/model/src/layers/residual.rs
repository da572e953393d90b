//! `residual`: a branch that is added to its input, planned and built as `branches`.

use super::LayerConfig;
use super::activation::Activation;
use super::branches::BranchPlan;
use super::context::{Context, Follower, Outline};
use super::join::Join;
use super::kind::LayerKind;
use super::planner::Planner;
use crate::ModelError;
use serde::{Deserialize, Serialize};

/// `type = "residual"`: `activation(body(x) + shortcut(x))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualLayer {
    /// The branch that is added to the input.
    pub layers: Vec<LayerConfig>,
    /// The layers of the shortcut; none by default, which is the identity. If the branch changes
    /// the shape, they must change it in the same way, usually with a 1x1 convolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projection: Vec<LayerConfig>,
    /// Activation after the sum; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

impl ResidualLayer {
    /// An empty branch, an identity shortcut and no activation.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            projection: Vec::new(),
            activation: None,
        }
    }

    /// Appends a layer to the branch.
    pub fn layer(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Appends a layer to the shortcut.
    pub fn projection(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.projection.push(layer.into());
        self
    }

    /// Sets the activation after the sum.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

impl Default for ResidualLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl LayerKind for ResidualLayer {
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError> {
        let shortcut = if self.projection.is_empty() {
            "identity"
        } else {
            "projection"
        };
        BranchPlan {
            branches: vec![
                (String::new(), &self.layers),
                ("p".into(), &self.projection),
            ],
            join: Join::Add,
            activation: self.activation,
            summary: format!(
                "{} + {shortcut}{}",
                self.layers.len(),
                Activation::suffix(self.activation)
            ),
            remedy: "give `projection` the same strides and filters as the branch, commonly a 1x1 \
                     conv2d",
        }
        .plan(at, planner)
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }

    fn has_weights(&self) -> bool {
        let mut layers = self.layers.iter().chain(&self.projection);
        layers.any(LayerConfig::has_weights)
    }

    fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
        vec![&mut self.layers, &mut self.projection]
    }
}
