//! The learning rate of each step.

use super::{OneCycle, Plateau};
use crate::error::TrainError;
use serde::{Deserialize, Serialize};

/// The learning-rate schedule: a linear warm-up from near 0, then one of these kinds.
///
/// A pure function of the step, so resuming needs no scheduler state, except for `plateau`, whose state is
/// stored in checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// What follows the warm-up.
    pub kind: ScheduleKind,
    /// The warm-up's length in epochs; may be a fraction. `one_cycle` has its own rise instead.
    pub warmup_epochs: f64,
    /// For `cosine`: the last rate, relative to the first.
    pub final_fraction: f64,
    /// For `step`: number of epochs between drops.
    pub step_epochs: f64,
    /// For `step` and `multi_step`: the factor by which the rate drops.
    pub gamma: f64,
    /// For `multi_step`: the numbers of epochs after which the rate drops.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<f64>,
    /// For `one_cycle`: the ranges of rate and momentum.
    #[serde(skip_serializing_if = "OneCycle::is_default")]
    pub one_cycle: OneCycle,
    /// For `plateau`: when and by how much the rate drops.
    #[serde(skip_serializing_if = "Plateau::is_default")]
    pub plateau: Plateau,
}

/// What follows the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Cosine annealing, down to `final_fraction` at the last step.
    Cosine,
    /// A constant rate.
    Constant,
    /// Step decay: a drop by `gamma` every `step_epochs`.
    Step,
    /// A drop by `gamma` after each of the `milestones`.
    // Skipped because it needs milestones, which cannot be given on the command line.
    #[cfg_attr(feature = "clap", value(skip))]
    MultiStep,
    /// One-cycle policy: one rise and one longer fall over the whole run, while the momentum falls and rises.
    ///
    /// Smith and Topin 2018, "Super-convergence"; as PyTorch's `OneCycleLR`.
    OneCycle,
    /// Reduce on plateau: a drop whenever the metric of `train.monitor` has not improved for some
    /// epochs.
    ///
    /// As PyTorch's `ReduceLROnPlateau`.
    Plateau,
}

impl ScheduleKind {
    /// The name in `train.schedule.kind`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Constant => "constant",
            Self::Step => "step",
            Self::MultiStep => "multi_step",
            Self::OneCycle => "one_cycle",
            Self::Plateau => "plateau",
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine,
            warmup_epochs: 1.0,
            final_fraction: 0.0,
            step_epochs: 10.0,
            gamma: 0.1,
            milestones: Vec::new(),
            one_cycle: OneCycle::default(),
            plateau: Plateau::default(),
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
        let rises = self.milestones.is_sorted_by(|a, b| a < b);
        if !(rises && self.milestones.iter().all(|epochs| positive(*epochs))) {
            return Err(TrainError::setting(
                "train.schedule.milestones",
                "use numbers of epochs above 0, each larger than the previous one, such as [30.0, \
                 60.0]",
            ));
        }
        if self.kind == ScheduleKind::MultiStep && self.milestones.is_empty() {
            return Err(TrainError::setting(
                "train.schedule.milestones",
                "train.schedule.kind \"multi_step\" needs the epochs after which the rate drops, \
                 such as [30.0, 60.0]",
            ));
        }
        self.one_cycle.check()?;
        self.plateau.check()
    }

    /// The rate of `step` (from 0) of `total` steps, with `per_epoch` steps per epoch, relative to the peak;
    /// for `plateau`, before any drop.
    pub fn share(&self, step: u64, total: u64, per_epoch: u64) -> f64 {
        let warmup = match self.kind {
            ScheduleKind::OneCycle => 0.0,
            _ => self.warmup_epochs * per_epoch as f64,
        };
        // The warm-up takes at most half of the run, so that the peak rate is reached.
        let warmup = warmup.min(total as f64 / 2.0).round();
        let step = step as f64;
        if step < warmup {
            return (step + 1.0) / (warmup + 1.0);
        }
        match self.kind {
            ScheduleKind::Constant | ScheduleKind::Plateau => 1.0,
            ScheduleKind::OneCycle => self.one_cycle.share(step as u64, total),
            ScheduleKind::Cosine => {
                let done = (step - warmup) / (total as f64 - warmup).max(1.0);
                let wave = (1.0 + (std::f64::consts::PI * done.min(1.0)).cos()) / 2.0;
                self.final_fraction + (1.0 - self.final_fraction) * wave
            }
            ScheduleKind::Step => {
                let drops = (step / (self.step_epochs * per_epoch as f64)).floor();
                self.gamma.powf(drops)
            }
            ScheduleKind::MultiStep => {
                let epochs = step / per_epoch.max(1) as f64;
                let passed = self.milestones.iter().filter(|after| **after <= epochs);
                self.gamma.powi(passed.count() as i32)
            }
        }
    }

    /// The momentum of that step, if the schedule changes it.
    pub(crate) fn momentum(&self, step: u64, total: u64) -> Option<f64> {
        (self.kind == ScheduleKind::OneCycle)
            .then(|| self.one_cycle.momentum(step, total))
            .flatten()
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
    fn milestones_are_multi_step_lrs() {
        // torch.optim.lr_scheduler.MultiStepLR(sgd, [2, 3], gamma=0.5), stepped after each of 5 epochs.
        let schedule = Schedule {
            kind: ScheduleKind::MultiStep,
            warmup_epochs: 0.0,
            milestones: vec![2.0, 3.0],
            gamma: 0.5,
            ..Schedule::default()
        };
        schedule.check().unwrap();
        let shares: Vec<f64> = (0..5).map(|e| schedule.share(4 * e + 3, 20, 4)).collect();
        assert_eq!(shares, [1.0, 1.0, 0.5, 0.25, 0.25]);
        for wrong in [vec![], vec![3.0, 2.0], vec![0.0, 1.0], vec![f64::NAN]] {
            let schedule = Schedule {
                milestones: wrong,
                ..schedule.clone()
            };
            let error = schedule.check().unwrap_err().to_string();
            assert!(error.contains("train.schedule.milestones"), "{error}");
        }
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
