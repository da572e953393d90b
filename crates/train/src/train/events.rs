//! Lines of `log.jsonl` beside those of the epochs.

use super::{Outcome, Trained};
use crate::Resumed;
use crate::metrics::{ClassReport, report};
use serde::Serialize;

/// A step that left the numbers.
#[derive(Serialize)]
pub(super) struct DivergedEvent {
    pub(super) epoch: usize,
    pub(super) step: u64,
    pub(super) learning_rate: f64,
    pub(super) message: String,
    pub(super) files: Vec<String>,
}

/// A run that was stopped and goes on: epochs that were logged before and come again were not part
/// of the state that was saved.
#[derive(Serialize)]
pub(super) struct ResumedEvent {
    step: u64,
    epochs: usize,
    checkpoint: Option<String>,
    refused: Vec<String>,
}

impl ResumedEvent {
    pub(super) fn of(from: &Resumed) -> Self {
        Self {
            step: from.step,
            epochs: from.epochs.len(),
            checkpoint: from.path.as_ref().map(|path| path.display().to_string()),
            refused: from.refused.iter().map(|one| one.reason.clone()).collect(),
        }
    }
}

/// How a run ended.
#[derive(Serialize)]
pub(super) struct Ended<'a> {
    outcome: Outcome,
    best_epoch: usize,
    test_top1: Option<f64>,
    test_loss: Option<f64>,
    train_seconds: f64,
    images_per_second: f64,
    weights_sha256: &'a str,
    /// Precision, recall and F1 on the test split, or on the validation split where there is none.
    classes: Vec<ClassReport>,
}

impl<'a> Ended<'a> {
    pub(super) fn of(trained: &'a Trained, classes: &[String]) -> Self {
        let shown = trained.test.as_ref().or(trained.val.as_ref());
        Self {
            classes: shown.map_or(Vec::new(), |shown| report(&shown.confusion, classes)),
            outcome: trained.outcome,
            best_epoch: trained.best_epoch,
            test_top1: trained.test.as_ref().map(|test| test.top1),
            test_loss: trained.test.as_ref().map(|test| test.loss),
            train_seconds: trained.train_seconds,
            images_per_second: trained.images_per_second,
            weights_sha256: &trained.weights_sha256,
        }
    }
}
