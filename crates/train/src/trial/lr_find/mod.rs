//! Learning-rate range test (Smith 2015, arXiv:1506.01186): one run with a rate that grows exponentially until
//! the loss diverges.

mod suggest;

pub use suggest::Rates;

use crate::baseline::{FrozenImages, FrozenResult};
use crate::compute::Compute;
use crate::error::TrainError;
use crate::fit::{Learner, epoch_loader, fits_head, frozen_images, next_step};
use crate::prepare::RunSetup;
use burn::module::Module;
use receptive_core::file::write_over_own;
use receptive_plot::{Chart, Curve, Draw, LineStyle, Mark, Panel, Scale};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::Path;

/// The range of learning rates and the number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RangeTest {
    /// The first rate.
    pub from: f64,
    /// The last rate, if the loss does not diverge before.
    pub to: f64,
    /// Number of steps.
    pub steps: usize,
}

impl Default for RangeTest {
    /// From 1e-7 to 10 in 100 steps, as in fastai.
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
pub struct LrStep {
    /// The step, from 1.
    pub step: usize,
    /// The rate of this step.
    pub learning_rate: f64,
    /// The loss of its batch, before the step.
    pub loss: f64,
    /// The exponentially weighted mean of the losses so far, with bias correction.
    pub smoothed: f64,
}

/// What the test has done so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LrProgress<'a> {
    /// Images whose features the pretrained network has computed, to fit the head to them.
    Features {
        /// Images so far.
        done: usize,
        /// All images.
        total: usize,
    },
    /// A step.
    Step(&'a LrStep),
}

/// The result of the test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LrFind {
    /// The range.
    pub test: RangeTest,
    /// The steps up to the one at which the loss diverged.
    pub tried: Vec<LrStep>,
    /// Whether the loss diverged.
    pub diverged: bool,
    /// Suggested rates; `None` if the loss never fell.
    pub rates: Option<Rates>,
}

/// The decay of the running mean.
const SMOOTHING: f64 = 0.98;
/// The loss counts as diverged if its mean is this many times the smallest mean so far.
const DIVERGENCE: f64 = 4.0;
/// Minimum number of steps.
const MIN_STEPS: usize = 20;
const MAX_STEPS: usize = 100_000;

