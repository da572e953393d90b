//! `summary.json`: the results of a series, per run and combined.

use super::gain::MeanGain;
use super::plan::SeriesKind;
use super::student::Spread;
use crate::baseline::Gain;
use crate::evaluate::Evaluation;
use crate::metrics::Confusion;
use crate::records::TrainResult;
use serde::{Deserialize, Serialize};

/// The metrics of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Number of images.
    pub images: usize,
    /// Top-1 accuracy, from 0 to 1.
    pub top1: f64,
    /// The mean recall over the classes, from 0 to 1.
    pub mean_recall: Option<f64>,
    /// The mean cross entropy.
    pub loss: f64,
}

impl From<&Evaluation> for RunFigures {
    fn from(evaluation: &Evaluation) -> Self {
        Self {
            images: evaluation.images,
            top1: evaluation.top1,
            mean_recall: evaluation.mean_recall,
            loss: evaluation.loss,
        }
    }
}

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its directory within the series.
    pub name: String,
    /// Why it has no result; `None` if it has one.
    pub failed: Option<String>,
    /// Completed epochs.
    pub epochs: usize,
    /// The epoch whose model is kept, from 1.
    pub best_epoch: usize,
    /// Seconds from its first step to its last, including validation.
    pub train_seconds: f64,
    /// The hash of the kept weights.
    pub weights_sha256: String,
    /// On the test split, which in a cross-validation is the tested fold.
    pub test: Option<RunFigures>,
    /// On the validation split.
    pub val: Option<RunFigures>,
    /// For fine-tuning: the gain over the frozen features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// In a cross-validation: `[true class, predicted class, count]` for the tested fold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion_counts: Vec<[usize; 3]>,
}

impl RunSummary {
    pub(super) fn done(name: &str, kind: SeriesKind, result: &TrainResult) -> Self {
        let confusion = match kind {
            SeriesKind::Folds { .. } => result.test.as_ref().map(|test| &test.confusion),
            SeriesKind::Seeds { .. } => None,
        };
        let counts = confusion.into_iter().flat_map(Confusion::entries);
        Self {
            name: name.into(),
            failed: None,
            epochs: result.epochs.len(),
            best_epoch: result.best_epoch,
            train_seconds: result.train_seconds,
            weights_sha256: result.weights_sha256.clone(),
            test: result.test.as_ref().map(RunFigures::from),
            val: result.val.as_ref().map(RunFigures::from),
            gain: result.gain.clone(),
            confusion_counts: counts
                .map(|(label, of, count)| [label, of, count])
                .collect(),
        }
    }

    pub(super) fn failed(name: &str, reason: String) -> Self {
        Self {
            name: name.into(),
            failed: Some(reason),
            epochs: 0,
            best_epoch: 0,
            train_seconds: 0.0,
            weights_sha256: String::new(),
            test: None,
            val: None,
            gain: None,
            confusion_counts: Vec::new(),
        }
    }
}

/// Means over the runs of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesMeans {
    /// The evaluated split: `test`, or `val` if any run has no test split.
    pub split: String,
    /// Top-1 accuracy, from 0 to 1.
    pub top1: Spread,
    /// The mean recall over the classes, from 0 to 1.
    pub mean_recall: Option<Spread>,
    /// The mean cross entropy.
    pub loss: Spread,
    /// For fine-tuning with several seeds: the gain over the frozen features. A cross-validation has
    /// [`OutOfFold::gain`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<MeanGain>,
}

/// The predictions of a cross-validation combined, each by the model that was not trained on the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutOfFold {
    /// Number of images.
    pub images: usize,
    /// Top-1 accuracy, from 0 to 1.
    pub top1: f64,
    /// The mean recall over the classes, from 0 to 1.
    pub mean_recall: Option<f64>,
    /// For fine-tuning: the gain over the frozen features, whose classifiers were fitted without the image too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// `[true class, predicted class, count]`.
    pub confusion_counts: Vec<[usize; 3]>,
}

