//! Averages of the weights, which are validated and kept instead of the trained ones.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};

/// An exponential moving average of the weights over the steps, as in timm's `ModelEmaV3`, of parameters and of
/// batch norms' running statistics.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmaConfig {
    /// The decay, at least 0 and less than 1.
    pub decay: f64,
    /// Whether the decay is lower in the first steps: `1 - step^(-2/3)`, at most `decay`.
    pub warmup: bool,
}

impl Default for EmaConfig {
    fn default() -> Self {
        Self {
            decay: 0.9998,
            warmup: true,
        }
    }
}

impl EmaConfig {
    pub(super) fn check(&self) -> Result<(), TrainError> {
        if (0.0..1.0).contains(&self.decay) {
            return Ok(());
        }
        Err(TrainError::setting(
            "train.ema.decay",
            format!(
                "it is {}; expected at least 0 and less than 1, such as 0.9998",
                self.decay
            ),
        ))
    }

    /// The decay of a step (from 1); the first step sets the average.
    pub(crate) fn kept(&self, step: u64) -> f64 {
        let before = step.saturating_sub(1);
        if before == 0 {
            return 0.0;
        }
        if self.warmup {
            (1.0 - (1.0 + before as f64).powf(-2.0 / 3.0)).min(self.decay)
        } else {
            self.decay
        }
    }
}

/// The mean of the weights after each of the last epochs (stochastic weight averaging: Izmailov et al. 2018),
/// as in PyTorch's `AveragedModel`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageConfig {
    /// Number of the last epochs to average.
    pub epochs: usize,
    /// How the running statistics of batch norms are determined.
    #[serde(default)]
    pub statistics: AverageStatistics,
    /// The learning rate during these epochs, relative to the peak; as scheduled if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// The batch norm statistics of averaged weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AverageStatistics {
    /// The mean and variance with the averaged weights over all training images, in a pass after each of these
    /// epochs (PyTorch's `update_bn`).
    #[default]
    Recompute,
    /// The mean of the statistics after each epoch (PyTorch's `use_buffers`).
    Mean,
}

impl AverageConfig {
    /// The mean of the last `epochs` epochs.
    pub fn new(epochs: usize) -> Self {
        Self {
            epochs,
            statistics: AverageStatistics::default(),
            rate: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        if self.epochs == 0 {
            return Err(TrainError::setting(
                "train.average.epochs",
                "it is 0; use 1 or more, or leave train.average out",
            ));
        }
        match self.rate {
            Some(rate) if !(rate > 0.0 && rate <= 1.0) => Err(TrainError::setting(
                "train.average.rate",
                format!("it is {rate}; use a fraction above 0 and up to 1 of the learning rate"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether this epoch (from 1) of `epochs` is averaged.
    pub(crate) fn includes(&self, epoch: usize, epochs: usize) -> bool {
        epoch + self.epochs > epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_is_kept_is_timms() {
        // ModelEmaV3(decay=0.99, use_warmup=True).get_decay(step)
        let ema = EmaConfig {
            decay: 0.99,
            warmup: true,
        };
        for (step, expected) in [
            (1, 0.0),
            (2, 0.370_039_475_052_563_4),
            (10, 0.784_556_530_996_811_7),
            (1000, 0.99),
            (100_000, 0.99),
        ] {
            assert!((ema.kept(step) - expected).abs() < 1e-12, "step {step}");
        }
        let plain = EmaConfig {
            warmup: false,
            ..ema
        };
        assert_eq!([plain.kept(1), plain.kept(2)], [0.0, 0.99]);
    }

    #[test]
    fn the_last_epochs_are_averaged() {
        let average = AverageConfig {
            epochs: 3,
            statistics: AverageStatistics::Mean,
            rate: None,
        };
        let averaged: Vec<usize> = (1..=10).filter(|e| average.includes(*e, 10)).collect();
        assert_eq!(averaged, [8, 9, 10]);
        assert!(average.includes(1, 2), "of fewer epochs all");
    }
}
