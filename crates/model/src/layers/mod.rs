//! The kinds of layer, one file per kind: config, plan, parameters, initialisation, forward pass,
//! cone. They are listed in this file only. Layers are composed in two ways: in sequence, and as
//! branches whose outputs are joined.

mod activation;
mod activation_form;
mod adaptive_avg_pool2d;
mod avg_pool2d;
mod batch_norm;
mod branches;
mod channel_scale;
mod channel_shuffle;
mod channel_slice;
mod channel_weights;
mod cone;
mod context;
mod conv2d;
mod crop;
mod dropout;
mod features;
mod flatten;
#[cfg(feature = "flex")]
mod fuse;
mod global_avg_pool2d;
mod global_max_pool2d;
#[cfg(feature = "flex")]
mod inference;
mod join;
mod kernels;
mod kind;
mod layer_norm;
mod linear;
mod local_response_norm;
mod max_pool2d;
mod pass;
mod planner;
mod precision;
mod prelu;
mod random;
mod residual;
mod sequence;
mod squeeze_excite;
mod stochastic_depth;
mod window;

pub use activation::{Activation, ActivationLayer, ActivationOp};
pub use adaptive_avg_pool2d::{AdaptiveAvgPool2dLayer, AdaptiveAvgPool2dOp};
pub use avg_pool2d::{AvgPool2dLayer, AvgPool2dOp};
pub use batch_norm::{BatchNormLayer, BatchNormOp};
pub use branches::{Branch, BranchesLayer, BranchesOp};
pub use channel_scale::{ChannelScaleLayer, ChannelScaleOp};
pub use channel_shuffle::{ChannelShuffleLayer, ChannelShuffleOp};
pub use channel_slice::{ChannelSliceLayer, ChannelSliceOp};
pub use conv2d::{Conv2dLayer, Conv2dOp};
pub use crop::CropOp;
pub use dropout::{DropoutLayer, DropoutOp};
pub use features::Features;
pub use flatten::{FlattenLayer, FlattenOp};
pub use global_avg_pool2d::{GlobalAvgPool2dLayer, GlobalAvgPool2dOp};
pub use global_max_pool2d::{GlobalMaxPool2dLayer, GlobalMaxPool2dOp};
pub use join::Join;
pub use kernels::{KernelThreads, exactly};
pub use kind::{LayerRole, LayerValues};
pub use layer_norm::{LayerNormLayer, LayerNormOp};
pub use linear::{LinearLayer, LinearOp};
pub use local_response_norm::{LocalResponseNormLayer, LocalResponseNormOp};
pub use max_pool2d::{MaxPool2dLayer, MaxPool2dOp};
pub use pass::{BatchMoments, BatchStatistics};
pub use planner::Total;
pub use precision::Precision;
pub use prelu::{PreluLayer, PreluOp};
pub use random::DropoutKey;
pub use residual::ResidualLayer;
pub use squeeze_excite::SqueezeExciteLayer;
pub(crate) use stochastic_depth::adopt;
pub use stochastic_depth::{StochasticDepthLayer, StochasticDepthOp};

pub(crate) use cone::cut;
pub(crate) use context::{MAX_SIDE, Signal};
#[cfg(feature = "flex")]
pub(crate) use inference::{BufferPool, FrozenConv, Step, input_gradient, output, steps};
pub(crate) use kernels::is_exact;
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
use burn::nn::{BatchNorm, Dropout, LayerNorm, Linear};
use channel_weights::ChannelWeights;
use context::{Context, Follower, Outline};
use kind::{LayerKind, LayerOp, Plain};
use serde::{Deserialize, Serialize};

