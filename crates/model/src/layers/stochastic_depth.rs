//! `stochastic_depth`: zeroes whole images' maps at random in training.

use super::context::{Context, Follower, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Layer, Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Units};
use burn::nn::{BatchNorm, Dropout, DropoutConfig};
use burn::tensor::{Distribution, Tensor};
use serde::{Deserialize, Serialize};

/// `type = "stochastic_depth"`: in training, all values of an image are zeroed with probability
/// `rate`, and those of the other images are divided by `1 - rate` (Huang et al. 2016, "Deep
/// networks with stochastic depth"; torchvision's `row` mode, timm's `drop_path`). At the end of a
/// residual branch it drops the branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticDepthLayer {
    /// The probability, at least 0 and below 1.
    pub rate: f64,
}

/// A planned [`StochasticDepthLayer`].
#[derive(Debug, Clone)]
pub struct StochasticDepthOp {
    /// The probability.
    pub rate: f64,
}

impl LayerKind for StochasticDepthLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let rate = self.rate;
        at.rate(rate)?;
        let operation = Operation::StochasticDepth(StochasticDepthOp { rate });
        let summary = format!("rate {rate}");
        Ok(Outline::unchanged(&at.input, summary, operation))
    }

    fn follower(&self) -> Follower {
        Follower::Transparent
    }
}

impl LayerOp for StochasticDepthOp {
    /// burn's dropout: it holds the rate and whether the layer is frozen.
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

    fn forward(&self, state: &Dropout, x: Features, pass: &mut Pass<'_>) -> Features {
        match x {
            Features::Map(x) => Features::Map(drop_rows(state, x, pass)),
            Features::Flat(x) => Features::Flat(drop_rows(state, x, pass)),
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

fn drop_rows<const D: usize>(state: &Dropout, x: Tensor<D>, pass: &mut Pass<'_>) -> Tensor<D> {
    let is_training = x.device().is_autodiff() && state.training.is_enabled() && state.prob > 0.0;
    if !is_training {
        return x;
    }
    let mut shape = [1; D];
    shape[0] = x.dims()[0]; // [batch, 1, 1, 1]
    let mask = match pass.next_mask() {
        Some((key, number)) => key.mask(number, state.prob, shape, &x.device()),
        None => {
            let kept = 1.0 - state.prob;
            Tensor::random(shape, Distribution::Bernoulli(kept), &x.device()) / kept
        }
    };
    x * mask
}

/// Replaces the new layers with the old ones, except for stochastic depth.
pub(crate) fn adopt(new: &mut [Layer], old: &[Layer]) {
    for (new, old) in new.iter_mut().zip(old) {
        match (new, old) {
            (Layer::StochasticDepth(_), _) => {}
            (Layer::Residual(new), Layer::Residual(old)) => {
                adopt(&mut new.body, &old.body);
                adopt(&mut new.projection, &old.projection);
            }
            (Layer::Branches(new), Layer::Branches(old)) => {
                let branches = new.branches.iter_mut().zip(&old.branches);
                branches.for_each(|(new, old)| adopt(new, old));
            }
            (new, old) => *new = old.clone(),
        }
    }
}
