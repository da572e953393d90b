//! The traits that every kind of layer implements.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{LayerConfig, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::module::Module;
use burn::nn::BatchNorm;
use burn::tensor::Tensor;

/// A layer as configured.
pub(crate) trait LayerKind {
    /// Checks the settings against the layer's input and computes its output shape, cost and field.
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError>;

    /// How this layer treats the previous layer's output; decides the gain of that layer's weights.
    fn follower(&self) -> Follower;

    /// Whether it or a layer nested in it has weights: only layers without any may follow the head.
    fn has_weights(&self) -> bool {
        false
    }

    /// Its nested lists of layers, if any.
    fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
        Vec::new()
    }
}

/// A planned layer: how it is built, run and restricted to units. No method has a default, so that
/// the compiler requires all of them when a kind is added.
pub(crate) trait LayerOp {
    /// The parameters: one of burn's modules, or [`Plain`].
    type Module;

    /// Its role in the network.
    fn role(&self) -> LayerRole;

    /// The padding of its window, if it has one.
    fn padding(&self) -> Option<Edges>;

    /// Initialises the parameters; `weights` is the only source of randomness.
    fn init(&self, weights: &mut RandomWeights<'_>) -> Self::Module;

    /// The output for `x`, whose shape the plan has checked.
    fn forward(&self, module: &Self::Module, x: Features, pass: &mut Pass<'_>) -> Features;

    /// Restricts the layer to these units of its output and returns the input units they read;
    /// `None` if they read nothing but padding.
    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units>;

    /// Adapts a module to this layer after [`cut`](Self::cut): only paddings change.
    fn cut_module(&self, module: &mut Self::Module);

    /// The values of its parameters, if it has any.
    fn values(module: &Self::Module) -> LayerValues;

    /// The batch norm into which the statistics of a step's shards are merged, if it is one.
    fn batch_norm(module: &mut Self::Module) -> Option<&mut BatchNorm>;
}

/// What a layer does, for code that selects layers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRole {
    /// A weighted sum over each window.
    Convolution,
    /// A maximum or mean over each window.
    Pool,
    /// A function of each position separately.
    Pointwise,
    /// Branches whose outputs are joined.
    Branches,
    /// An operation on the whole map, such as `flatten`, `global_avg_pool2d` or `linear`.
    Whole,
}

/// The module of a layer without parameters.
#[derive(Module, Debug, Default)]
pub(crate) struct Plain {
    /// burn's derive macro needs a field; this one is neither a parameter nor part of a record.
    #[module(skip)]
    nothing: (),
}

/// The values of one layer's tensors, in row-major order; empty if it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerValues {
    /// Weights: `[filters, channels / groups, height, width]` for a convolution, `[inputs, units]`
    /// for a linear layer, `[channels]` for slopes and factors.
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

/// The serde default of settings that are on unless turned off.
pub(super) fn yes() -> bool {
    true
}

pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    data.try_into_vec().unwrap_or_default()
}
