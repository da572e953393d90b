//! The kinds of layer a config may list, one struct each, in Keras' words.

use super::{Activation, Padding, Pair};
use serde::{Deserialize, Serialize};

/// One entry of a config's `layers`: a table whose `type` is the snake-case name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LayerConfig {
    /// A two-dimensional convolution.
    #[serde(rename = "conv2d")]
    Conv2d(Conv2dLayer),
    /// The largest value in each window.
    #[serde(rename = "max_pool2d")]
    MaxPool2d(MaxPool2dLayer),
    /// The mean of each window.
    #[serde(rename = "avg_pool2d")]
    AvgPool2d(AvgPool2dLayer),
    /// The mean of each channel's whole map.
    #[serde(rename = "global_avg_pool2d")]
    GlobalAvgPool2d(GlobalAvgPool2dLayer),
    /// Batch normalisation of each channel.
    BatchNorm(BatchNormLayer),
    /// A non-linearity on its own.
    Activation(ActivationLayer),
    /// Values set to zero at random while training.
    Dropout(DropoutLayer),
    /// A list of layers whose output is added to its input.
    Residual(ResidualLayer),
    /// `[channels, height, width]` laid out as one row of values.
    Flatten(FlattenLayer),
    /// A dense layer.
    Linear(LinearLayer),
}

fn one() -> Pair {
    Pair::square(1)
}

fn is_one(pair: &Pair) -> bool {
    *pair == one()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `type = "conv2d"`: slides `filters` kernels over the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dLayer {
    /// How many kernels, so how many channels come out.
    pub filters: usize,
    /// The kernel's height and width.
    pub kernel_size: Pair,
    /// How far the window moves.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub strides: Pair,
    /// How the border is filled. The default is `valid`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub padding: Padding,
    /// The distance between neighbouring taps of the kernel; 1 is a dense kernel.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: Pair,
    /// In how many groups the channels are convolved apart; each sees `1/groups` of the input.
    #[serde(default = "group", skip_serializing_if = "is_group")]
    pub groups: usize,
    /// Whether a number per filter is added. Default: true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
    /// What follows each value; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

fn group() -> usize {
    1
}

fn is_group(groups: &usize) -> bool {
    *groups == 1
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl Conv2dLayer {
    /// Stride 1, no padding, with a bias and without an activation.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into(),
            strides: one(),
            padding: Padding::Valid,
            dilation: one(),
            groups: 1,
            bias: true,
            activation: None,
        }
    }

    /// Sets how far the window moves.
    pub fn with_strides(self, strides: impl Into<Pair>) -> Self {
        Self {
            strides: strides.into(),
            ..self
        }
    }

    /// Sets how the border is filled.
    pub fn with_padding(self, padding: impl Into<Padding>) -> Self {
        Self {
            padding: padding.into(),
            ..self
        }
    }

    /// Sets the distance between taps.
    pub fn with_dilation(self, dilation: impl Into<Pair>) -> Self {
        Self {
            dilation: dilation.into(),
            ..self
        }
    }

    /// Sets the number of groups.
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Sets whether a bias is added.
    pub fn with_bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// Sets what follows each value.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

/// `type = "max_pool2d"`: the largest value in each window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2dLayer {
    /// The window's height and width.
    pub pool_size: Pair,
    /// How far the window moves; by default its own size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// How the border is filled: with values that are never the largest.
    #[serde(default, skip_serializing_if = "is_default")]
    pub padding: Padding,
    /// The distance between neighbouring taps of the window.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: Pair,
}

impl MaxPool2dLayer {
    /// Windows side by side, without padding.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self {
            pool_size: pool_size.into(),
            strides: None,
            padding: Padding::Valid,
            dilation: one(),
        }
    }

    /// Sets how far the window moves.
    pub fn with_strides(self, strides: impl Into<Pair>) -> Self {
        Self {
            strides: Some(strides.into()),
            ..self
        }
    }

    /// Sets how the border is filled.
    pub fn with_padding(self, padding: impl Into<Padding>) -> Self {
        Self {
            padding: padding.into(),
            ..self
        }
    }

    /// Sets the distance between taps.
    pub fn with_dilation(self, dilation: impl Into<Pair>) -> Self {
        Self {
            dilation: dilation.into(),
            ..self
        }
    }
}

