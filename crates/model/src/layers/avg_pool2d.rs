//! `avg_pool2d`: the mean of each window.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::window::{self, Windows, explicit, pool};
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Padding, Pair, Units};
use burn::nn::BatchNorm;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
#[cfg(feature = "flex")]
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier};
use serde::{Deserialize, Serialize};

/// `type = "avg_pool2d"`: the mean of each window. Padding does not count (as in Keras) unless
/// `count_include_pad` is set (PyTorch's default).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2dLayer {
    /// The window's height and width.
    pub pool_size: Pair,
    /// The stride; by default the window's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// The padding; by default it does not count in the mean.
    #[serde(default, skip_serializing_if = "Padding::is_valid")]
    pub padding: Padding,
    /// Whether a last window that reaches beyond the padding is kept, unless it would start there
    /// (PyTorch's `ceil_mode`). Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ceil_mode: bool,
    /// Whether padding counts in the mean, as zeros. What `ceil_mode` adds beyond it never does.
    /// Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub count_include_pad: bool,
}

impl AvgPool2dLayer {
    /// Adjacent windows that do not overlap, without padding.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self {
            pool_size: pool_size.into(),
            strides: None,
            padding: Padding::Valid,
            ceil_mode: false,
            count_include_pad: false,
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

    /// Sets whether a last window that reaches beyond the padding is kept.
    pub fn with_ceil_mode(self, ceil_mode: bool) -> Self {
        Self { ceil_mode, ..self }
    }

    /// Sets whether padding counts in the mean, as zeros.
    pub fn with_count_include_pad(self, count_include_pad: bool) -> Self {
        Self {
            count_include_pad,
            ..self
        }
    }
}

/// A planned [`AvgPool2dLayer`].
#[derive(Debug, Clone)]
pub struct AvgPool2dOp {
    /// The window's `[height, width]`.
    pub pool_size: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// The part of the padding that does not count in the mean.
    pub edges: Edges,
    /// The part that counts, as zeros; it is next to the map.
    pub zeros: Edges,
}

/// A pool as a convolution of each channel by itself with equal weights.
#[cfg(feature = "flex")]
pub(super) struct Averaging {
    /// `[channels, 1, height, width]` of the weights.
    pub(super) shape: [usize; 4],
    /// Each weight.
    pub(super) share: f32,
    pub(super) options: Conv2dOptions,
}

impl AvgPool2dOp {
    /// All of the padding.
    fn all(&self) -> Edges {
        let (a, b) = (self.edges, self.zeros);
        Edges {
            top: a.top + b.top,
            left: a.left + b.left,
            bottom: a.bottom + b.bottom,
            right: a.right + b.right,
        }
    }

    /// The equivalent convolution of each channel by itself; `None` if windows have different numbers
    /// of values that count.
    #[cfg(feature = "flex")]
    pub(super) fn convolution(&self, channels: usize) -> Option<Averaging> {
        let [height, width] = self.pool_size;
        self.edges.is_none().then(|| Averaging {
            shape: [channels, 1, height, width],
            share: 1.0 / (height * width) as f32,
            options: Conv2dOptions {
                strides: self.strides,
                padding: self.zeros.array(),
                dilation: [1, 1],
                groups: channels,
                rectifier: Rectifier::None,
                algorithm: Algorithm::Auto,
            },
        })
    }

    /// Splits a padding into the part that counts, at most this layer's, and the rest.
    fn split(&mut self, all: Edges) {
        let part = |all: usize, zeros: usize| (all - all.min(zeros), all.min(zeros));
        let (top, left) = (
            part(all.top, self.zeros.top),
            part(all.left, self.zeros.left),
        );
        let bottom = part(all.bottom, self.zeros.bottom);
        let right = part(all.right, self.zeros.right);
        let edges = |of: fn((usize, usize)) -> usize| Edges {
            top: of(top),
            left: of(left),
            bottom: of(bottom),
            right: of(right),
        };
        (self.edges, self.zeros) = (edges(|part| part.0), edges(|part| part.1));
    }
}

impl LayerKind for AvgPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let strides = self.strides.unwrap_or(self.pool_size);
        let kernel = self.pool_size;
        let windows = Windows {
            kernel_field: "pool_size",
            kernel,
            strides,
            dilation: Pair::one(),
            padding: self.padding,
            ceil: self.ceil_mode,
            pool: true,
        };
        let mut outline = pool(at, windows, |output| {
            let mut op = AvgPool2dOp {
                pool_size: kernel.array(),
                strides: strides.array(),
                edges: Edges::default(),
                zeros: Edges::default(),
            };
            if self.count_include_pad {
                let [below, right] = output.overhang;
                op.zeros = Edges {
                    bottom: output.edges.bottom - below,
                    right: output.edges.right - right,
                    ..output.edges
                };
            }
            op.split(output.edges);
            Operation::AvgPool2d(op)
        })?;
        if self.count_include_pad {
            outline.summary += ", padding counted";
        }
        Ok(outline)
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

impl LayerOp for AvgPool2dOp {
    type Module = AvgPool2d;

    fn role(&self) -> LayerRole {
        LayerRole::Pool
    }

    fn padding(&self) -> Option<Edges> {
        Some(self.all())
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> AvgPool2d {
        AvgPool2dConfig::new(self.pool_size)
            .with_strides(self.strides)
            .with_padding(explicit(&self.edges))
            .with_count_include_pad(false)
            .init()
    }

    fn forward(&self, pool: &AvgPool2d, x: Features, _: &mut Pass<'_>) -> Features {
        let x = x.maps();
        #[cfg(feature = "flex")]
        if let Some(conv) = self.convolution(x.dims()[1])
            && super::kernels::fits(&x)
        {
            let weight = Tensor::full(conv.shape, conv.share, &x.device());
            return Features::Map(receptive_kernels::conv2d(x, weight, None, conv.options));
        }
        let Edges {
            top,
            left,
            bottom,
            right,
        } = self.zeros;
        let x = if self.zeros.is_none() {
            x
        } else {
            x.pad((left, right, top, bottom), 0.0)
        };
        Features::Map(pool.forward(x))
    }

    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
        let (kernel, strides) = (self.pool_size, self.strides);
        let mut edges = self.all();
        let needed = window::needed(layer, units, kernel, strides, [1, 1], &mut edges);
        if needed.is_some() {
            self.split(edges);
        }
        needed
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
