//! The traits that every kind of layer implements.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::pass::{BatchStatistics, Pass};
use super::planner::Planner;
use super::random::RandomWeights;
use super::{LayerConfig, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::module::Module;
use burn::tensor::Tensor;

/// A layer as configured.
pub(crate) trait LayerKind {
    /// Checks the settings against the layer's input and computes its output shape, cost and field.
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError>;

    /// How this layer treats the previous layer's output; decides the gain of that layer's weights.
    fn follower(&self) -> Follower;

    /// Its nested lists of layers, if any.
    fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
        Vec::new()
    }
}

/// A planned layer: how it is built, run and cut.
pub(crate) trait LayerOp {
    /// The parameters: one of burn's modules, or [`Plain`].
    type Module;

    /// Its role in the network.
    fn role(&self) -> Role;

    /// The padding of its window, if it has one.
    fn padding(&self) -> Option<Edges> {
        None
    }

    /// Initializes the parameters, from `weights` only.
    fn init(&self, weights: &mut RandomWeights<'_>) -> Self::Module;

    /// The output for `x`, whose shape the plan has checked.
    fn forward(&self, module: &Self::Module, x: Features, pass: &mut Pass<'_>) -> Features;

    /// Restricts the layer to these units of its output and returns the input units they read;
    /// `None` if they read nothing but padding.
    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units>;

    /// Adapts a module to this layer after it was cut: only paddings change.
    fn cut_module(&self, _module: &mut Self::Module) {}

    /// The values of its parameters, if it has any.
    fn values(_module: &Self::Module) -> LayerValues {
        LayerValues::default()
    }

    /// Merges the shards' batch statistics, if it is a batch norm; `norm` counts batch norms.
    fn merge_statistics(
        _module: &mut Self::Module,
        _shards: &[(f64, Vec<BatchStatistics>)],
        _norm: &mut usize,
    ) {
    }
}

/// What a layer does, for code that selects layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A weighted sum over each window.
    Convolution,
    /// A maximum or mean over each window.
    Pool,
    /// A function of each value by itself.
    Pointwise,
    /// Branches whose outputs are joined.
    Branches,
    /// An operation on the whole map: `flatten`, `global_avg_pool2d`, `linear`.
    Whole,
}

/// The module of a layer without parameters.
#[derive(Module, Debug, Default)]
pub(crate) struct Plain {
    /// burn's derive needs a field; this one is neither a parameter nor part of a record.
    #[module(skip)]
    nothing: (),
}

/// The values of one layer's tensors, in row-major order; empty where it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerValues {
    /// Weight: `[filters, channels / groups, height, width]` of a convolution, `[inputs, units]` of a
    /// linear layer.
    pub weight: Vec<f32>,
    /// Bias of a convolution or a linear layer.
    pub bias: Vec<f32>,
    /// Batch norm's scale.
    pub gamma: Vec<f32>,
    /// Batch norm's shift.
    pub beta: Vec<f32>,
    /// Batch norm's running mean.
    pub mean: Vec<f32>,
    /// Batch norm's running variance.
    pub variance: Vec<f32>,
}

pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    data.try_into_vec().unwrap_or_default()
}
