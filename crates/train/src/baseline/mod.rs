//! Baselines for fine-tuning: classifiers on the frozen features of a pretrained network. They are computed
//! once, take seconds, and later show the gain of fine-tuning.

mod features;
mod gain;
mod linear;

pub use gain::Gain;

use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::{Answers, Evaluation, EvaluationSums};
use crate::metrics::in_top;
use features::FeatureSet;
use linear::LinearHead;
use receptive_core::proportion::wilson;
use receptive_data::Samples;
use receptive_model::{Classifier, InputSpec, ModelError};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// A classifier's accuracy on a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Number of images.
    pub images: usize,
    /// Top-1 accuracy, from 0 to 1.
    pub top1: f64,
    /// The 95 % confidence interval of the top-1 accuracy (Wilson).
    pub interval: [f64; 2],
    /// The mean recall over the classes, from 0 to 1.
    pub mean_recall: Option<f64>,
}

impl Score {
    pub(crate) fn of(evaluation: &Evaluation) -> Self {
        let correct = evaluation.confusion.correct();
        Self {
            images: evaluation.images,
            top1: evaluation.top1,
            interval: wilson(correct, evaluation.images).unwrap_or([0.0, 1.0]),
            mean_recall: evaluation.mean_recall,
        }
    }
}

/// Classifiers on the frozen features of the pretrained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The time for the features and both classifiers, in seconds.
    pub seconds: f64,
    /// One per split with images, of test and validation.
    pub splits: Vec<SplitBaselines>,
}

/// The results on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitBaselines {
    /// `test` or `val`.
    pub split: String,
    /// The nearest class mean.
    pub nearest_mean: Score,
    /// A linear head fitted to the training images' features.
    pub head_only: Score,
    /// For each image, whether the head classifies it correctly.
    pub head_right: Vec<bool>,
}

/// The baselines, with the fitted head.
#[derive(Debug)]
pub(crate) struct FrozenResult {
    pub(crate) baselines: Baselines,
    head: LinearHead,
}

/// The images of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrozenImages<'a> {
    pub(crate) input: &'a InputSpec,
    pub(crate) train: &'a Arc<Samples>,
    /// May be empty.
    pub(crate) val: &'a Arc<Samples>,
    pub(crate) test: Option<&'a Arc<Samples>>,
    pub(crate) classes: usize,
    /// Selects images if there are too many.
    pub(crate) seed: u64,
}

impl FrozenResult {
    /// Computes the features of all splits by `model` (on a device without autodiff) and fits both classifiers.
    /// `None` if `watch` ended it early.
    pub(crate) fn new(
        images: FrozenImages<'_>,
        model: &Classifier,
        compute: &Compute,
        watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>, TrainError> {
        let began = Instant::now();
        let classes = images.classes;
        let mut features = |samples: &Arc<Samples>| {
            FeatureSet::new(model, images.input, samples, images.seed, compute, watch)
        };
        let Some(train) = features(images.train)? else {
            return Ok(None);
        };
        let mut held_out = Vec::new();
        let val = (!images.val.is_empty()).then_some(images.val);
        for (name, samples) in [("test", images.test), ("val", val)] {
            let Some(samples) = samples else { continue };
            let Some(set) = features(samples)? else {
                return Ok(None);
            };
            held_out.push((name, set));
        }
        let nearest = LinearHead::nearest_mean(&train, classes);
        let has_bias = model.linear_head().unwrap_or(true);
        // On a single thread of the pool, so that sums have the same order on every machine.
        let head = compute.alone(|| LinearHead::fit(&train, classes, has_bias, compute.device()));
        let splits = held_out
            .iter()
            .map(|(split, set)| {
                let (nearest_mean, _) = score(set, classes, |row| nearest.unit_logits(row));
                let (head_only, head_right) = score(set, classes, |row| head.logits(row));
                SplitBaselines {
                    split: (*split).into(),
                    nearest_mean,
                    head_only,
                    head_right,
                }
            })
            .collect();
        Ok(Some(Self {
            baselines: Baselines {
                seconds: began.elapsed().as_secs_f64(),
                splits,
            },
            head,
        }))
    }

    /// The model with its head replaced by the fitted one.
    pub(crate) fn into_head(self, model: Classifier) -> Result<Classifier, ModelError> {
        let LinearHead { weight, bias } = self.head;
        model.with_linear_head(weight, bias)
    }
}

/// A classifier's score on these features, and the images it classifies correctly.
fn score(
    set: &FeatureSet,
    classes: usize,
    logits: impl Fn(&[f32]) -> Vec<f32>,
) -> (Score, Vec<bool>) {
    let mut sums = EvaluationSums::new(classes);
    let mut right = Vec::with_capacity(set.len());
    for (row, label) in set.rows().zip(&set.labels) {
        let logits = logits(row);
        sums.add(&logits, *label);
        right.push(in_top(&logits, *label, 1));
    }
    (Score::of(&sums.finish()), right)
}
