//! What every kind of layer says about itself.

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

/// A layer as the config has it.
pub(crate) trait LayerKind {
    /// Checks it against what reaches it and works out what comes out.
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError>;

    /// What the output of the layer before meets in this one.
    fn follower(&self) -> Follower;

    /// The lists of layers within it, where it has some.
    fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
        Vec::new()
    }
}

/// A layer as the plan has it: how it is built, run and cut.
pub(crate) trait LayerOp {
    /// Its parameters: one of burn's modules, or [`Plain`].
    type Module;

    /// What it does, for whoever chooses among layers.
    fn role(&self) -> Role;

    /// Of a window, where it has one.
    fn padding(&self) -> Option<Edges> {
        None
    }

    /// First parameters, from `weights` alone.
    fn init(&self, weights: &mut RandomWeights<'_>) -> Self::Module;

    /// What comes out. The plan has made sure that `x` has the shape it needs.
    fn forward(&self, module: &Self::Module, x: Features, pass: &mut Pass<'_>) -> Features;

    /// Cuts it to these units of its output and returns what they need of its input; `None` where
    /// they lie on padding alone.
    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units>;

    /// Makes a module that of this layer, which was cut: only paddings change.
    fn cut_module(&self, _module: &mut Self::Module) {}

    /// Its numbers, read out, where it has parameters.
    fn values(_module: &Self::Module) -> LayerValues {
        LayerValues::default()
    }

    /// Merges what its batch norm saw of each shard, `norm` counting batch norms.
    fn merge_statistics(
        _module: &mut Self::Module,
        _shards: &[(f64, Vec<BatchStatistics>)],
        _norm: &mut usize,
    ) {
    }
}

/// What a layer does, for whoever chooses among a network's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weighs what lies in a window.
    Convolution,
    /// Summarises what lies in a window.
    Pool,
    /// Changes each value in its place.
    Pointwise,
    /// Joins what its branches return.
    Branches,
    /// Rearranges or summarises the whole: `flatten`, `global_avg_pool2d`, `linear`.
    Whole,
}

/// The module of a layer without parameters.
#[derive(Module, Debug, Default)]
pub(crate) struct Plain {
    /// burn's derive wants a field; this one is not a parameter and not in a record.
    #[module(skip)]
    nothing: (),
}

/// The values of one layer's tensors, row by row; empty where it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerValues {
    /// Of a convolution `[filters, channels / groups, height, width]`, of a linear layer
    /// `[inputs, units]`.
    pub weight: Vec<f32>,
    /// Of a convolution or a linear layer.
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
