//! Reading, checking and summing an epoch's losses.

use crate::checkpoint::Totals;
use crate::compute::reads::Reads;
use crate::loss_scale::StepFate;
use burn::tensor::{Tensor, TensorData};

/// The results of one step, and what to report if its loss is NaN or infinite.
pub(super) struct StepResult {
    /// `[1]`
    pub(super) loss: Tensor<1>,
    /// `[1]`
    pub(super) correct: Tensor<1>,
    /// The images of its batches, as indices into the training split.
    pub(super) indices: Vec<usize>,
    /// From 1 over the whole run.
    pub(super) step: u64,
    pub(super) learning_rate: f64,
    pub(super) fate: StepFate,
}

/// A step whose loss has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct StepLoss {
    pub(super) loss: f64,
    pub(super) indices: Vec<usize>,
    pub(super) step: u64,
    pub(super) learning_rate: f64,
    /// Whether its gradients overflowed float16 at every loss scale.
    pub(super) overflowed: bool,
}

/// Sums of an epoch's losses and correct predictions.
pub(super) struct EpochSums {
    /// Steps between two reads.
    interval: usize,
    pending: Vec<StepResult>,
    newest: StepLoss,
    totals: Totals,
}

impl EpochSums {
    /// Continues from the totals of the epoch's steps before an interruption.
    pub(super) fn from_totals(totals: Totals, interval: usize) -> Self {
        Self {
            interval,
            pending: Vec::new(),
            newest: StepLoss::default(),
            totals,
        }
    }

    /// Adds a step; returns the latest loss that was read. Skipped steps do not count for loss and accuracy.
    ///
    /// # Errors
    /// The first step with a loss that is NaN or infinite, or with gradients that are so at every loss scale.
    pub(super) fn add(&mut self, step: StepResult) -> Result<f64, StepLoss> {
        self.totals.images += step.indices.len();
        self.totals.learning_rate = step.learning_rate;
        match step.fate {
            StepFate::Made => self.pending.push(step),
            StepFate::Skipped => {
                self.totals.skipped_images += step.indices.len();
                self.totals.skipped_steps += 1;
                let loss = f64::from(step.loss.into_scalar::<f32>());
                if loss.is_finite() {
                    self.newest.loss = loss;
                }
            }
            StepFate::Hopeless => {
                return Err(StepLoss {
                    loss: f64::from(step.loss.into_scalar::<f32>()),
                    indices: step.indices,
                    step: step.step,
                    learning_rate: step.learning_rate,
                    overflowed: true,
                });
            }
        }
        if self.pending.len() >= self.interval {
            self.read()?;
        }
        Ok(self.newest.loss)
    }

    pub(super) fn images(&self) -> usize {
        self.totals.images
    }

    /// The totals so far. `finite` tells whether all weights are finite.
    ///
    /// # Errors
    /// The first step with a loss that is NaN or infinite, or the last step if a weight is.
    pub(super) fn totals(&mut self, finite: bool) -> Result<Totals, StepLoss> {
        self.read()?;
        if finite {
            Ok(self.totals)
        } else {
            Err(self.newest.clone())
        }
    }

    fn read(&mut self) -> Result<(), StepLoss> {
        let mut values = Vec::with_capacity(2 * self.pending.len());
        let mut reads = Reads::new(|data: &TensorData| values.extend(data.iter::<f32>()));
        for step in &self.pending {
            reads.add(step.loss.clone());
            reads.add(step.correct.clone());
        }
        reads.finish();
        for (step, figures) in self.pending.drain(..).zip(values.chunks(2)) {
            let [loss, correct] =
                [0, 1].map(|at| figures.get(at).map_or(f64::NAN, |v| (*v).into()));
            self.totals.loss += loss * step.indices.len() as f64;
            self.totals.correct += correct;
            self.newest = StepLoss {
                loss,
                indices: step.indices,
                step: step.step,
                learning_rate: step.learning_rate,
                overflowed: false,
            };
            if !loss.is_finite() {
                return Err(self.newest.clone());
            }
        }
        Ok(())
    }
}
