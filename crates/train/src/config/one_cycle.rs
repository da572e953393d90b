//! The one-cycle schedule.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A single rise and a longer fall of the learning rate over the whole run, each half a cosine period, while
/// the momentum does the opposite. Names, defaults and results are those of PyTorch's `OneCycleLR`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycle {
    /// The fraction of the run in which the rate rises.
    pub pct_start: f64,
    /// The ratio of the peak rate to the first rate.
    pub div_factor: f64,
    /// The ratio of the first rate to the last.
    pub final_div_factor: f64,
    /// Whether the momentum is cycled inversely; for AdamW and Lion, the first beta.
    pub cycle_momentum: bool,
    /// The momentum at the peak rate.
    pub base_momentum: f64,
    /// The momentum at the first and the last rate.
    pub max_momentum: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            cycle_momentum: true,
            base_momentum: 0.85,
            max_momentum: 0.95,
        }
    }
}

impl OneCycle {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let reject = |name: &str, problem: String| {
            let setting = format!("train.schedule.one_cycle.{name}");
            Err(TrainError::setting(&setting, problem))
        };
        if !(0.0..=1.0).contains(&self.pct_start) {
            return reject("pct_start", format!("it is {}; use 0 to 1", self.pct_start));
        }
        for (name, factor) in [
            ("div_factor", self.div_factor),
            ("final_div_factor", self.final_div_factor),
        ] {
            if !(factor.is_finite() && factor > 0.0) {
                return reject(name, format!("it is {factor}; use a positive number"));
            }
        }
        for (name, momentum) in [
            ("base_momentum", self.base_momentum),
            ("max_momentum", self.max_momentum),
        ] {
            if !(0.0..1.0).contains(&momentum) {
                return reject(
                    name,
                    format!("it is {momentum}; expected at least 0 and less than 1"),
                );
            }
        }
        Ok(())
    }

    /// The rate of `step` (from 0) of `total`, relative to the peak.
    pub(super) fn share(&self, step: u64, total: u64) -> f64 {
        let first = 1.0 / self.div_factor;
        self.wave(step, total, [first, 1.0, first / self.final_div_factor])
    }

    /// The momentum of that step, if it is cycled.
    pub(super) fn momentum(&self, step: u64, total: u64) -> Option<f64> {
        let (low, high) = (self.base_momentum, self.max_momentum);
        self.cycle_momentum
            .then(|| self.wave(step, total, [high, low, high]))
    }

    /// Anneals from the first value to the second at the end of the rise, then to the third at the last step.
    fn wave(&self, step: u64, total: u64, [first, top, last]: [f64; 3]) -> f64 {
        let step = step as f64;
        // The end of the rise may be before the first step; then there is no rise.
        let risen = self.pct_start * total as f64 - 1.0;
        let end = total as f64 - 1.0;
        let (from, to, done) = if step <= risen && risen > 0.0 {
            (first, top, step / risen)
        } else if end > risen {
            (top, last, ((step - risen) / (end - risen)).min(1.0))
        } else {
            (top, last, 1.0)
        };
        to + (from - to) / 2.0 * (1.0 + (PI * done).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_momenta_are_pytorchs() {
        // Computed by tests/python/schedules.py. Settings, number of steps, and for some steps the relative
        // rate and the momentum.
        type Case = (OneCycle, u64, &'static [(u64, f64, f64)]);
        let cases: [Case; 3] = include!("one_cycle.golden");
        for (cycle, total, steps) in cases {
            for (step, rate, momentum) in steps {
                let share = cycle.share(*step, total);
                assert!(
                    (share - rate).abs() < 1e-12,
                    "{cycle:?} {step}: {share} {rate}"
                );
                let moved = cycle.momentum(*step, total).unwrap();
                assert!(
                    (moved - momentum).abs() < 1e-12,
                    "{cycle:?} {step}: {moved}"
                );
            }
        }
    }

    #[test]
    fn a_run_of_any_length_has_finite_rates_and_the_momentum_may_stand_still() {
        let still = OneCycle {
            cycle_momentum: false,
            ..OneCycle::default()
        };
        assert_eq!(still.momentum(3, 10), None);
        for pct_start in [0.0, 0.3, 1.0] {
            let cycle = OneCycle { pct_start, ..still };
            for total in 1..8 {
                for step in 0..total {
                    let share = cycle.share(step, total);
                    assert!(
                        share > 0.0 && share <= 1.0,
                        "{pct_start} {step}/{total}: {share}"
                    );
                }
            }
        }
    }
}
