//! `conv2d`: convolution.

use super::activation::Activation;
use super::context::{Context, Follower, MAX_SIDE, Outline};
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, is_yes, read, yes};
use super::pass::Pass;
use super::planner::Planner;
use super::precision::Precision;
use super::random::RandomWeights;
use super::window::{self, Windows, explicit};
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Padding, Pair, Shape, Units};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, Initializer};
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;
use serde::{Deserialize, Serialize};

/// `type = "conv2d"`: slides `filters` kernels over the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dLayer {
    /// Number of filters, and so of output channels. If left out, the number of classes; only the
    /// last layer with weights may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<usize>,
    /// The kernel's height and width.
    pub kernel_size: Pair,
    /// The stride.
    #[serde(default = "Pair::one", skip_serializing_if = "Pair::is_one")]
    pub strides: Pair,
    /// The padding. Default: `valid`.
    #[serde(default, skip_serializing_if = "Padding::is_valid")]
    pub padding: Padding,
    /// The distance between neighbouring taps of the kernel; 1 for an ordinary convolution.
    #[serde(default = "Pair::one", skip_serializing_if = "Pair::is_one")]
    pub dilation: Pair,
    /// Number of groups that are convolved separately, each with `1/groups` of the input's
    /// channels.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
    /// Whether a bias per filter is added. Default: true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
    /// Activation of each output; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

fn one() -> usize {
    1
}

fn is_one(groups: &usize) -> bool {
    *groups == 1
}

