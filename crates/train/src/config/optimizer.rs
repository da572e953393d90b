//! Optimizers and their settings.

use crate::error::TrainError;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamWConfig, ModuleOptimizer, SgdConfig};
use serde::{Deserialize, Serialize};

/// How gradients become changes of the weights: burn's own optimizers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The rate at the top of the schedule.
        #[serde(default = "sgd_rate")]
        learning_rate: f64,
        /// The share of the last step's direction that is kept, below 1; 0 switches it off.
        #[serde(default = "momentum")]
        momentum: f64,
        /// Whether the gradient is taken ahead of the momentum (Nesterov).
        #[serde(default = "yes")]
        nesterov: bool,
        /// The L2 penalty's factor.
        #[serde(default = "sgd_decay")]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        /// The rate at the top of the schedule.
        #[serde(default = "adamw_rate")]
        learning_rate: f64,
        /// The share of the weights taken off in each step, times the rate.
        #[serde(default = "adamw_decay")]
        weight_decay: f64,
    },
}

fn sgd_rate() -> f64 {
    0.05
}

fn momentum() -> f64 {
    0.9
}

fn yes() -> bool {
    true
}

fn sgd_decay() -> f64 {
    5e-4
}

fn adamw_rate() -> f64 {
    1e-3
}

fn adamw_decay() -> f64 {
    0.01
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Sgd {
            learning_rate: sgd_rate(),
            momentum: momentum(),
            nesterov: yes(),
            weight_decay: sgd_decay(),
        }
    }
}

impl Optimizer {
    /// The rate at the top of the schedule.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd { learning_rate, .. } | Self::AdamW { learning_rate, .. } => *learning_rate,
        }
    }

    /// The same without a penalty on large weights.
    pub(crate) fn without_decay(&self) -> Self {
        let mut kept = self.clone();
        let (Self::Sgd { weight_decay, .. } | Self::AdamW { weight_decay, .. }) = &mut kept;
        *weight_decay = 0.0;
        kept
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let (Self::Sgd {
            learning_rate,
            weight_decay,
            ..
        }
        | Self::AdamW {
            learning_rate,
            weight_decay,
        }) = self;
        if !(learning_rate.is_finite() && *learning_rate > 0.0) {
            return Err(TrainError::setting(
                "train.optimizer.learning_rate",
                format!("it is {learning_rate}; use a positive number such as 0.05"),
            ));
        }
        if !(weight_decay.is_finite() && *weight_decay >= 0.0) {
            return Err(TrainError::setting(
                "train.optimizer.weight_decay",
                format!("it is {weight_decay}; use 0 or a positive number such as 5e-4"),
            ));
        }
        if let Self::Sgd {
            momentum, nesterov, ..
        } = self
        {
            if !(0.0..1.0).contains(momentum) {
                return Err(TrainError::setting(
                    "train.optimizer.momentum",
                    format!("it is {momentum}; use a number from 0 to below 1"),
                ));
            }
            if *nesterov && *momentum == 0.0 {
                return Err(TrainError::setting(
                    "train.optimizer.nesterov",
                    "it needs a momentum above 0; set it to false",
                ));
            }
        }
        Ok(())
    }

    /// burn's optimizer, without state.
    pub(crate) fn init(&self) -> ModuleOptimizer {
        match *self {
            Self::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                let momentum = (momentum > 0.0).then(|| {
                    // burn's default dampening of 0.1 is not PyTorch's 0.
                    MomentumConfig::new()
                        .with_momentum(momentum)
                        .with_dampening(0.0)
                        .with_nesterov(nesterov)
                });
                let decay =
                    (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay as f32));
                SgdConfig::new()
                    .with_momentum(momentum)
                    .with_weight_decay(decay)
                    .init()
            }
            Self::AdamW { weight_decay, .. } => AdamWConfig::new()
                .with_weight_decay(weight_decay as f32)
                .init(),
        }
    }
}