impl OutOfFold {
    /// The confusion matrix.
    pub fn confusion(&self, classes: usize) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for [label, predicted, count] in &self.confusion_counts {
            confusion.add_many(*label, *predicted, *count);
        }
        confusion
    }
}

/// The results of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesSummary {
    /// What differs between its runs.
    #[serde(flatten)]
    pub kind: SeriesKind,
    /// The data set.
    pub data: String,
    /// The class names, once a run has started.
    pub classes: Vec<String>,
    /// The number of runs that are not finished.
    pub remaining: usize,
    /// The finished runs, in order.
    pub runs: Vec<RunSummary>,
    /// Means over the runs with a result; `None` if there are none.
    pub means: Option<SeriesMeans>,
    /// For a cross-validation with all folds finished.
    pub out_of_fold: Option<OutOfFold>,
}

impl SeriesSummary {
    pub(super) fn new(kind: SeriesKind, data: String, total: usize) -> Self {
        Self {
            kind,
            data,
            classes: Vec::new(),
            remaining: total,
            runs: Vec::new(),
            means: None,
            out_of_fold: None,
        }
    }

    pub(super) fn add(&mut self, run: RunSummary) {
        self.runs.push(run);
        self.remaining = self.remaining.saturating_sub(1);
        self.means = self.means_now();
        self.out_of_fold = match self.kind {
            SeriesKind::Folds { .. } if self.remaining == 0 => self.joined(),
            _ => None,
        };
    }

    /// The runs with a result.
    pub fn with_result(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().filter(|run| run.failed.is_none())
    }

    fn means_now(&self) -> Option<SeriesMeans> {
        let has_test = self.with_result().all(|run| run.test.is_some());
        let figures: Vec<RunFigures> = self
            .with_result()
            .filter_map(|run| if has_test { run.test } else { run.val })
            .collect();
        let spread = |figure: fn(&RunFigures) -> f64, most: f64| {
            let values: Vec<f64> = figures.iter().map(figure).collect();
            Some(Spread::of(&values)?.within(0.0, most))
        };
        let recalls: Vec<f64> = figures.iter().filter_map(|one| one.mean_recall).collect();
        let split = if has_test { "test" } else { "val" };
        Some(SeriesMeans {
            split: split.into(),
            top1: spread(|one| one.top1, 1.0)?,
            mean_recall: Spread::of(&recalls).map(|recall| recall.within(0.0, 1.0)),
            loss: spread(|one| one.loss, f64::MAX)?,
            gain: match self.kind {
                SeriesKind::Seeds { .. } => self.mean_gain(split),
                SeriesKind::Folds { .. } => None,
            },
        })
    }

    /// `None` unless every run was compared with its frozen features on this split.
    fn mean_gain(&self, split: &str) -> Option<MeanGain> {
        let of_split = |gain: &&Gain| gain.split == split;
        let gains = self
            .with_result()
            .map(|run| run.gain.as_ref().filter(of_split));
        MeanGain::of(&gains.collect::<Option<Vec<&Gain>>>()?)
    }

    fn joined(&self) -> Option<OutOfFold> {
        if self.runs.iter().any(|run| run.test.is_none()) {
            return None;
        }
        let mut confusion = Confusion::new(self.classes.len());
        for [label, predicted, count] in self.runs.iter().flat_map(|run| &run.confusion_counts) {
            confusion.add_many(*label, *predicted, *count);
        }
        let images = confusion.total();
        let counts = confusion.entries();
        let gains: Option<Vec<&Gain>> = self.runs.iter().map(|run| run.gain.as_ref()).collect();
        Some(OutOfFold {
            gain: gains.and_then(|gains| Gain::of_all(&gains)),
            images,
            top1: confusion.correct() as f64 / images.max(1) as f64,
            mean_recall: confusion.mean_recall(),
            confusion_counts: counts
                .map(|(label, of, count)| [label, of, count])
                .collect(),
        })
    }
}
