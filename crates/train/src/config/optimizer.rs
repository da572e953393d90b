//! Optimizers and their settings.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};

/// burn's optimizers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The peak learning rate.
        #[serde(default = "sgd_rate")]
        learning_rate: f64,
        /// The momentum, below 1; 0 disables it.
        #[serde(default = "momentum")]
        momentum: f64,
        /// Whether to use Nesterov momentum.
        #[serde(default = "yes")]
        nesterov: bool,
        /// The L2 penalty.
        #[serde(default = "sgd_decay")]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        /// The peak learning rate.
        #[serde(default = "adamw_rate")]
        learning_rate: f64,
        /// The decoupled weight decay.
        #[serde(default = "adamw_decay")]
        weight_decay: f64,
    },
    /// Lion: updates by the sign of the momentum, with decoupled weight decay (Chen et al. 2023, "Symbolic
    /// discovery of optimization algorithms"). Needs a third to a tenth of AdamW's learning rate.
    Lion {
        /// The peak learning rate.
        #[serde(default = "lion_rate")]
        learning_rate: f64,
        /// The decoupled weight decay.
        #[serde(default = "lion_decay")]
        weight_decay: f64,
        /// The interpolation between momentum and gradient for the update.
        #[serde(default = "momentum")]
        beta_1: f64,
        /// The decay of the momentum.
        #[serde(default = "lion_beta_2")]
        beta_2: f64,
    },
    /// RMSprop (Tieleman and Hinton 2012), as in PyTorch: gradients scaled by their running RMS.
    RmsProp {
        /// The peak learning rate.
        #[serde(default = "adamw_rate")]
        learning_rate: f64,
        /// The momentum, below 1; 0 disables it.
        #[serde(default = "momentum")]
        momentum: f64,
        /// The decay of the mean square.
        #[serde(default = "rmsprop_alpha")]
        alpha: f64,
        /// Added to the denominator.
        #[serde(default = "rmsprop_epsilon")]
        epsilon: f64,
        /// The L2 penalty.
        #[serde(default)]
        weight_decay: f64,
    },
}

/// An optimizer without its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum OptimizerKind {
    /// Stochastic gradient descent with Nesterov momentum
    Sgd,
    /// Adam with decoupled weight decay
    #[cfg_attr(feature = "clap", value(name = "adamw"))]
    AdamW,
    /// Lion: updates by the sign of the momentum
    Lion,
    /// RMSprop: gradients scaled by their running RMS
    #[cfg_attr(feature = "clap", value(name = "rmsprop"))]
    RmsProp,
}

impl OptimizerKind {
    /// The name in `train.optimizer.kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::AdamW => "adamw",
            Self::Lion => "lion",
            Self::RmsProp => "rmsprop",
        }
    }
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

fn lion_rate() -> f64 {
    1e-4
}

fn lion_decay() -> f64 {
    0.1
}

fn lion_beta_2() -> f64 {
    0.99
}

fn rmsprop_alpha() -> f64 {
    0.99
}

fn rmsprop_epsilon() -> f64 {
    1e-8
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
    /// Its common name.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "SGD",
            Self::AdamW { .. } => "AdamW",
            Self::Lion { .. } => "Lion",
            Self::RmsProp { .. } => "RMSprop",
        }
    }

    /// The peak learning rate.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd { learning_rate, .. }
            | Self::AdamW { learning_rate, .. }
            | Self::Lion { learning_rate, .. }
            | Self::RmsProp { learning_rate, .. } => *learning_rate,
        }
    }

    /// The weight decay.
    pub fn weight_decay(&self) -> f64 {
        match self {
            Self::Sgd { weight_decay, .. }
            | Self::AdamW { weight_decay, .. }
            | Self::Lion { weight_decay, .. }
            | Self::RmsProp { weight_decay, .. } => *weight_decay,
        }
    }

    /// The same optimizer without weight decay.
    pub(crate) fn without_decay(&self) -> Self {
        let mut kept = self.clone();
        let (Self::Sgd { weight_decay, .. }
        | Self::AdamW { weight_decay, .. }
        | Self::Lion { weight_decay, .. }
        | Self::RmsProp { weight_decay, .. }) = &mut kept;
        *weight_decay = 0.0;
        kept
    }

    /// The momentum, or the first beta of AdamW and Lion.
    pub(crate) fn momentum(&self) -> f64 {
        match self {
            Self::Sgd { momentum, .. } | Self::RmsProp { momentum, .. } => *momentum,
            Self::Lion { beta_1, .. } => *beta_1,
            Self::AdamW { .. } => momentum(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let learning_rate = self.learning_rate();
        if !(learning_rate.is_finite() && learning_rate > 0.0) {
            return Err(TrainError::setting(
                "train.optimizer.learning_rate",
                format!("it is {learning_rate}; use a positive number such as 0.05"),
            ));
        }
        let weight_decay = self.weight_decay();
        if !(weight_decay.is_finite() && weight_decay >= 0.0) {
            return Err(TrainError::setting(
                "train.optimizer.weight_decay",
                format!("it is {weight_decay}; use 0 or a positive number such as 5e-4"),
            ));
        }
        match *self {
            Self::Sgd {
                momentum, nesterov, ..
            } => {
                share("momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return Err(TrainError::setting(
                        "train.optimizer.nesterov",
                        "it needs a momentum above 0; set it to false",
                    ));
                }
                Ok(())
            }
            Self::AdamW { .. } => Ok(()),
            Self::Lion { beta_1, beta_2, .. } => {
                share("beta_1", beta_1)?;
                share("beta_2", beta_2)
            }
            Self::RmsProp {
                momentum,
                alpha,
                epsilon,
                ..
            } => {
                share("momentum", momentum)?;
                share("alpha", alpha)?;
                if epsilon.is_finite() && epsilon > 0.0 {
                    return Ok(());
                }
                Err(TrainError::setting(
                    "train.optimizer.epsilon",
                    format!("it is {epsilon}; use a positive number such as 1e-8"),
                ))
            }
        }
    }
}

fn share(name: &str, value: f64) -> Result<(), TrainError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(TrainError::setting(
        &format!("train.optimizer.{name}"),
        format!("it is {value}; expected at least 0 and less than 1"),
    ))
}
