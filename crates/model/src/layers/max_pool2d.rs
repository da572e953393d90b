//! `max_pool2d`: the largest value in each window.

use super::context::{Context, Follower, Outline};
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::window::{self, Windows, explicit, pool};
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Padding, Pair, Units};
use burn::nn::BatchNorm;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `type = "max_pool2d"`: the largest value in each window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2dLayer {
    /// The window's height and width.
    pub pool_size: Pair,
    /// The stride; by default the window's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strides: Option<Pair>,
    /// The padding; padded positions are never the maximum.
    #[serde(default, skip_serializing_if = "Padding::is_valid")]
    pub padding: Padding,
    /// The distance between neighbouring taps of the window.
    #[serde(default = "Pair::one", skip_serializing_if = "Pair::is_one")]
    pub dilation: Pair,
    /// Whether a last window that reaches beyond the padding is kept, unless it would start there
    /// (PyTorch's `ceil_mode`). Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ceil_mode: bool,
}

impl MaxPool2dLayer {
    /// Adjacent windows that do not overlap, without padding.
    pub fn new(pool_size: impl Into<Pair>) -> Self {
        Self {
            pool_size: pool_size.into(),
            strides: None,
            padding: Padding::Valid,
            dilation: Pair::one(),
            ceil_mode: false,
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

    /// Sets the distance between taps.
    pub fn with_dilation(self, dilation: impl Into<Pair>) -> Self {
        Self {
            dilation: dilation.into(),
            ..self
        }
    }

    /// Sets whether a last window that reaches beyond the padding is kept.
    pub fn with_ceil_mode(self, ceil_mode: bool) -> Self {
        Self { ceil_mode, ..self }
    }
}

/// A planned [`MaxPool2dLayer`].
#[derive(Debug, Clone)]
pub struct MaxPool2dOp {
    /// The window's `[height, width]`.
    pub pool_size: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Vertical and horizontal dilation.
    pub dilation: [usize; 2],
    /// The padding, including what the last window reads beyond the configured one.
    pub edges: Edges,
}

impl LayerKind for MaxPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let strides = self.strides.unwrap_or(self.pool_size);
        let (kernel, dilation) = (self.pool_size, self.dilation);
        let windows = Windows {
            kernel_field: "pool_size",
            kernel,
            strides,
            dilation,
            padding: self.padding,
            ceil: self.ceil_mode,
            pool: true,
        };
        pool(at, windows, |output| {
            Operation::MaxPool2d(MaxPool2dOp {
                pool_size: kernel.array(),
                strides: strides.array(),
                dilation: dilation.array(),
                edges: output.edges,
            })
        })
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }
}

impl LayerOp for MaxPool2dOp {
    type Module = MaxPool2d;

    fn role(&self) -> LayerRole {
        LayerRole::Pool
    }

    fn padding(&self) -> Option<Edges> {
        Some(self.edges)
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> MaxPool2d {
        MaxPool2dConfig::new(self.pool_size)
            .with_strides(self.strides)
            .with_dilation(self.dilation)
            .with_padding(explicit(&self.edges))
            .init()
    }

    fn forward(&self, pool: &MaxPool2d, x: Features, _: &mut Pass<'_>) -> Features {
        Features::Map(max_pool2d(pool, x.maps(), &self.edges))
    }

    fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Option<Units> {
        let (kernel, strides, dilation) = (self.pool_size, self.strides, self.dilation);
        window::needed(layer, units, kernel, strides, dilation, &mut self.edges)
    }

    fn cut_module(&self, pool: &mut MaxPool2d) {
        pool.padding = explicit(&self.edges);
    }

    fn values(_: &MaxPool2d) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut MaxPool2d) -> Option<&mut BatchNorm> {
        None
    }
}

/// Uses this project's kernel where it is supported.
///
/// # Shapes
/// - `x`: `[batch, channels, height, width]`
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
fn max_pool2d(pool: &MaxPool2d, x: Tensor<4>, edges: &Edges) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if kernels::fits(&x) {
        let rectifier = receptive_kernels::Rectifier::None;
        let options = kernels::max_pool2d_options(pool, edges, rectifier);
        return receptive_kernels::max_pool2d(x, options);
    }
    pool.forward(x)
}
