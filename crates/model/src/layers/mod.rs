//! The kinds of layer, a file each: config, plan, parameters, first values, forward pass, cone. This
//! file has the one list of them. Layers are composed by two things only: a sequence, and branches that
//! are joined.

mod activation;
mod avg_pool2d;
mod batch_norm;
mod branches;
mod cone;
mod context;
mod conv2d;
mod crop;
mod dropout;
mod features;
mod flatten;
mod fuse;
mod global_avg_pool2d;
mod kernels;
mod kind;
mod linear;
mod max_pool2d;
mod pass;
mod planner;
mod random;
mod residual;
mod sequence;
mod squeeze_excite;
mod window;

pub use activation::{Activation, ActivationLayer, ActivationOp};
pub use avg_pool2d::{AvgPool2dLayer, AvgPool2dOp};
pub use batch_norm::{BatchNormLayer, BatchNormOp};
pub use branches::{Branch, BranchesLayer, BranchesOp, Join};
pub use conv2d::{Conv2dLayer, Conv2dOp};
pub use crop::CropOp;
pub use dropout::{DropoutLayer, DropoutOp};
pub use features::Features;
pub use flatten::{FlattenLayer, FlattenOp};
pub use global_avg_pool2d::{GlobalAvgPool2dLayer, GlobalAvgPool2dOp};
pub use kernels::exactly;
pub use kind::{LayerValues, Role};
pub use linear::{LinearLayer, LinearOp};
pub use max_pool2d::{MaxPool2dLayer, MaxPool2dOp};
pub use pass::BatchStatistics;
pub use planner::Total;
pub use random::DropoutKey;
pub use residual::ResidualLayer;
pub use squeeze_excite::SqueezeExciteLayer;

pub(crate) use cone::cut;
pub(crate) use context::{MAX_SIDE, Signal};
pub(crate) use pass::Pass;
pub(crate) use planner::Planner;
pub(crate) use random::RandomWeights;
pub(crate) use sequence::{cut_modules, find, through};

use crate::ModelError;
use crate::geometry::{Edges, Field, Shape, Units};
use branches::{Branches, Residual};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
use burn::nn::{BatchNorm, Dropout, Linear};
use context::{Context, Follower, Outline};
use kind::{LayerKind, LayerOp, Plain};
use serde::{Deserialize, Serialize};

/// One layer, planned.
#[derive(Debug, Clone)]
pub struct PlannedLayer {
    /// Its place, from 1. Within layer 4: of a residual `4.2`, and `4.p1` in its projection; of
    /// branches `4.a1` in the first, `4.b1` in the second.
    pub number: String,
    /// A name of its own: the type and a count, such as `conv2d_3`.
    pub name: String,
    /// The config's word for this kind of layer.
    pub kind: &'static str,
    /// Its settings in a few words, such as `16 filters 3x3, same`.
    pub summary: String,
    /// What comes in.
    pub input: Shape,
    /// What comes out.
    pub output: Shape,
    /// Numbers that are learnt, those of layers within included.
    pub params: usize,
    /// Running statistics, those of layers within included.
    pub buffers: usize,
    /// Multiply-adds for one image, those of layers within included.
    pub macs: usize,
    /// The theoretical receptive field along `[height, width]`. Behind a gate that sees the whole map
    /// it holds the whole image for every unit.
    pub trf: [Field; 2],
    /// Remarks and warnings, a sentence each.
    pub notes: Vec<String>,
    /// What is to be built.
    pub operation: Operation,
}

impl PlannedLayer {
    /// What it does.
    pub fn role(&self) -> Role {
        self.operation.role()
    }

    /// The padding of a convolution or a pool in pixels, as it is really used.
    pub fn padding(&self) -> Option<Edges> {
        self.operation.padding()
    }

    /// The sequences of layers within it; none unless it branches.
    pub fn branches(&self) -> &[Branch] {
        match &self.operation {
            Operation::Branches(op) => &op.branches,
            _ => &[],
        }
    }
}

