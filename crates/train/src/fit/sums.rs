//! Reading, checking and adding up an epoch's losses.

use crate::checkpoint::Totals;
use burn::tensor::Tensor;

/// One step's results, and what to name should its loss become NaN or infinite.
pub(super) struct StepResult {
    /// `[1]`
    pub(super) loss: Tensor<1>,
    /// `[1]`
    pub(super) correct: Tensor<1>,
    /// The images of its batch, as places in the training split.
    pub(super) indices: Vec<usize>,
    /// From 1 over the whole run.
    pub(super) step: u64,
    pub(super) learning_rate: f64,
}

/// A step whose loss was read.
#[derive(Debug, Clone, Default)]
pub(super) struct StepLoss {
    pub(super) loss: f64,
    pub(super) indices: Vec<usize>,
    pub(super) step: u64,
    pub(super) learning_rate: f64,
}

/// An epoch's losses and right answers, added up.
pub(super) struct Sums {
    /// Steps between two readings.
    interval: usize,
    pending: Vec<StepResult>,
    newest: StepLoss,
    totals: Totals,
}

impl Sums {
    /// Adds to what the epoch's steps before an interruption came to.
    pub(super) fn from_totals(totals: Totals, interval: usize) -> Self {
        Self {
            interval,
            pending: Vec::new(),
            newest: StepLoss::default(),
            totals,
        }
    }

    /// Adds a step; returns the newest loss that was read.
    ///
    /// # Errors
    /// The first step whose loss is NaN or infinite.
    pub(super) fn add(&mut self, step: StepResult) -> Result<f64, StepLoss> {
        self.totals.images += step.indices.len();
        self.totals.learning_rate = step.learning_rate;
        self.pending.push(step);
        if self.pending.len() >= self.interval {
            self.read()?;
        }
        Ok(self.newest.loss)
    }

    pub(super) fn images(&self) -> usize {
        self.totals.images
    }

    /// The totals so far. `finite` says whether the weights still are.
    ///
    /// # Errors
    /// The first step whose loss is NaN or infinite; the last one where a weight is.
    pub(super) fn totals(&mut self, finite: bool) -> Result<Totals, StepLoss> {
        self.read()?;
        if finite {
            Ok(self.totals)
        } else {
            Err(self.newest.clone())
        }
    }

    fn read(&mut self) -> Result<(), StepLoss> {
        for step in self.pending.drain(..) {
            let loss = f64::from(step.loss.into_scalar::<f32>());
            self.totals.loss += loss * step.indices.len() as f64;
            self.totals.correct += f64::from(step.correct.into_scalar::<f32>());
            self.newest = StepLoss {
                loss,
                indices: step.indices,
                step: step.step,
                learning_rate: step.learning_rate,
            };
            if !loss.is_finite() {
                return Err(self.newest.clone());
            }
        }
        Ok(())
    }
}