impl Conv2dLayer {
    /// Stride 1, no padding, with a bias and without an activation.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Self {
            filters: Some(filters),
            kernel_size: kernel_size.into(),
            strides: Pair::one(),
            padding: Padding::Valid,
            dilation: Pair::one(),
            groups: 1,
            bias: true,
            activation: None,
        }
    }

    /// A convolutional head: one filter per class.
    pub fn classes(kernel_size: impl Into<Pair>) -> Self {
        Self {
            filters: None,
            ..Self::new(1, kernel_size)
        }
    }

    /// Sets the stride.
    pub fn with_strides(self, strides: impl Into<Pair>) -> Self {
        Self {
            strides: strides.into(),
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

    /// Sets the activation.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

/// A planned [`Conv2dLayer`].
#[derive(Debug, Clone)]
pub struct Conv2dOp {
    /// Number of input and output channels.
    pub channels: [usize; 2],
    /// `[height, width]`.
    pub kernel_size: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Vertical and horizontal dilation.
    pub dilation: [usize; 2],
    /// Number of groups that are convolved separately.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// The padding.
    pub edges: Edges,
    /// Activation of each output.
    pub activation: Option<Activation>,
    /// Gain of the initial weights.
    pub gain: f64,
}

impl LayerKind for Conv2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, size) = at.map()?;
        let (filters, word) = at.outputs("filters", self.filters)?;
        at.count("groups", self.groups, MAX_SIDE)?;
        for (what, count) in [("input channels", channels), ("filters", filters)] {
            if !count.is_multiple_of(self.groups) {
                return Err(at.reject(
                    format!("{} groups do not divide {count} {what}", self.groups),
                    "use a number of groups that divides both",
                ));
            }
        }
        let windows = Windows {
            kernel_field: "kernel_size",
            kernel: self.kernel_size,
            strides: self.strides,
            dilation: self.dilation,
            padding: self.padding,
            ceil: false,
            pool: false,
        };
        let output = windows.slide(at, size)?;
        let [height, width] = output.size;
        let [kernel_height, kernel_width] = self.kernel_size.array();
        let per_filter = channels / self.groups;
        let factors = [filters, per_filter, kernel_height, kernel_width];
        let weights = at.product("its weights", &factors)?;
        let positions = at.product("each of its feature maps", &[height, width])?;
        let size = match word {
            "filters" => format!("{filters} {}", self.kernel_size),
            word => format!("{filters} {word}, {}", self.kernel_size),
        };
        let mut summary = window::summary(&size, self.strides, self.dilation, self.padding);
        if self.groups > 1 {
            summary += &format!(", {} groups", self.groups);
        }
        Ok(Outline {
            summary: summary + &Activation::suffix(self.activation),
            output: Shape::Map {
                channels: filters,
                height,
                width,
            },
            extent: output.size,
            params: weights + if self.bias { filters } else { 0 },
            buffers: 0,
            macs: weights.saturating_mul(positions),
            trf: output.trf,
            notes: output.notes,
            operation: Operation::Conv2d(Conv2dOp {
                channels: [channels, filters],
                kernel_size: self.kernel_size.array(),
                strides: self.strides.array(),
                dilation: self.dilation.array(),
                groups: self.groups,
                bias: self.bias,
                edges: output.edges,
                activation: self.activation,
                gain: self.activation.map_or(at.gain, Activation::gain),
            }),
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }

    fn has_weights(&self) -> bool {
        true
    }
}

impl LayerOp for Conv2dOp {
    type Module = Conv2d;

    fn role(&self) -> LayerRole {
        LayerRole::Convolution
    }

    fn padding(&self) -> Option<Edges> {
        Some(self.edges)
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> Conv2d {
        let [inputs, filters] = self.channels;
        let [height, width] = self.kernel_size;
        let per_filter = inputs / self.groups;
        let mut conv = Conv2dConfig::new(self.channels, self.kernel_size)
            .with_stride(self.strides)
            .with_dilation(self.dilation)
            .with_groups(self.groups)
            .with_padding(explicit(&self.edges))
            .with_bias(self.bias)
            // Replaced below; zeros cost nothing because burn initialises lazily.
            .with_initializer(Initializer::Zeros)
            .init(weights.device);
        let dims = [filters, per_filter, height, width];
        conv.weight = weights.normal(dims, per_filter * height * width, self.gain);
        conv.bias = self.bias.then(|| weights.zeros(filters));
        conv
    }

    fn forward(&self, conv: &Conv2d, x: Features, pass: &mut Pass<'_>) -> Features {
        let y = conv2d(
            conv,
            x.maps(),
            &self.edges,
            self.activation,
            pass.precision(),
        );
        Features::Map(y)
    }

    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
        let (kernel, strides, dilation) = (self.kernel_size, self.strides, self.dilation);
        window::needed(layer, units, kernel, strides, dilation, &mut self.edges)
    }

    fn cut_module(&self, conv: &mut Conv2d) {
        conv.padding = explicit(&self.edges);
    }

    fn values(conv: &Conv2d) -> LayerValues {
        LayerValues {
            weight: read(conv.weight.val()),
            bias: conv
                .bias
                .as_ref()
                .map(|bias| read(bias.val()))
                .unwrap_or_default(),
            ..LayerValues::default()
        }
    }

    fn batch_norm(_: &mut Conv2d) -> Option<&mut BatchNorm> {
        None
    }
}

/// The convolution and the activation after it, by this project's kernel if it supports them, else
/// by burn's operations.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
/// - output: `[batch, filters, height, width]`
fn conv2d(
    conv: &Conv2d,
    x: Tensor<4>,
    edges: &Edges,
    activation: Option<Activation>,
    precision: Precision,
) -> Tensor<4> {
    if !precision.is_f32() {
        let bias = conv.bias.as_ref();
        let bias = bias.map(|bias| bias.val().reshape([1, -1, 1, 1])); // [1, filters, 1, 1]
        let product = |x, weight| convolution(conv, x, weight, edges);
        let y = precision.product(x, conv.weight.val(), bias, product);
        return Activation::apply(activation, y);
    }
    #[cfg(feature = "flex")]
    if kernels::fits(&x) {
        let rectifier = activation.and_then(Activation::rectifier);
        let options = kernels::conv2d_options(conv, edges, rectifier.unwrap_or_default());
        let bias = conv.bias.as_ref().map(|bias| bias.val());
        let y = receptive_kernels::conv2d(x, conv.weight.val(), bias, options);
        return Activation::apply(activation.filter(|_| rectifier.is_none()), y);
    }
    Activation::apply(activation, conv.forward(x))
}

/// The convolution without bias, in the number format of `x` and `weight`.
fn convolution(conv: &Conv2d, x: Tensor<4>, weight: Tensor<4>, edges: &Edges) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if kernels::fits(&x) {
        let options = kernels::conv2d_options(conv, edges, Default::default());
        return receptive_kernels::conv2d(x, weight, None, options);
    }
    let [top, left, bottom, right] = edges.array();
    let padding = [(top, bottom), (left, right)];
    let options = ConvOptions::new_with_padding(conv.stride, padding, conv.dilation, conv.groups);
    burn::tensor::module::conv2d(x, weight, None, options)
}