/// One layer of a [`Plan`](crate::Plan).
#[derive(Debug, Clone)]
pub struct PlannedLayer {
    /// Position in the network, from 1. Those in layer 4 are numbered `4.2` (body of a residual), `4.p1` (its
    /// projection), or `4.a1` and `4.b1` (first and second of its branches).
    pub number: String,
    /// Unique name: the kind and a count, such as `conv2d_3`.
    pub name: String,
    /// The kind of layer, as `type` in the config.
    pub kind: &'static str,
    /// Short description of the settings, such as `16 filters 3x3, same`.
    pub summary: String,
    /// Shape of the input.
    pub input: Shape,
    /// Shape of the output.
    pub output: Shape,
    /// Number of trainable parameters, including those of nested layers.
    pub params: usize,
    /// Number of running statistics, including those of nested layers.
    pub buffers: usize,
    /// Multiply-adds for one image, including those of nested layers.
    pub macs: usize,
    /// Theoretical receptive field along `[height, width]`; the whole image after a gate that sees the whole map.
    pub trf: [Field; 2],
    /// The same with gates held constant: without pixels that reach the units only through a gate's
    /// value. Equals `trf` if no gate comes before.
    pub ungated_trf: [Field; 2],
    /// Remarks and warnings, one sentence each.
    pub notes: Vec<String>,
    /// The operation that is built.
    pub operation: Operation,
}

impl PlannedLayer {
    /// Whether the units see some pixels only through the value of a gate.
    pub fn is_gated(&self) -> bool {
        self.trf != self.ungated_trf
    }

    /// Its role in the network.
    pub fn role(&self) -> LayerRole {
        self.operation.role()
    }

    /// The padding of a convolution or pool in pixels, as computed; `None` for other layers.
    pub fn padding(&self) -> Option<Edges> {
        self.operation.padding()
    }

    /// Its nested sequences of layers; empty unless it branches.
    pub fn branches(&self) -> &[Branch] {
        self.operation.branches()
    }
}

