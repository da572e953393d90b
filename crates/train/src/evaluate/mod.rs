//! Evaluating a model on a whole split.

pub(crate) mod forward;
pub(crate) mod predict;
pub(crate) mod tta;

use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::forward::logits;
use crate::evaluate::tta::Tta;
use crate::memory::{Pass, check_pass};
use crate::metrics::{Answer, Confusion, cross_entropy, in_top};
use receptive_data::{Batch, Loader, LoaderOptions, Samples};
use receptive_inspect::top;
use receptive_model::{Artifact, Classifier, InferenceDevice, InputSpec, Plan};
use serde::Serialize;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A model's results on a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// The mean cross entropy, without label smoothing or class weights.
    pub loss: f64,
    /// Top-1 accuracy, from 0 to 1.
    pub top1: f64,
    /// Top-5 accuracy, from 0 to 1; `None` with five classes or fewer, for which it is always 1.
    pub top5: Option<f64>,
    /// The mean recall over the classes that have images, from 0 to 1 (balanced accuracy). Unlike top-1 it does
    /// not depend on the number of images per class. `None` without images.
    pub mean_recall: Option<f64>,
    /// The confusion matrix: how often images of each class were predicted as each class.
    #[serde(flatten)]
    pub confusion: Confusion,
}

/// With this many classes or fewer, top-5 is always 1.
const TOP5_CLASSES: usize = 5;

/// Results of an evaluation in progress, in the order of the images.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// The split's name.
    pub split: &'a str,
    /// Number of images evaluated so far, including these.
    pub done: usize,
    /// Number of images of the split.
    pub total: usize,
    /// The outputs since the last call.
    pub answers: &'a [Answer<'a>],
}

/// Maximum number of images that a thread takes at a time.
const MAX_IMAGES: usize = 64;
/// Maximum number of image values that a thread takes at a time: 16 MiB, or 27 photos of 224x224.
const MAX_VALUES: usize = 4 << 20;
/// Batches per thread that are loaded before they are computed.
const BATCHES_PER_THREAD: usize = 2;

/// Number of images that a thread takes at a time, with this many values each.
fn batch_size(values: usize) -> usize {
    (MAX_VALUES / values.max(1)).clamp(1, MAX_IMAGES)
}

/// Rejects a network that is too large to be evaluated on this many images on this machine, before any
/// computation.
///
/// # Errors
/// As [`check_pass`].
pub fn check_evaluation(plan: &Plan, images: usize, compute: &Compute) -> Result<(), TrainError> {
    let at_a_time = compute
        .threads()
        .saturating_mul(batch_size(plan.input().len()));
    check_pass(
        plan,
        Pass::Forward,
        at_a_time.min(images),
        compute.device(),
        "the network's evaluation",
        "use fewer machine.threads, or a network with a smaller input",
    )
}

/// Evaluates `model` (on a device without autodiff) on the images of `samples`, in order and without
/// augmentation. Sums follow the images' order, so results do not depend on the number of threads. `watch`
/// receives all outputs, a few batches at a time, and may end the evaluation early; the result then covers the
/// images so far. [`unwatched`] never ends it.
///
/// # Errors
/// An image cannot be read.
pub fn evaluate(
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    compute: &Compute,
    watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
) -> Result<Evaluation, TrainError> {
    let networks = compute.on_each(model, |model, device| model.prepare(device));
    let output = |_: &Classifier, batch: &Batch, device: &InferenceDevice| {
        logits(networks.get(device), batch, device)
    };
    evaluate_by(&output, model, input, samples, compute, watch)
}

/// Like [`evaluate`], with test-time augmentation: the outputs are the logarithms of the model's calibrated
/// probabilities, averaged over several views per image, so the loss is that of calibrated probabilities.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_views(
    artifact: &Artifact,
    tta: Tta,
    samples: &Arc<Samples>,
    compute: &Compute,
    watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
) -> Result<Evaluation, TrainError> {
    let networks = compute.on_each(&artifact.model, |model, device| model.prepare(device));
    let output = |_: &Classifier, batch: &Batch, device: &InferenceDevice| {
        let network = networks.get(device);
        tta.log_probabilities(network, artifact.temperature, batch, device)
    };
    let Artifact { model, input, .. } = artifact;
    evaluate_by(&output, model, input, samples, compute, watch)
}

