//! Loss scaling, which keeps gradients within the range of float16. Not part of `fit`, because checkpoints, which
//! `fit` writes, hold the scale.

use crate::config::TrainConfig;
use receptive_model::Precision;
use serde::{Deserialize, Serialize};

/// The loss scale of a run in float16, a power of two, so that scaling does not round gradients.
///
/// As in PyTorch's `GradScaler`, it starts at 2^16, is halved after a step whose gradients are not finite
/// (which is skipped), and doubled after 2,000 consecutive finite steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LossScale {
    exponent: u32,
    /// Finite steps since the last change.
    finite: u32,
    /// Steps skipped since the run began.
    pub(crate) skipped: u64,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepFate {
    Made,
    /// Its gradients are not finite; a smaller scale may help.
    Skipped,
    /// Its gradients are not finite even at the minimum scale.
    Hopeless,
}

const FIRST_EXPONENT: u32 = 16;
/// Maximum scale: beyond it, gradients would be closer to the limit of float32 than to that of float16.
const MAX_EXPONENT: u32 = 24;
/// Number of finite steps before the scale is doubled.
const GROWTH_INTERVAL: u32 = 2000;

impl LossScale {
    /// The initial scale; `None` if the precision needs none.
    pub(crate) fn new(config: &TrainConfig) -> Option<Self> {
        (config.precision == Precision::F16).then_some(Self {
            exponent: FIRST_EXPONENT,
            finite: 0,
            skipped: 0,
        })
    }

    /// The factor.
    pub(crate) fn factor(self) -> f64 {
        f64::from(1_u32 << self.exponent.min(MAX_EXPONENT))
    }

    /// Whether its values are valid.
    pub(crate) fn is_valid(self) -> bool {
        self.exponent <= MAX_EXPONENT && self.finite < GROWTH_INTERVAL
    }

    /// The outcome of a step. If gradients are not finite at the minimum scale, the scale is not the cause.
    pub(crate) fn fate(self, is_finite: bool) -> StepFate {
        match (is_finite, self.exponent) {
            (true, _) => StepFate::Made,
            (false, 0) => StepFate::Hopeless,
            (false, _) => StepFate::Skipped,
        }
    }

    /// Updates the scale after a step.
    pub(crate) fn after(self, is_finite: bool) -> Self {
        if !is_finite {
            return Self {
                exponent: self.exponent.saturating_sub(1),
                finite: 0,
                skipped: self.skipped + 1,
            };
        }
        let finite = self.finite + 1;
        if finite < GROWTH_INTERVAL {
            return Self { finite, ..self };
        }
        Self {
            exponent: (self.exponent + 1).min(MAX_EXPONENT),
            finite: 0,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> LossScale {
        let config = TrainConfig {
            precision: Precision::F16,
            ..TrainConfig::default()
        };
        LossScale::new(&config).unwrap()
    }

    #[test]
    fn only_float16_has_one() {
        for precision in [Precision::F32, Precision::Bf16] {
            let config = TrainConfig {
                precision,
                ..TrainConfig::default()
            };
            assert_eq!(LossScale::new(&config), None);
        }
        assert_eq!(begun().factor(), 65_536.0);
    }

    #[test]
    fn it_halves_at_a_step_that_is_not_finite_and_doubles_after_2000_that_are() {
        let halved = begun().after(false);
        assert_eq!((halved.factor(), halved.skipped), (32_768.0, 1));
        let mut scale = halved;
        for _ in 0..1999 {
            scale = scale.after(true);
            assert!(scale.factor() == 32_768.0 && scale.is_valid());
        }
        assert_eq!(scale.after(true).factor(), 65_536.0);
        // A step that is not finite restarts the count.
        let late = scale.after(false);
        assert_eq!(
            (late.factor(), late.after(true).factor()),
            (16_384.0, 16_384.0)
        );
    }

    #[test]
    fn it_stays_between_one_and_two_to_the_24() {
        let least = (0..40).fold(begun(), |scale, _| scale.after(false));
        assert_eq!((least.factor(), least.skipped), (1.0, 40));
        assert_eq!(least.fate(true), StepFate::Made);
        assert_eq!(least.fate(false), StepFate::Hopeless);
        assert_eq!(begun().fate(false), StepFate::Skipped);
        let most = (0..40_000).fold(begun(), |scale, _| scale.after(true));
        assert_eq!(most.factor(), 16_777_216.0);
    }
}
