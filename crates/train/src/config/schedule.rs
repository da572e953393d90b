//! The learning rate of each step.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};

/// How the learning rate moves: first a linear warm-up from near 0, then this.
///
/// A pure function of the step, so a run that starts in the middle needs no scheduler's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// What follows the warm-up.
    pub kind: ScheduleKind,
    /// The warm-up's length in epochs; may be a fraction.
    pub warmup_epochs: f64,
    /// `cosine`: the last rate as a share of the first.
    pub final_fraction: f64,
    /// `step`: how many epochs lie between two drops.
    pub step_epochs: f64,
    /// `step`: what the rate is multiplied with at each drop.
    pub gamma: f64,
}

/// What follows the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// Half a wave of the cosine, down to `final_fraction` at the last step.
    Cosine,
    /// The same rate throughout.
    Constant,
    /// A drop by `gamma` every `step_epochs`.
    Step,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine,
            warmup_epochs: 1.0,
            final_fraction: 0.0,
            step_epochs: 10.0,
            gamma: 0.1,
        }
    }
}

impl Schedule {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !(self.warmup_epochs.is_finite() && self.warmup_epochs >= 0.0) {
            return Err(TrainError::setting(
                "train.schedule.warmup_epochs",
                "use 0 or more",
            ));
        }
        if !(0.0..=1.0).contains(&self.final_fraction) {
            return Err(TrainError::setting(
                "train.schedule.final_fraction",
                "use 0 to 1",
            ));
        }
        if !positive(self.step_epochs) {
            return Err(TrainError::setting(
                "train.schedule.step_epochs",
                "use more than 0",
            ));
        }
        if !positive(self.gamma) {
            return Err(TrainError::setting(
                "train.schedule.gamma",
                "use more than 0",
            ));
        }
        Ok(())
    }

    /// The rate of `step` (from 0) of `total`, `per_epoch` of them an epoch, as a share of the
    /// highest.
    pub fn share(&self, step: u64, total: u64, per_epoch: u64) -> f64 {
        let warmup = self.warmup_epochs * per_epoch as f64;
        // A run shorter than its warm-up would never reach its rate.
        let warmup = warmup.min(total as f64 / 2.0).round();
        let step = step as f64;
        if step < warmup {
            return (step + 1.0) / (warmup + 1.0);
        }
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Cosine => {
                let done = (step - warmup) / (total as f64 - warmup).max(1.0);
                let wave = (1.0 + (std::f64::consts::PI * done.min(1.0)).cos()) / 2.0;
                self.final_fraction + (1.0 - self.final_fraction) * wave
            }
            ScheduleKind::Step => {
                let drops = (step / (self.step_epochs * per_epoch as f64)).floor();
                self.gamma.powf(drops)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;

    #[test]
    fn the_cosine_is_burns_own() {
        let schedule = Schedule {
            warmup_epochs: 0.0,
            ..Schedule::default()
        };
        let mut burn = CosineAnnealingLrSchedulerConfig::new(0.5, 100)
            .init()
            .unwrap();
        for step in 0..100 {
            let ours = 0.5 * schedule.share(step, 100, 10);
            assert!(
                (ours - burn.step().base()).abs() < 1e-9,
                "step {step}: {ours}"
            );
        }
    }

    #[test]
    fn the_warm_up_rises_evenly_and_never_starts_at_zero() {
        let schedule = Schedule {
            kind: ScheduleKind::Constant,
            ..Schedule::default()
        };
        let shares: Vec<f64> = (0..4).map(|step| schedule.share(step, 30, 3)).collect();
        assert_eq!(shares, [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(schedule.share(29, 30, 3), 1.0);
    }

    #[test]
    fn a_step_schedule_drops_on_the_epoch() {
        let schedule = Schedule {
            kind: ScheduleKind::Step,
            warmup_epochs: 0.0,
            step_epochs: 2.0,
            gamma: 0.5,
            ..Schedule::default()
        };
        assert_eq!(schedule.share(19, 100, 10), 1.0);
        assert_eq!(schedule.share(20, 100, 10), 0.5);
        assert_eq!(schedule.share(40, 100, 10), 0.25);
    }
}