/// Computes an equal number of values for each image of a batch.
type Output<'a> = &'a (dyn Fn(&Classifier, &Batch, &InferenceDevice) -> Vec<f32> + Sync);

fn evaluate_by(
    output: Output<'_>,
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    compute: &Compute,
    watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
) -> Result<Evaluation, TrainError> {
    let mut sums = EvaluationSums::new(model.classes());
    let all: Vec<usize> = (0..samples.len()).collect();
    in_order(model, input, samples, &all, compute, output, &mut |part| {
        for answer in part.answers {
            sums.add(answer.logits, answer.label);
        }
        watch(part)
    })?;
    Ok(sums.finish())
}

/// Computes `of` for each image of `indices` (on a device without autodiff), in order and without augmentation.
/// The results do not depend on the number of threads; they are passed to `take` a few batches at a time, as
/// the `logits` of [`Answers`]. `take` may end it early.
pub(crate) fn in_order(
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    indices: &[usize],
    compute: &Compute,
    of: Output<'_>,
    take: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
) -> Result<(), TrainError> {
    let total = indices.len();
    let values = input.channels * input.height * input.width;
    let options = LoaderOptions {
        batch_size: batch_size(values),
        workers: compute.threads(),
        mean: input.mean.clone(),
        std: input.std.clone(),
        bytes: !compute.is_cpu(),
        ..LoaderOptions::default()
    };
    // The ranks take batches in turn.
    let batches: Vec<&[usize]> = indices.chunks(options.batch_size).collect();
    let (rank, ranks) = compute
        .ranks()
        .map_or((0, 1), |ranks| (ranks.rank(), ranks.size()));
    let own = batches.iter().skip(rank).step_by(ranks);
    let own = own.flat_map(|batch| batch.iter().copied()).collect();
    let mut loader = Loader::new(Arc::clone(samples), own, options);
    let mut done = 0;
    for batches in batches.chunks(BATCHES_PER_THREAD * compute.max_threads() * ranks) {
        let own = batches.iter().skip(rank).step_by(ranks).count();
        let loaded = loader.by_ref().take(own).collect::<Result<Vec<_>, _>>();
        let outputs = loaded.map_err(TrainError::from).and_then(|batches| {
            compute
                .map(
                    batches.len(),
                    |device| (compute.moved(model, device), device.clone()),
                    |(model, device), i| of(model, &batches[i], device),
                )
                .map_err(|reason| TrainError::Worker { step: 0, reason })
        });
        let outputs = match compute.ranks() {
            Some(ranks) => ranks.deal_back(batches, outputs)?,
            None => outputs?,
        };
        let mut answers = Vec::new();
        for (indices, output) in batches.iter().zip(&outputs) {
            let width = output.len() / indices.len().max(1);
            for (logits, index) in output.chunks(width.max(1)).zip(*indices) {
                answers.push(Answer {
                    index: *index,
                    label: samples.label(*index),
                    logits,
                });
            }
        }
        done += answers.len();
        let answers = Answers {
            split: samples.split().name(),
            done,
            total,
            answers: &answers,
        };
        if take(&answers).is_break() {
            break;
        }
    }
    Ok(())
}

/// A `watch` for [`evaluate`] that ignores progress.
pub fn unwatched(_: &Answers<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The sums behind an [`Evaluation`].
pub(crate) struct EvaluationSums {
    images: usize,
    loss: f64,
    top5: usize,
    confusion: Confusion,
}

impl EvaluationSums {
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            images: 0,
            loss: 0.0,
            top5: 0,
            confusion: Confusion::new(classes),
        }
    }

    pub(crate) fn add(&mut self, logits: &[f32], label: usize) {
        self.images += 1;
        self.loss += cross_entropy(logits, label);
        self.top5 += usize::from(in_top(logits, label, TOP5_CLASSES));
        if let Some(predicted) = top(logits, 1).first() {
            self.confusion.add(label, *predicted);
        }
    }

    pub(crate) fn finish(self) -> Evaluation {
        let images = self.images.max(1) as f64;
        Evaluation {
            images: self.images,
            loss: self.loss / images,
            top1: self.confusion.correct() as f64 / images,
            top5: (self.confusion.classes() > TOP5_CLASSES).then(|| self.top5 as f64 / images),
            mean_recall: self.confusion.mean_recall(),
            confusion: self.confusion,
        }
    }
}
