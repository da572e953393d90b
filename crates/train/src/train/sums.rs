use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// On a GPU, reading a number waits for all that was queued, so that is done this seldom.
const GPU_STEPS: usize = 50;

/// One step's results, and what to name should its loss be no number.
pub(super) struct StepResult {
    pub(super) loss: Tensor<1>,
    pub(super) correct: Tensor<1>,
    /// The images of its batch, as places in the training split.
    pub(super) indices: Vec<usize>,
    /// From 1 over the whole run.
    pub(super) step: u64,
    pub(super) learning_rate: f64,
}

/// A step whose loss, or the weights after it, are no numbers.
#[derive(Debug, Clone)]
pub(super) struct Diverged {
    pub(super) loss: f64,
    pub(super) indices: Vec<usize>,
    pub(super) step: u64,
    pub(super) learning_rate: f64,
}

/// An epoch's losses and right answers, added up.
pub(super) struct Sums {
    on_cpu: bool,
    pending: Vec<StepResult>,
    newest: Diverged,
    totals: Totals,
}

/// What an epoch's steps came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(super) images: usize,
    pub(super) loss: f64,
    pub(super) correct: f64,
    pub(super) learning_rate: f64,
}

impl Sums {
    /// With what the epoch's steps before a pause came to.
    pub(super) fn from(totals: Totals, on_cpu: bool) -> Self {
        Self {
            on_cpu,
            pending: Vec::new(),
            newest: Diverged {
                loss: 0.0,
                indices: Vec::new(),
                step: 0,
                learning_rate: 0.0,
            },
            totals,
        }
    }

    /// Adds a step; returns its loss, on a GPU the newest that was read.
    ///
    /// # Errors
    /// The first step whose loss is no number.
    pub(super) fn add(&mut self, step: StepResult) -> Result<f64, Diverged> {
        self.totals.images += step.indices.len();
        self.totals.learning_rate = step.learning_rate;
        self.pending.push(step);
        if self.on_cpu || self.pending.len() >= GPU_STEPS {
            self.read()?;
        }
        Ok(self.newest.loss)
    }

    pub(super) fn images(&self) -> usize {
        self.totals.images
    }

    /// What the steps so far came to. `finite` says whether the weights still are numbers.
    ///
    /// # Errors
    /// The first step whose loss is no number; the last one where the weights are none.
    pub(super) fn so_far(&mut self, finite: bool) -> Result<Totals, Diverged> {
        self.read()?;
        if finite {
            Ok(self.totals)
        } else {
            Err(self.newest.clone())
        }
    }

    fn read(&mut self) -> Result<(), Diverged> {
        for step in self.pending.drain(..) {
            let loss = f64::from(step.loss.into_scalar::<f32>());
            self.totals.loss += loss * step.indices.len() as f64;
            self.totals.correct += f64::from(step.correct.into_scalar::<f32>());
            self.newest = Diverged {
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
