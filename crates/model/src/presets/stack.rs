//! Builds lists of layers together with the names of those with weights in a file.

use crate::layers::{
    Activation, BranchesLayer, Join, LayerConfig, ResidualLayer, SqueezeExciteLayer,
};

/// A sequence of layers and the names of those with weights, in the plan's order: a residual's body
/// before its projection, branches in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Stack {
    pub(super) layers: Vec<LayerConfig>,
    pub(super) names: Vec<String>,
}

impl Stack {
    /// No layers; as a branch or a projection it is the identity.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Appends a layer without weights.
    pub(super) fn layer(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Appends a layer with weights; a file calls them `NAME.weight`, `NAME.bias` and so on.
    pub(super) fn named(mut self, name: impl Into<String>, layer: impl Into<LayerConfig>) -> Self {
        self.names.push(name.into());
        self.layer(layer)
    }

    /// Appends a gate; the names are those of its two layers.
    pub(super) fn gate(mut self, names: [String; 2], gate: SqueezeExciteLayer) -> Self {
        self.names.extend(names);
        self.layer(gate)
    }

    /// Appends another stack.
    pub(super) fn then(mut self, next: Self) -> Self {
        self.layers.extend(next.layers);
        self.names.extend(next.names);
        self
    }

    /// Appends `activation(body(x) + projection(x))`.
    pub(super) fn residual(
        mut self,
        body: Self,
        projection: Self,
        activation: Option<Activation>,
    ) -> Self {
        self.names.extend(body.names);
        self.names.extend(projection.names);
        self.layer(ResidualLayer {
            layers: body.layers,
            projection: projection.layers,
            activation,
        })
    }

    /// Appends branches whose outputs are joined.
    pub(super) fn branches(
        mut self,
        join: Join,
        branches: impl IntoIterator<Item = Self>,
        activation: Option<Activation>,
    ) -> Self {
        let mut layer = BranchesLayer::new(join);
        for branch in branches {
            self.names.extend(branch.names);
            layer = layer.branch(branch.layers);
        }
        layer.activation = activation;
        self.layer(layer)
    }
}
