use crate::{EpochField, Refused};
use receptive_model::store::Moment;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One training step, as it happened.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// From 1 over the whole run.
    pub step: u64,
    /// All steps of the run.
    pub steps: u64,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Images seen so far in this epoch.
    pub images: usize,
    /// The loss of this batch; on a GPU the newest that was read.
    pub loss: f64,
    /// The rate of this step.
    pub learning_rate: f64,
}

/// One epoch, as `metrics.csv` keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// The mean loss over the training batches, as they were seen (augmented, with dropout).
    pub train_loss: f64,
    /// The share of right answers over the same.
    pub train_top1: f64,
    /// The loss on the validation split, without label smoothing.
    pub val_loss: Option<f64>,
    /// The share of right answers on the validation split.
    pub val_top1: Option<f64>,
    /// The share whose class is among the five largest logits, on the validation split.
    pub val_top5: Option<f64>,
    /// The rate of the epoch's last step.
    pub learning_rate: f64,
    /// Training images per second, validation not counted.
    pub images_per_second: f64,
    /// The share of the training time spent waiting for data.
    pub data_wait: f64,
    /// Seconds since the run began, validation counted.
    pub seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
    /// The effective receptive field after this epoch, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erf: Option<EpochField>,
}

/// Where a run that was stopped goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// The checkpoint; none where there was none yet, so that the run begins again.
    pub path: Option<PathBuf>,
    /// Steps done before.
    pub step: u64,
    /// The whole epochs done before.
    pub epochs: Vec<Epoch>,
    /// Newer checkpoints that could not be used.
    pub refused: Vec<Refused>,
}

/// Told what a run is doing. Every method does nothing by default.
pub trait Observer {
    /// A run that was stopped goes on.
    fn resumes(&mut self, _from: &Resumed) {}
    /// A checkpoint that is being written passes this point.
    fn checkpoint(&mut self, _moment: Moment) {}
    /// An epoch of this many images begins; epochs count from 1.
    fn epoch_begins(&mut self, _epoch: usize, _epochs: usize, _images: usize) {}
    /// A step is done.
    fn step(&mut self, _step: &Step) {}
    /// An epoch and its validation are done.
    fn epoch_ends(&mut self, _epoch: &Epoch, _epochs: usize) {}
    /// A split is being evaluated: `done` of `total` images.
    fn evaluating(&mut self, _split: &str, _done: usize, _total: usize) {}
}

/// An observer that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Observer for Quiet {}
