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

    /// Adds a step; returns its loss, or `None` if that is read later. Skipped steps do not count for loss and
    /// accuracy.
    ///
    /// # Errors
    /// The first step with a loss that is NaN or infinite, or with gradients that are so at every loss scale.
    pub(super) fn add(&mut self, step: StepResult) -> Result<Option<f64>, StepLoss> {
        self.totals.images += step.indices.len();
        self.totals.learning_rate = step.learning_rate;
        match step.fate {
            StepFate::Made => self.pending.push(step),
            StepFate::Skipped => {
                self.totals.skipped_images += step.indices.len();
                self.totals.skipped_steps += 1;
                let loss = f64::from(step.loss.into_scalar::<f32>());
                return Ok(loss.is_finite().then_some(loss));
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
        if self.pending.len() < self.interval {
            return Ok(None);
        }
        self.read()?;
        Ok(Some(self.newest.loss))
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

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn step(number: u64, loss: f32, fate: StepFate) -> StepResult {
        let value = |value: f32| Tensor::<1>::from_data([value], &Device::flex());
        StepResult {
            loss: value(loss),
            correct: value(1.0),
            indices: vec![0, 1],
            step: number,
            learning_rate: 0.1,
            fate,
        }
    }

    #[test]
    fn a_loss_is_given_when_it_is_read_and_never_invented() {
        let mut sums = EpochSums::from_totals(Totals::default(), 3);
        let mut add = |number: u64, fate| {
            let loss = number as f32;
            sums.add(step(number, loss, fate)).unwrap()
        };
        let given = [1, 2, 3, 4].map(|number| add(number, StepFate::Made));
        assert_eq!(given, [None, None, Some(3.0), None]);
        assert_eq!(add(5, StepFate::Skipped), Some(5.0));
        let totals = sums.totals(true).unwrap();
        assert_eq!((totals.loss, totals.images), (20.0, 10));
        assert_eq!((totals.skipped_steps, totals.skipped_images), (1, 2));

        let mut sums = EpochSums::from_totals(Totals::default(), 1);
        assert!(matches!(
            sums.add(step(1, 0.5, StepFate::Skipped)),
            Ok(Some(0.5))
        ));
        let diverged = sums.add(step(2, f32::NAN, StepFate::Made)).unwrap_err();
        assert_eq!(diverged.step, 2);
    }
}
