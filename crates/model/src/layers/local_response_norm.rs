//! `local_response_norm`: divides each value by a power of the mean square of the neighbouring
//! channels.

use super::context::{Context, Follower, MAX_SIDE, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::BatchNorm;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `type = "local_response_norm"`: `x / (k + alpha mean(x^2))^beta`, with the mean over `size`
/// channels around each (Krizhevsky, Sutskever, Hinton 2012). Missing channels at the ends count as
/// zeros. `alpha` is as in PyTorch and Caffe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalResponseNormLayer {
    /// Number of channels: the `size / 2` before the channel itself, and the rest from it on.
    pub size: usize,
    /// Default: 1e-4.
    #[serde(default = "LocalResponseNormLayer::alpha")]
    pub alpha: f64,
    /// Default: 0.75.
    #[serde(default = "LocalResponseNormLayer::beta")]
    pub beta: f64,
    /// Default: 1.
    #[serde(default = "LocalResponseNormLayer::k")]
    pub k: f64,
}

impl LocalResponseNormLayer {
    /// PyTorch's defaults, for this number of channels.
    pub fn new(size: usize) -> Self {
        Self {
            size,
            alpha: Self::alpha(),
            beta: Self::beta(),
            k: Self::k(),
        }
    }

    fn alpha() -> f64 {
        1e-4
    }

    fn beta() -> f64 {
        0.75
    }

    fn k() -> f64 {
        1.0
    }
}

/// A planned [`LocalResponseNormLayer`].
#[derive(Debug, Clone)]
pub struct LocalResponseNormOp {
    /// Number of channels.
    pub size: usize,
    /// The factor on the mean square.
    pub alpha: f64,
    /// The exponent.
    pub beta: f64,
    /// The constant that is added.
    pub k: f64,
}

impl LayerKind for LocalResponseNormLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        at.map()?;
        let &Self {
            size,
            alpha,
            beta,
            k,
        } = self;
        at.count("size", size, MAX_SIDE)?;
        at.positive("k", k)?;
        at.finite("beta", beta)?;
        if !(alpha.is_finite() && alpha >= 0.0) {
            return Err(at.reject(
                format!("`alpha` is {alpha}"),
                "set it to 0 or a positive number such as 1e-4",
            ));
        }
        let operation = Operation::LocalResponseNorm(LocalResponseNormOp {
            size,
            alpha,
            beta,
            k,
        });
        let summary = format!("{size} channels, alpha {alpha}, beta {beta}, k {k}");
        Ok(Outline::unchanged(&at.input, summary, operation))
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }
}

impl LayerOp for LocalResponseNormOp {
    type Module = Plain;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Plain {
        Plain::default()
    }

    fn forward(&self, _: &Plain, x: Features, _: &mut Pass<'_>) -> Features {
        let x = x.maps();
        let mean = self.mean_square(&x);
        let divisor = (mean * self.alpha + self.k).powf_scalar(self.beta);
        Features::Map(x / divisor)
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut Plain) {}

    fn values(_: &Plain) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Plain) -> Option<&mut BatchNorm> {
        None
    }
}

impl LocalResponseNormOp {
    /// # Shapes
    /// - `x` and output: `[batch, channels, height, width]`
    fn mean_square(&self, x: &Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let squares = x.clone().square();
        let zeros = |channels| Tensor::zeros([batch, channels, height, width], &x.device());
        let (before, after) = (self.size / 2, (self.size - 1) / 2);
        let mut parts = vec![squares];
        if before > 0 {
            parts.insert(0, zeros(before));
        }
        if after > 0 {
            parts.push(zeros(after));
        }
        let padded = Tensor::cat(parts, 1); // [batch, channels + size - 1, height, width]
        // Shifted sums: `size` is small, and there is no cancellation.
        let mut sum = padded.clone().narrow(1, 0, channels);
        for shift in 1..self.size {
            sum = sum + padded.clone().narrow(1, shift, channels);
        }
        sum / self.size as f64
    }
}