impl RangeTest {
    /// # Errors
    /// The range is invalid, or has too few steps.
    pub fn check(&self) -> Result<(), TrainError> {
        let positive = |rate: f64| rate.is_finite() && rate > 0.0;
        if !(positive(self.from) && positive(self.to) && self.from < self.to) {
            return Err(TrainError::setting(
                "range_test.from",
                format!(
                    "invalid range {:e} to {:e}: expected two positive rates, the smaller first",
                    self.from, self.to
                ),
            ));
        }
        if !(MIN_STEPS..=MAX_STEPS).contains(&self.steps) {
            return Err(TrainError::setting(
                "range_test.steps",
                format!("it is {}; use {MIN_STEPS} to {MAX_STEPS}", self.steps),
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

/// Trains with growing rates on the run's own batches, repeating epochs if necessary, from the weights with
/// which [`train`](crate::train) begins: a head that it fits first is fitted here too. The result does not
/// depend on the number of threads.
///
/// # Errors
/// The range is invalid, the run has no epochs, an image cannot be read, or a thread panics. A NaN or infinite
/// loss ends the test without an error.
pub fn lr_find(
    setup: &RunSetup,
    test: RangeTest,
    compute: &Compute,
    progress: &mut dyn FnMut(LrProgress<'_>),
) -> Result<LrFind, TrainError> {
    test.check()?;
    if setup.config.train.epochs == 0 {
        return Err(TrainError::setting(
            "train.epochs",
            "it is 0, since only the head is fitted, which needs no learning rate; give a number of epochs to \
             search the rate for them",
        ));
    }
    let mut learner = Learner::from_setup(setup, compute)?;
    if fits_head(setup, &learner.model) {
        learner = with_fitted_head(setup, learner, compute, progress)?;
    }
    let mut tried: Vec<LrStep> = Vec::with_capacity(test.steps);
    let (mut mean, mut best, mut diverged) = (0.0, f64::INFINITY, false);
    let mut epoch = 0;
    'test: while tried.len() < test.steps {
        epoch += 1;
        let mut loader = epoch_loader(setup, epoch, 0, compute);
        loop {
            let batches = next_step(&mut loader, &setup.config.train)?;
            if batches.is_empty() {
                break;
            }
            let step = tried.len();
            if step == test.steps {
                break 'test;
            }
            let learning_rate = test.rate(step);
            let gradients = learner.gradients_of(&batches, step as u64)?;
            let loss = f64::from(gradients.loss.clone().into_scalar::<f32>());
            if !loss.is_finite() {
                diverged = true;
                break 'test;
            }
            mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
            let smoothed = mean / (1.0 - SMOOTHING.powi(step as i32 + 1));
            best = smoothed.min(best);
            tried.push(LrStep {
                step: step + 1,
                learning_rate,
                loss,
                smoothed,
            });
            progress(LrProgress::Step(&tried[step]));
            if smoothed > DIVERGENCE * best {
                diverged = true;
                break 'test;
            }
            learner = learner.update(gradients, learning_rate);
        }
    }
    Ok(LrFind {
        rates: Rates::from_steps(&tried, test.steps),
        test,
        tried,
        diverged,
    })
}

/// The learner with a head fitted to the frozen features of the training images.
fn with_fitted_head<'a>(
    setup: &RunSetup,
    learner: Learner<'a>,
    compute: &Compute,
    progress: &mut dyn FnMut(LrProgress<'_>),
) -> Result<Learner<'a>, TrainError> {
    let images = FrozenImages {
        val: None,
        test: None,
        ..frozen_images(setup)
    };
    let frozen = FrozenResult::new(images, &learner.model.valid(), compute, &mut |answers| {
        let (done, total) = (answers.done, answers.total);
        progress(LrProgress::Features { done, total });
        ControlFlow::Continue(())
    })?;
    let Some(frozen) = frozen else {
        return Ok(learner);
    };
    let model = frozen.into_head(learner.model.clone())?;
    Ok(learner.with_model(model))
}

impl LrFind {
    /// All steps as CSV, one per line.
    pub fn csv(&self) -> String {
        let lines = self.tried.iter().map(|tried| {
            format!(
                "{},{},{},{}\n",
                tried.step, tried.learning_rate, tried.loss, tried.smoothed
            )
        });
        String::from("step,learning_rate,loss,smoothed_loss\n") + &lines.collect::<String>()
    }

    /// The loss by learning rate, with the suggested rates.
    pub fn chart(&self, title: &str) -> Chart {
        let points = |value: fn(&LrStep) -> f64| -> Vec<(f64, f64)> {
            let tried = self.tried.iter();
            tried
                .map(|tried| (tried.learning_rate, value(tried)))
                .collect()
        };
        let batches = Curve {
            mark: Some(Mark::Ring),
            style: LineStyle::None,
            ..Curve::new("each batch", &points(|tried| tried.loss))
        };
        let smoothed = Curve {
            mark: Some(Mark::None),
            ..Curve::new("smoothed", &points(|tried| tried.smoothed))
        };
        let mut panel = Panel::new("loss").curve(smoothed).curve(batches);
        // Limited, since the diverging losses would compress the rest of the curve.
        let losses = self
            .tried
            .iter()
            .map(|tried| tried.loss.min(tried.smoothed));
        let lowest = losses.fold(f64::INFINITY, f64::min);
        if let Some(first) = self.tried.first() {
            let air = 0.1 * (first.loss - lowest).max(0.1 * first.loss);
            panel.y_range = Some(((lowest - air).max(0.0), 1.3 * first.loss));
        }
        if let Some(rates) = self.rates {
            let is_suggested = |tried: &&LrStep| tried.learning_rate == rates.valley;
            if let Some(tried) = self.tried.iter().find(is_suggested) {
                panel = panel.note(tried.learning_rate, tried.smoothed, "suggested");
            }
            panel = panel
                .marker(rates.valley, &format!("valley: {:.1e}", rates.valley))
                .marker(rates.steepest, &format!("steepest: {:.1e}", rates.steepest))
                .marker(
                    rates.minimum_over_ten,
                    &format!("minimum / 10: {:.1e}", rates.minimum_over_ten),
                );
        }
        Chart {
            subtitle: "learning rate range test: the rate increases with every batch".into(),
            x_label: "learning rate".into(),
            x_scale: Scale::Log,
            panel_size: (720.0, 400.0),
            ..Chart::new(title)
        }
        .panel(panel)
    }

    /// Writes both into a directory, which is created if necessary.
    ///
    /// # Errors
    /// An I/O error.
    pub fn write(&self, directory: &Path, title: &str) -> Result<(), TrainError> {
        std::fs::create_dir_all(directory).map_err(TrainError::io(directory, "create"))?;
        let (table, csv) = (directory.join("lr.csv"), self.csv());
        let titles = csv.lines().next().unwrap_or_default();
        write_over_own(&table, csv.as_bytes(), |head| {
            head.starts_with(titles.as_bytes())
        })
        .map_err(TrainError::io(&table, "write"))?;
        Ok(self.chart(title).write(&directory.join("lr.png"))?)
    }
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
    fn an_invalid_range_is_rejected() {
        let default = RangeTest::default();
        for (test, word) in [
            (
                RangeTest {
                    from: 0.0,
                    ..default
                },
                "invalid range",
            ),
            (
                RangeTest {
                    from: 20.0,
                    ..default
                },
                "invalid range",
            ),
            (
                RangeTest {
                    to: f64::NAN,
                    ..default
                },
                "invalid range",
            ),
            (
                RangeTest {
                    steps: 3,
                    ..default
                },
                "range_test.steps",
            ),
        ] {
            let error = test.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
