//! `layer_norm`: normalises the channels at each position to mean 0 and variance 1.

use super::context::{Context, Follower, Outline};
use super::features::Features;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, read};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::{BatchNorm, LayerNorm, LayerNormConfig};
use serde::{Deserialize, Serialize};

/// `type = "layer_norm"`: normalises the channels at each position of a map (or the values of a
/// row) to mean 0 and variance 1, then applies a trainable scale and shift per channel. It uses no
/// statistics of the batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerNormLayer {
    /// Added to the variance. Default: 1e-5.
    pub epsilon: f64,
}

impl Default for LayerNormLayer {
    fn default() -> Self {
        Self { epsilon: 1e-5 }
    }
}

/// A planned [`LayerNormLayer`].
#[derive(Debug, Clone)]
pub struct LayerNormOp {
    /// Channels of a map, or values of a row.
    pub features: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerKind for LayerNormLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let epsilon = self.epsilon;
        at.positive("epsilon", epsilon)?;
        let features = at.input.shape.channels();
        let operation = Operation::LayerNorm(LayerNormOp { features, epsilon });
        Ok(Outline {
            params: 2 * features,
            macs: at.input.shape.values(),
            // Each value of a row depends on all of them.
            trf: match at.input.shape.map_size() {
                [1, 1] => at.input.whole(),
                _ => at.input.trf,
            },
            ..Outline::unchanged(&at.input, "", operation)
        })
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }

    fn has_weights(&self) -> bool {
        true
    }
}

impl LayerOp for LayerNormOp {
    type Module = LayerNorm;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, weights: &mut RandomWeights<'_>) -> LayerNorm {
        LayerNormConfig::new(self.features)
            .with_epsilon(self.epsilon)
            .init(weights.device)
    }

    fn forward(&self, norm: &LayerNorm, x: Features, _: &mut Pass<'_>) -> Features {
        match x {
            #[cfg(feature = "flex")]
            Features::Map(x) if kernels::fits(&x) => {
                let gamma = norm.gamma.val(); // [channels]
                let beta = norm.beta.as_ref().map(|beta| beta.val());
                let beta = beta.unwrap_or_else(|| gamma.zeros_like());
                let y = receptive_kernels::layer_norm(x, [gamma, beta], self.epsilon);
                Features::Map(y)
            }
            Features::Map(x) => {
                let last = x.permute([0, 2, 3, 1]); // [batch, height, width, channels]
                Features::Map(norm.forward(last).permute([0, 3, 1, 2]))
            }
            Features::Flat(x) => Features::Flat(norm.forward(x)),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut LayerNorm) {}

    fn values(norm: &LayerNorm) -> LayerValues {
        let beta = norm.beta.as_ref().map(|beta| read(beta.val()));
        LayerValues {
            gamma: read(norm.gamma.val()),
            beta: beta.unwrap_or_default(),
            ..LayerValues::default()
        }
    }

    fn batch_norm(_: &mut LayerNorm) -> Option<&mut BatchNorm> {
        None
    }
}