/// Defines the enums over all kinds of layer, and delegates each call to the right kind.
macro_rules! kinds {
    (
        configs { $($(#[$config_doc:meta])* $word:literal $Config:ident($Settings:ident),)* }
        operations { $($(#[$operation_doc:meta])* $Kind:ident($Op:ident) with $Module:ident,)* }
    ) => {
        /// One entry of a config's `layers`: a table whose `type` names the kind of layer.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum LayerConfig {
            $($(#[$config_doc])* #[serde(rename = $word)] $Config($Settings),)*
        }

        impl LayerConfig {
            /// The names of all kinds of layer.
            pub const KINDS: &[&'static str] = &[$($word),*];

            /// The name of this kind of layer, as `type` in the config.
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

            /// Whether it or a layer nested in it has weights.
            pub fn has_weights(&self) -> bool {
                match self {
                    $(Self::$Config(layer) => layer.has_weights(),)*
                }
            }

            /// Its nested lists of layers; empty unless it branches.
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

        /// A layer with everything needed to build it.
        #[derive(Debug, Clone)]
        pub enum Operation {
            $($(#[$operation_doc])* $Kind($Op),)*
            /// Several sequences of layers, joined.
            Branches(BranchesOp),
        }

        impl Operation {
            fn role(&self) -> LayerRole {
                match self {
                    $(Self::$Kind(op) => op.role(),)*
                    Self::Branches(_) => LayerRole::Branches,
                }
            }

            fn padding(&self) -> Option<Edges> {
                match self {
                    $(Self::$Kind(op) => op.padding(),)*
                    Self::Branches(_) => None,
                }
            }

            fn branches(&self) -> &[Branch] {
                match self {
                    $(Self::$Kind(_) => &[],)*
                    Self::Branches(op) => &op.branches,
                }
            }

            fn is_branches(&self) -> bool {
                matches!(self, Self::Branches(_))
            }

            /// Restricts the layer to these units of its output and returns the input units they read;
            /// `None` if they read nothing but padding.
            fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
                match self {
                    $(Self::$Kind(op) => op.cut(layer, units),)*
                    Self::Branches(op) => Some(op.cut(layer, units)),
                }
            }
        }

        /// A layer's parameters: burn's own modules. The names of the variants and their fields are
        /// the names of the parameters in records.
        #[derive(Module, Debug)]
        pub(crate) enum Layer {
            $($Kind($Module),)*
            Residual(Residual),
            Branches(Branches),
        }

        impl Layer {
            /// Initialises a layer; `weights` is the only source of randomness.
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

            /// The same parameters with the paddings of `planned`; `branch` builds the layers of
            /// each branch.
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

            /// The layers of each branch; none unless it branches.
            fn branches(&self) -> Vec<&[Self]> {
                match self {
                    $(Self::$Kind(_) => Vec::new(),)*
                    Self::Residual(residual) => vec![&residual.body, &residual.projection],
                    Self::Branches(all) => all.branches.iter().map(Vec::as_slice).collect(),
                }
            }

            /// The values of its own parameters; empty for branches.
            pub(crate) fn values(&self) -> LayerValues {
                match self {
                    $(Self::$Kind(module) => $Op::values(module),)*
                    Self::Residual(_) | Self::Branches(_) => LayerValues::default(),
                }
            }

            /// Its batch norms, depth first.
            fn each_batch_norm(&mut self, change: &mut dyn FnMut(&mut burn::nn::BatchNorm)) {
                match self {
                    $(Self::$Kind(module) => {
                        if let Some(norm) = $Op::batch_norm(module) {
                            change(norm);
                        }
                    })*
                    Self::Residual(Residual { body, projection }) => {
                        for layer in body.iter_mut().chain(projection) {
                            layer.each_batch_norm(change);
                        }
                    }
                    Self::Branches(Branches { branches }) => {
                        for layer in branches.iter_mut().flatten() {
                            layer.each_batch_norm(change);
                        }
                    }
                }
            }
        }
    };
}

// A new kind needs a line in the first list, and one in the second unless it is planned as branches.
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
        /// The largest value of each channel's whole map.
        "global_max_pool2d" GlobalMaxPool2d(GlobalMaxPool2dLayer),
        /// A mean over each of a fixed number of windows.
        "adaptive_avg_pool2d" AdaptiveAvgPool2d(AdaptiveAvgPool2dLayer),
        /// Batch normalisation of each channel.
        "batch_norm" BatchNorm(BatchNormLayer),
        /// Normalisation of the channels at each position.
        "layer_norm" LayerNorm(LayerNormLayer),
        /// Division by a power of the mean square of the neighbouring channels.
        "local_response_norm" LocalResponseNorm(LocalResponseNormLayer),
        /// A non-linearity on its own.
        "activation" Activation(ActivationLayer),
        /// A leaky ReLU with a trained slope.
        "prelu" Prelu(PreluLayer),
        /// A trained factor per channel.
        "channel_scale" ChannelScale(ChannelScaleLayer),
        /// A range of the channels.
        "channel_slice" ChannelSlice(ChannelSliceLayer),
        /// The channels of several groups interleaved.
        "channel_shuffle" ChannelShuffle(ChannelShuffleLayer),
        /// Values zeroed at random in training.
        "dropout" Dropout(DropoutLayer),
        /// Whole images' values zeroed at random in training.
        "stochastic_depth" StochasticDepth(StochasticDepthLayer),
        /// A list of layers whose output is added to its input.
        "residual" Residual(ResidualLayer),
        /// Several lists of layers whose outputs are joined.
        "branches" Branches(BranchesLayer),
        /// A gate that scales each channel.
        "squeeze_excite" SqueezeExcite(SqueezeExciteLayer),
        /// `[channels, height, width]` reshaped to one row of values.
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
        /// See [`GlobalMaxPool2dLayer`].
        GlobalMaxPool2d(GlobalMaxPool2dOp) with Plain,
        /// See [`AdaptiveAvgPool2dLayer`].
        AdaptiveAvgPool2d(AdaptiveAvgPool2dOp) with Plain,
        /// See [`LayerNormLayer`].
        LayerNorm(LayerNormOp) with LayerNorm,
        /// See [`LocalResponseNormLayer`].
        LocalResponseNorm(LocalResponseNormOp) with Plain,
        /// See [`PreluLayer`].
        Prelu(PreluOp) with ChannelWeights,
        /// See [`ChannelScaleLayer`].
        ChannelScale(ChannelScaleOp) with ChannelWeights,
        /// See [`ChannelSliceLayer`].
        ChannelSlice(ChannelSliceOp) with Plain,
        /// See [`ChannelShuffleLayer`].
        ChannelShuffle(ChannelShuffleOp) with Plain,
        /// See [`StochasticDepthLayer`].
        StochasticDepth(StochasticDepthOp) with Dropout,
        /// Crops a map; used only within a [`Cone`](crate::Cone).
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
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self, Self::Linear(_))
    }
}
