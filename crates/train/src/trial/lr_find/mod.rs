//! Learning-rate range test (Smith 2015, arXiv:1506.01186): one run whose rate grows exponentially
//! until the loss flies off.

mod files;
mod suggest;

pub use suggest::Rates;

use crate::train::{Learner, epoch_loader};
use crate::{Prepared, TrainError, Workers};
use burn::tensor::Device;
use serde::Serialize;

/// The range, and how it is walked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RangeTest {
    /// The first rate.
    pub from: f64,
    /// The last rate, unless the loss flies off before.
    pub to: f64,
    /// Steps from one to the other.
    pub steps: usize,
}

impl Default for RangeTest {
    /// From 1e-7 to 10 in 100 steps, as fastai.
    fn default() -> Self {
        Self {
            from: 1e-7,
            to: 10.0,
            steps: 100,
        }
    }
}

/// One step of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tried {
    /// From 1.
    pub step: usize,
    /// The rate of this step.
    pub learning_rate: f64,
    /// The loss of its batch, before the step.
    pub loss: f64,
    /// The exponentially weighted mean of all so far, corrected for its start.
    pub smoothed: f64,
}

/// What the test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LrFind {
    /// The range.
    pub test: RangeTest,
    /// Step by step, up to the one where the loss flew off.
    pub tried: Vec<Tried>,
    /// Whether it did.
    pub diverged: bool,
    /// Rates to train with; none where the loss never fell.
    pub rates: Option<Rates>,
}

/// How much of the mean is kept at each step.
const KEPT: f64 = 0.98;
/// The loss flew off when its mean is this many times the smallest.
const FLOWN: f64 = 4.0;
/// Fewer steps show nothing.
const FEWEST: usize = 20;
const MOST: usize = 100_000;

impl RangeTest {
    /// # Errors
    /// When it is no range, or has too few steps.
    pub fn check(&self) -> Result<(), TrainError> {
        let positive = |rate: f64| rate.is_finite() && rate > 0.0;
        if !(positive(self.from) && positive(self.to) && self.from < self.to) {
            return Err(TrainError::setting(
                "--from-rate",
                format!(
                    "{:e} to {:e} is no range of rates; use two positive numbers, the smaller first",
                    self.from, self.to
                ),
            ));
        }
        if !(FEWEST..=MOST).contains(&self.steps) {
            return Err(TrainError::setting(
                "--steps",
                format!("it is {}; use {FEWEST} to {MOST}", self.steps),
            ));
        }
        Ok(())
    }

    /// The rate of `step`, from 0.
    pub fn rate(&self, step: usize) -> f64 {
        let share = step as f64 / (self.steps - 1).max(1) as f64;
        self.from * (self.to / self.from).powf(share)
    }
}

/// Trains with growing rates on the run's own batches, over and over if need be. The same numbers on
/// any number of threads.
///
/// # Errors
/// When the range is none, an image can't be read, or a thread gives up. A loss that is no number
/// ends the test, without an error.
pub fn lr_find(
    prepared: &Prepared,
    test: RangeTest,
    device: &Device, // without autodiff
    on_cpu: bool,
    progress: &mut dyn FnMut(&Tried),
) -> Result<LrFind, TrainError> {
    test.check()?;
    let workers = Workers::new(prepared.config.machine.compute_threads(on_cpu))?;
    let mut learner = Learner::new(prepared, device, on_cpu, &workers)?;
    let mut tried: Vec<Tried> = Vec::with_capacity(test.steps);
    let (mut mean, mut best, mut diverged) = (0.0, f64::INFINITY, false);
    let mut epoch = 0;
    'test: while tried.len() < test.steps {
        epoch += 1;
        for batch in epoch_loader(prepared, epoch, 0) {
            let step = tried.len();
            if step == test.steps {
                break 'test;
            }
            let learning_rate = test.rate(step);
            let gradients = learner.gradients(&batch?, step as u64)?;
            let loss = f64::from(gradients.loss.clone().into_scalar::<f32>());
            if !loss.is_finite() {
                diverged = true;
                break 'test;
            }
            mean = KEPT * mean + (1.0 - KEPT) * loss;
            let smoothed = mean / (1.0 - KEPT.powi(step as i32 + 1));
            best = smoothed.min(best);
            tried.push(Tried {
                step: step + 1,
                learning_rate,
                loss,
                smoothed,
            });
            progress(&tried[step]);
            if smoothed > FLOWN * best {
                diverged = true;
                break 'test;
            }
            learner = learner.update(gradients, learning_rate);
        }
    }
    Ok(LrFind {
        rates: Rates::of(&tried, test.steps),
        test,
        tried,
        diverged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_grow_by_the_same_factor_from_end_to_end() {
        let test = RangeTest::default();
        assert_eq!(test.rate(0), 1e-7);
        assert!((test.rate(99) - 10.0).abs() < 1e-9);
        let factor = test.rate(1) / test.rate(0);
        assert!((test.rate(57) / test.rate(56) / factor - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let usual = RangeTest::default();
        for (test, word) in [
            (RangeTest { from: 0.0, ..usual }, "no range"),
            (
                RangeTest {
                    from: 20.0,
                    ..usual
                },
                "no range",
            ),
            (
                RangeTest {
                    to: f64::NAN,
                    ..usual
                },
                "no range",
            ),
            (RangeTest { steps: 3, ..usual }, "--steps"),
        ] {
            let error = test.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
