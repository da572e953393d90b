//! Reduce on plateau: reducing the learning rate if validation no longer improves.

use super::Monitor;
use crate::error::TrainError;
use serde::{Deserialize, Serialize};

/// PyTorch's `ReduceLROnPlateau` for the metric of `train.monitor`, with its names and defaults
/// (`threshold_mode` is `rel`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plateau {
    /// The factor by which the rate drops.
    pub factor: f64,
    /// Number of epochs without improvement before the rate drops.
    pub patience: usize,
    /// The minimum relative improvement.
    pub threshold: f64,
    /// Number of epochs to wait after a drop.
    pub cooldown: usize,
    /// The minimum rate, relative to the peak (PyTorch's `min_lr` divided by the rate).
    pub min_fraction: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            cooldown: 0,
            min_fraction: 0.0,
        }
    }
}

/// Smaller drops of the rate are ignored: PyTorch's `eps`.
const MIN_DROP: f64 = 1e-8;

/// State of the `plateau` schedule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlateauState {
    /// The current rate, relative to the peak.
    pub(crate) share: f64,
    pub(crate) best: Option<f64>,
    pub(crate) bad_epochs: usize,
    pub(crate) cooldown: usize,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self {
            share: 1.0,
            best: None,
            bad_epochs: 0,
            cooldown: 0,
        }
    }
}

impl PlateauState {
    /// Updates with an epoch's metric; `rate` is the peak learning rate.
    pub(crate) fn step(&mut self, config: &Plateau, metric: Monitor, value: f64, rate: f64) {
        if config.improves(metric, value, self.best) {
            self.best = Some(value);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > config.patience {
            let lower = (self.share * config.factor).max(config.min_fraction);
            if rate * (self.share - lower) > MIN_DROP {
                self.share = lower;
            }
            self.cooldown = config.cooldown;
            self.bad_epochs = 0;
        }
    }
}

impl Plateau {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let reject = |name: &str, problem: String| {
            let setting = format!("train.schedule.plateau.{name}");
            Err(TrainError::setting(&setting, problem))
        };
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let problem = format!("it is {}; use a number between 0 and 1", self.factor);
            return reject("factor", problem);
        }
        if !(0.0..1.0).contains(&self.threshold) {
            let problem = format!(
                "it is {}; expected at least 0 and less than 1",
                self.threshold
            );
            return reject("threshold", problem);
        }
        if !(0.0..=1.0).contains(&self.min_fraction) {
            let problem = format!("it is {}; use 0 to 1", self.min_fraction);
            return reject("min_fraction", problem);
        }
        Ok(())
    }

    fn improves(&self, metric: Monitor, value: f64, best: Option<f64>) -> bool {
        let Some(best) = best else {
            return !value.is_nan();
        };
        let margin = match metric {
            Monitor::ValLoss | Monitor::Last => 1.0 - self.threshold,
            Monitor::ValTop1 | Monitor::ValMeanRecall => 1.0 + self.threshold,
        };
        metric.is_better(value, best * margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_pytorchs() {
        // Computed by tests/python/schedules.py: values of the metric, and the rate after each.
        type Case = (Plateau, Monitor, f64, &'static [(f64, f64)]);
        let cases: [Case; 4] = include!("plateau.golden");
        for (config, metric, rate, epochs) in cases {
            config.check().unwrap();
            let mut state = PlateauState::default();
            for (epoch, (value, expected)) in epochs.iter().enumerate() {
                state.step(&config, metric, *value, rate);
                let found = rate * state.share;
                assert!(
                    (found - expected).abs() <= 1e-12 * rate,
                    "{config:?}, epoch {epoch}: {found}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn a_value_that_is_nan_never_improves() {
        let (config, mut state) = (Plateau::default(), PlateauState::default());
        state.step(&config, Monitor::ValLoss, f64::NAN, 0.1);
        assert_eq!((state.best, state.bad_epochs), (None, 1));
        state.step(&config, Monitor::ValLoss, 2.0, 0.1);
        assert_eq!((state.best, state.bad_epochs), (Some(2.0), 0));
    }
}