/// Makes the enums of all kinds, and hands each call to the kind it concerns.
macro_rules! kinds {
    (
        configs { $($(#[$config_doc:meta])* $word:literal $Config:ident($Settings:ident),)* }
        operations { $($(#[$operation_doc:meta])* $Kind:ident($Op:ident) with $Module:ident,)* }
    ) => {
        /// One entry of a config's `layers`: a table whose `type` is the kind's word.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum LayerConfig {
            $($(#[$config_doc])* #[serde(rename = $word)] $Config($Settings),)*
        }

        impl LayerConfig {
            /// The words for all kinds of layer.
            pub const KINDS: &[&'static str] = &[$($word),*];

            /// The config's word for this kind of layer.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$Config(_) => $word,)*
                }
            }

            fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError> {
                match self {
                    $(Self::$Config(layer) => layer.plan(at, planner),)*
                }
            }

            fn follower(&self) -> Follower {
                match self {
                    $(Self::$Config(layer) => layer.follower(),)*
                }
            }

            /// The lists of layers within it, to change them; none unless it branches.
            pub fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
                match self {
                    $(Self::$Config(layer) => layer.branches_mut(),)*
                }
            }
        }

        $(impl From<$Settings> for LayerConfig {
            fn from(layer: $Settings) -> Self {
                Self::$Config(layer)
            }
        })*

        /// A layer with everything its construction needs.
        #[derive(Debug, Clone)]
        pub enum Operation {
            $($(#[$operation_doc])* $Kind($Op),)*
            /// Several sequences of layers, joined.
            Branches(BranchesOp),
        }

        impl Operation {
            fn role(&self) -> Role {
                match self {
                    $(Self::$Kind(op) => op.role(),)*
                    Self::Branches(_) => Role::Branches,
                }
            }

            fn padding(&self) -> Option<Edges> {
                match self {
                    $(Self::$Kind(op) => op.padding(),)*
                    Self::Branches(_) => None,
                }
            }

            fn is_branches(&self) -> bool {
                matches!(self, Self::Branches(_))
            }

            /// Cuts it to these units of its output and returns what they need of its input; `None`
            /// where they lie on padding alone.
            fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
                match self {
                    $(Self::$Kind(op) => op.cut(layer, units),)*
                    Self::Branches(op) => Some(op.cut(layer, units)),
                }
            }
        }

        /// A layer's parameters: burn's own modules. The names of the variants and their fields are
        /// those under which records keep parameters.
        #[derive(Module, Debug)]
        pub(crate) enum Layer {
            $($Kind($Module),)*
            Residual(Residual),
            Branches(Branches),
        }

        impl Layer {
            /// With first values from `weights` alone.
            pub(crate) fn new(planned: &PlannedLayer, weights: &mut RandomWeights<'_>) -> Self {
                match &planned.operation {
                    $(Operation::$Kind(op) => Self::$Kind(op.init(weights)),)*
                    Operation::Branches(op) => {
                        let mut branches = Vec::with_capacity(op.branches.len());
                        for branch in &op.branches {
                            let layers = branch.layers.iter();
                            branches.push(layers.map(|layer| Self::new(layer, weights)).collect());
                        }
                        op.module(branches)
                    }
                }
            }

            fn forward(&self, x: Features, planned: &PlannedLayer, pass: &mut Pass<'_>) -> Features {
                let output = match (self, &planned.operation) {
                    $((Self::$Kind(module), Operation::$Kind(op)) => op.forward(module, x, pass),)*
                    (Self::Residual(_) | Self::Branches(_), Operation::Branches(op)) => {
                        op.forward(&self.branches(), x, pass)
                    }
                    (_, _) => unreachable!("layer {} is built as planned", planned.number),
                };
                pass.after(&planned.number, output)
            }

            /// The same parameters with the paddings of `planned`, and with the layers that `branch`
            /// makes of branches.
            fn cut(
                &self,
                planned: &PlannedLayer,
                branch: impl Fn(&[PlannedLayer]) -> Vec<Self>,
            ) -> Self {
                let mut layer = self.clone();
                match (&mut layer, &planned.operation) {
                    $((Self::$Kind(module), Operation::$Kind(op)) => op.cut_module(module),)*
                    (Self::Residual(_) | Self::Branches(_), Operation::Branches(op)) => {
                        let branches = op.branches.iter().map(|cut| branch(&cut.layers));
                        layer = op.module(branches.collect());
                    }
                    (_, _) => unreachable!("layer {} is built as planned", planned.number),
                }
                layer
            }

            /// Its numbers, read out; of branches none of its own.
            pub(crate) fn values(&self) -> LayerValues {
                match self {
                    $(Self::$Kind(module) => $Op::values(module),)*
                    Self::Residual(_) | Self::Branches(_) => LayerValues::default(),
                }
            }

            /// Merges the shards' statistics into the batch norms, depth first, `norm` counting them.
            pub(crate) fn merge_statistics(
                &mut self,
                shards: &[(f64, Vec<BatchStatistics>)],
                norm: &mut usize,
            ) {
                match self {
                    $(Self::$Kind(module) => $Op::merge_statistics(module, shards, norm),)*
                    Self::Residual(Residual { body, projection }) => {
                        for layer in body.iter_mut().chain(projection) {
                            layer.merge_statistics(shards, norm);
                        }
                    }
                    Self::Branches(Branches { branches }) => {
                        for layer in branches.iter_mut().flatten() {
                            layer.merge_statistics(shards, norm);
                        }
                    }
                }
            }
        }
    };
}

// A new kind is a line in the first list, and one in the second unless it is planned as branches.
kinds! {
    configs {
        /// A two-dimensional convolution.
        "conv2d" Conv2d(Conv2dLayer),
        /// The largest value in each window.
        "max_pool2d" MaxPool2d(MaxPool2dLayer),
        /// The mean of each window.
        "avg_pool2d" AvgPool2d(AvgPool2dLayer),
        /// The mean of each channel's whole map.
        "global_avg_pool2d" GlobalAvgPool2d(GlobalAvgPool2dLayer),
        /// Batch normalisation of each channel.
        "batch_norm" BatchNorm(BatchNormLayer),
        /// A non-linearity on its own.
        "activation" Activation(ActivationLayer),
        /// Values set to zero at random while training.
        "dropout" Dropout(DropoutLayer),
        /// A list of layers whose output is added to its input.
        "residual" Residual(ResidualLayer),
        /// Several lists of layers whose outputs are joined.
        "branches" Branches(BranchesLayer),
        /// A gate that scales each channel.
        "squeeze_excite" SqueezeExcite(SqueezeExciteLayer),
        /// `[channels, height, width]` laid out as one row of values.
        "flatten" Flatten(FlattenLayer),
        /// A dense layer.
        "linear" Linear(LinearLayer),
    }
    operations {
        /// See [`Conv2dLayer`].
        Conv2d(Conv2dOp) with Conv2d,
        /// See [`MaxPool2dLayer`].
        MaxPool2d(MaxPool2dOp) with MaxPool2d,
        /// See [`AvgPool2dLayer`].
        AvgPool2d(AvgPool2dOp) with AvgPool2d,
        /// See [`GlobalAvgPool2dLayer`].
        GlobalAvgPool2d(GlobalAvgPool2dOp) with AdaptiveAvgPool2d,
        /// See [`BatchNormLayer`].
        BatchNorm(BatchNormOp) with BatchNorm,
        /// See [`ActivationLayer`].
        Activation(ActivationOp) with Plain,
        /// See [`DropoutLayer`].
        Dropout(DropoutOp) with Dropout,
        /// A part of a map. Within a [`Cone`](crate::Cone) only.
        Crop(CropOp) with Plain,
        /// See [`FlattenLayer`].
        Flatten(FlattenOp) with Plain,
        /// See [`LinearLayer`].
        Linear(LinearOp) with Linear,
    }
}

impl From<Activation> for LayerConfig {
    fn from(activation: Activation) -> Self {
        ActivationLayer { activation }.into()
    }
}

impl Layer {
    /// The layers of each branch; none unless it branches.
    fn branches(&self) -> Vec<&[Self]> {
        match self {
            Self::Residual(residual) => vec![&residual.body, &residual.projection],
            Self::Branches(all) => all.branches.iter().map(Vec::as_slice).collect(),
            _ => Vec::new(),
        }
    }

    /// What keeps nothing: a part of a map.
    fn new_crop() -> Self {
        Self::Crop(Plain::default())
    }

    pub(crate) fn is_linear(&self) -> bool {
        matches!(self, Self::Linear(_))
    }
}
