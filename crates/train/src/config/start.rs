//! The pretrained model of a run.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The pretrained model of a run (fine-tuning).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// The directory of an artifact, such as `runs/001/model`.
    pub from: PathBuf,
    /// Number of layers to freeze, from the first (numbered as by `receptive summary`).
    #[serde(default)]
    pub freeze: usize,
    /// The initial weights of a new head, and whether the other layers are trained.
    #[serde(default, skip_serializing_if = "HeadStart::is_random")]
    pub head: HeadStart,
    /// Whether batch norm statistics are frozen; scale and shift are still trained.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub freeze_statistics: bool,
    /// The learning rate of the last layer before the head, relative to that of the head
    /// (`train.optimizer.learning_rate`).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub body_rate: f64,
    /// The learning rate of the first layer, relative to the head's; the rates of the layers in between form a
    /// geometric series from this one to `body_rate`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stem_rate: f64,
    /// The hash of the artifact's weights, filled in when the run starts and compared when it is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
}

/// The initial weights of a new head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadStart {
    /// Random weights, as in a new network.
    #[default]
    Random,
    /// Fitted to the frozen features of the training images, which takes one forward pass per image; then all
    /// layers are trained (Kumar et al. 2022). If the classes are those of the model, or its head is not
    /// `linear`, the head is kept.
    Fitted,
    /// Fitted in the same way, with all other layers frozen. `train.epochs` may then be 0.
    Only,
}

impl HeadStart {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_random(&self) -> bool {
        *self == Self::Random
    }
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl StartConfig {
    /// All layers are trained alike.
    pub fn new(from: impl Into<PathBuf>) -> Self {
        Self {
            from: from.into(),
            freeze: 0,
            head: HeadStart::Random,
            freeze_statistics: false,
            body_rate: 1.0,
            stem_rate: 1.0,
            weights_sha256: None,
        }
    }

    /// As chosen by the recipe: the head is fitted first, the layer before it is trained at a tenth of its rate
    /// and the first layer at a hundredth, and batch norm statistics are frozen.
    pub fn fine_tuning(from: impl Into<PathBuf>) -> Self {
        Self {
            head: HeadStart::Fitted,
            freeze_statistics: true,
            body_rate: 0.1,
            stem_rate: 0.01,
            ..Self::new(from)
        }
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        for (setting, rate) in [
            ("start.body_rate", self.body_rate),
            ("start.stem_rate", self.stem_rate),
        ] {
            if !(rate > 0.0 && rate <= 1.0) {
                return Err(TrainError::setting(
                    setting,
                    format!(
                        "it is {rate}; use a fraction above 0 and up to 1 of the head's learning \
                         rate, or freeze layers with start.freeze"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The learning rate of each layer, relative to the head's. `has_weights` tells which layers
    /// have weights; the last of them is the head.
    pub(crate) fn rates(&self, has_weights: &[bool]) -> Vec<f64> {
        let with_weights = has_weights.iter().filter(|has| **has).count();
        let body = with_weights.saturating_sub(1);
        let mut at = 0;
        let mut rates = Vec::with_capacity(has_weights.len());
        for &has_weights in has_weights {
            rates.push(if at >= body {
                1.0
            } else if body == 1 {
                self.body_rate
            } else {
                let share = at as f64 / (body - 1) as f64;
                self.stem_rate.powf(1.0 - share) * self.body_rate.powf(share)
            });
            at += usize::from(has_weights);
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_geometrically_from_the_stem_to_the_body_and_the_head_has_all() {
        let start = StartConfig::fine_tuning("m");
        // The rate of a pooling layer has no effect; there are three layers with weights, then the head.
        let rates = start.rates(&[true, false, true, true, false, true]);
        for (at, expected) in [(0, 0.01), (2, 0.1f64.sqrt() * 0.1), (3, 0.1), (5, 1.0)] {
            assert!((rates[at] - expected).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(start.rates(&[true, true]), [0.1, 1.0]);
        assert_eq!(start.rates(&[false, true]), [1.0, 1.0]);
        assert_eq!(StartConfig::new("m").rates(&[true; 4]), [1.0; 4]);
    }

    #[test]
    fn a_rate_that_is_no_share_is_rejected_by_its_name() {
        for wrong in [0.0, -0.1, 1.5, f64::NAN] {
            let start = StartConfig {
                stem_rate: wrong,
                ..StartConfig::fine_tuning("m")
            };
            let error = start.check().unwrap_err().to_string();
            assert!(error.contains("start.stem_rate"), "{error}");
        }
    }
}
