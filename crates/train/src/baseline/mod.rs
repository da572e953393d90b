//! Baselines for fine-tuning: classifiers on the frozen features of a pretrained network. They are computed
//! once, take seconds, and later show the gain of fine-tuning.

mod features;
mod gain;
mod linear;

pub use gain::Gain;

use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::{Answers, Evaluation, EvaluationSums};
use crate::metrics::{in_top, mean_recall};
use features::{FeatureSet, Frozen};
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
    /// For each class, the number of images classified correctly and of all images; empty in files of older versions.
    #[serde(default)]
    pub classes: Vec<[usize; 2]>,
}

impl Score {
    pub(crate) fn of(evaluation: &Evaluation) -> Self {
        let confusion = &evaluation.confusion;
        Self {
            images: evaluation.images,
            top1: evaluation.top1,
            interval: wilson(confusion.correct(), evaluation.images).unwrap_or([0.0, 1.0]),
            mean_recall: evaluation.mean_recall,
            classes: confusion.by_class(),
        }
    }

    /// Of all images of several scores, for the same classes. `None` without any score.
    fn of_all<'a>(scores: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let scores: Vec<&Self> = scores.collect();
        let images = scores.iter().map(|score| score.images).sum();
        let correct = |score: &&Self| (score.top1 * score.images as f64).round() as usize;
        let correct = scores.iter().map(correct).sum();
        let mut classes = scores.first()?.classes.clone();
        for score in &scores[1..] {
            // Unknown, if unknown for one of them.
            classes.truncate(score.classes.len());
            for (all, of) in classes.iter_mut().zip(&score.classes) {
                *all = [all[0] + of[0], all[1] + of[1]];
            }
        }
        Some(Self {
            images,
            top1: correct as f64 / images as f64,
            interval: wilson(correct, images)?,
            mean_recall: mean_recall(&classes),
            classes,
        })
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

impl SplitBaselines {
    /// The results by name.
    pub fn rows(&self) -> [(&'static str, &Score); 2] {
        baseline_rows(&self.nearest_mean, &self.head_only)
    }
}

fn baseline_rows<'a>(
    nearest_mean: &'a Score,
    head_only: &'a Score,
) -> [(&'static str, &'a Score); 2] {
    [
        ("nearest class mean", nearest_mean),
        ("head only", head_only),
    ]
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
    pub(crate) val: Option<&'a Arc<Samples>>,
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
        let frozen = Frozen {
            model,
            input: images.input,
            compute,
        };
        let train = FeatureSet::new(frozen, images.train, classes, images.seed, watch)?;
        let Some(train) = train else {
            return Ok(None);
        };
        let nearest = LinearHead::nearest_mean(&train, classes);
        let has_bias = model.linear_head().unwrap_or(true);
        // On a single thread of the pool, so that sums have the same order on every machine.
        let head = compute.alone(|| LinearHead::fit(&train, classes, has_bias, compute.device()));
        let mut splits = Vec::new();
        let val = images.val.filter(|val| !val.is_empty());
        for (split, samples) in [("test", images.test), ("val", val)] {
            let Some(samples) = samples else { continue };
            let indices: Vec<usize> = (0..samples.len()).collect();
            let [mut of_nearest, mut of_head] = [(); 2].map(|()| EvaluationSums::new(classes));
            let mut head_right = Vec::with_capacity(samples.len());
            let is_whole = frozen.each(samples, &indices, watch, &mut |features, label| {
                of_nearest.add(&nearest.unit_logits(features), label);
                let logits = head.logits(features);
                of_head.add(&logits, label);
                head_right.push(in_top(&logits, label, 1));
            })?;
            if !is_whole {
                return Ok(None);
            }
            splits.push(SplitBaselines {
                split: split.into(),
                nearest_mean: Score::of(&of_nearest.finish()),
                head_only: Score::of(&of_head.finish()),
                head_right,
            });
        }
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