/// `type = "avg_pool2d"`: the mean of each window, padding not counted (as in Keras).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dLayer {
    /// The window's height and width.
    pub pool_size: Pair,
    /// How far the window moves; by default its own size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// How the border is filled; padded places do not count in the mean.
    #[serde(default, skip_serializing_if = "is_default")]
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

    /// Sets how far the window moves.
    pub fn with_strides(self, strides: impl Into<Pair>) -> Self {
        Self {
            strides: Some(strides.into()),
            ..self
        }
    }

    /// Sets how the border is filled.
    pub fn with_padding(self, padding: impl Into<Padding>) -> Self {
        Self {
            padding: padding.into(),
            ..self
        }
    }
}

/// `type = "global_avg_pool2d"`: `[channels, height, width]` to `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool2dLayer {}

/// `type = "flatten"`: `[channels, height, width]` to one row; a row stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenLayer {}

/// `type = "batch_norm"`: each channel to mean 0 and variance 1, then a learnt scale and shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNormLayer {
    /// Added to the variance. Default: 1e-5.
    pub epsilon: f64,
    /// The share of the newest step in the running statistics (PyTorch's meaning: Keras'
    /// `momentum` is one less this). Default: 0.1.
    pub momentum: f64,
}

impl Default for BatchNormLayer {
    fn default() -> Self {
        Self {
            epsilon: 1e-5,
            momentum: 0.1,
        }
    }
}

/// `type = "activation"`: a non-linearity as a layer of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationLayer {
    /// Which one.
    pub activation: Activation,
}

/// `type = "dropout"`: while training, each value is set to zero with probability `rate` and the
/// others are divided by `1 - rate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropoutLayer {
    /// The probability, from 0 to below 1.
    pub rate: f64,
}

/// `type = "residual"`: `activation(body(x) + shortcut(x))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualLayer {
    /// The branch that is added to the input.
    pub layers: Vec<LayerConfig>,
    /// What the input passes on its way to the sum; nothing by default. Where the branch changes
    /// the shape, this must change it likewise, commonly with a 1x1 convolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projection: Vec<LayerConfig>,
    /// What follows the sum; none by default.
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

    /// Sets what follows the sum.
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

/// `type = "linear"`: a dense layer. The model's last one may leave `units` out: it gets one per
/// class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearLayer {
    /// How many values come out; left out, one per class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// What follows each value; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

impl LinearLayer {
    /// A layer of this many units, without an activation.
    pub fn new(units: usize) -> Self {
        Self {
            units: Some(units),
            activation: None,
        }
    }

    /// The classifier's last layer: a unit per class.
    pub fn classes() -> Self {
        Self::default()
    }

    /// Sets what follows each value.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

macro_rules! kinds {
    ($($kind:literal $layer:ident => $variant:ident),* $(,)?) => {
        impl LayerConfig {
            /// The config's words for all kinds of layer.
            pub const KINDS: &[&'static str] = &[$($kind),*];

            /// The config's word for this kind of layer.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                }
            }
        }

        $(impl From<$layer> for LayerConfig {
            fn from(layer: $layer) -> Self {
                Self::$variant(layer)
            }
        })*
    };
}

kinds! {
    "conv2d" Conv2dLayer => Conv2d,
    "max_pool2d" MaxPool2dLayer => MaxPool2d,
    "avg_pool2d" AvgPool2dLayer => AvgPool2d,
    "global_avg_pool2d" GlobalAvgPool2dLayer => GlobalAvgPool2d,
    "batch_norm" BatchNormLayer => BatchNorm,
    "activation" ActivationLayer => Activation,
    "dropout" DropoutLayer => Dropout,
    "residual" ResidualLayer => Residual,
    "flatten" FlattenLayer => Flatten,
    "linear" LinearLayer => Linear,
}

impl From<Activation> for LayerConfig {
    fn from(activation: Activation) -> Self {
        Self::Activation(ActivationLayer { activation })
    }
}
