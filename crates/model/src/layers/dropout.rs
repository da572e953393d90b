//! `dropout`: zeroes values at random in training.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::{BatchNorm, Dropout, DropoutConfig};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `type = "dropout"`: in training, each value is zeroed with probability `rate` and the others are
/// divided by `1 - rate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropoutLayer {
    /// The probability, at least 0 and below 1.
    pub rate: f64,
}

/// A planned [`DropoutLayer`].
#[derive(Debug, Clone)]
pub struct DropoutOp {
    /// The probability.
    pub rate: f64,
}

impl LayerKind for DropoutLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let rate = self.rate;
        at.rate(rate)?;
        let operation = Operation::Dropout(DropoutOp { rate });
        Ok(Outline::unchanged(
            &at.input,
            format!("rate {rate}"),
            operation,
        ))
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }
}

impl LayerOp for DropoutOp {
    type Module = Dropout;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Dropout {
        DropoutConfig::new(self.rate).init()
    }

    fn forward(&self, dropout: &Dropout, x: Features, pass: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(drop(dropout, x, pass)),
            Features::Flat(x) => Features::Flat(drop(dropout, x, pass)),
        }
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut Dropout) {}

    fn values(_: &Dropout) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Dropout) -> Option<&mut BatchNorm> {
        None
    }
}

fn drop<const D: usize>(layer: &Dropout, x: Tensor<D>, pass: &mut Pass<'_>) -> Tensor<D> {
    let training = x.device().is_autodiff() && layer.training.is_enabled() && layer.prob > 0.0;
    match if training { pass.next_mask() } else { None } {
        Some((key, number)) => {
            let mask = key.mask(number, layer.prob, x.dims(), &x.device());
            x * mask
        }
        None => layer.forward(x),
    }
}
