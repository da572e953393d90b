//! A model's answers on a whole split.

use crate::metrics::{Confusion, cross_entropy, in_top};
use crate::{Observer, Stop, TrainError, Workers};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::{Batch, Loader, LoaderOptions, Samples};
use receptive_inspect::top;
use receptive_model::{Classifier, InputSpec};
use serde::Serialize;
use std::sync::Arc;

/// How a model did on a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many images there were.
    pub images: usize,
    /// The mean cross entropy, without label smoothing or class weights.
    pub loss: f64,
    /// The share whose class got the largest logit.
    pub top1: f64,
    /// The share whose class is among the five largest logits.
    pub top5: f64,
    /// `[true class][predicted class]`.
    pub confusion: Confusion,
}

/// The most images a thread takes at a time.
const MOST_IMAGES: usize = 64;
/// The most values of images a thread takes at a time: 16 MiB, or 27 photos of 224x224.
const MOST_VALUES: usize = 4 << 20;
/// Batches a thread that are loaded before all threads start on them.
const BATCHES_PER_THREAD: usize = 2;

/// Evaluates `model` (without autodiff) on every image of `samples`, in order and unchanged. Sums
/// are taken in the images' order: the same numbers on any number of threads.
///
/// # Errors
/// When an image can't be read.
pub fn evaluate(
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    workers: &Workers,
    device: &Device, // without autodiff
    observer: &mut dyn Observer,
) -> Result<Evaluation, TrainError> {
    evaluate_each(
        model,
        input,
        samples,
        workers,
        device,
        observer,
        &mut |_| (),
    )
}

/// What a model said of one image.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The image's place in its split.
    pub index: usize,
    /// Its class.
    pub label: usize,
    /// One for each class.
    pub logits: &'a [f32],
}

/// The same as [`evaluate`]; `each` is told every answer, in the images' order.
///
/// # Errors
/// When an image can't be read.
pub fn evaluate_each(
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    workers: &Workers,
    device: &Device, // without autodiff
    observer: &mut dyn Observer,
    each: &mut dyn FnMut(Answer<'_>),
) -> Result<Evaluation, TrainError> {
    let mut pass = Pass::begin(model, input, samples, workers, device);
    while !pass.is_over() {
        pass.go_on(observer, each)?;
    }
    Ok(pass.sums.finish())
}

/// The same; `None` where a stop was asked for before all images were seen.
pub(crate) fn evaluate_until(
    model: &Classifier,
    input: &InputSpec,
    samples: &Arc<Samples>,
    workers: &Workers,
    device: &Device, // without autodiff
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<Option<Evaluation>, TrainError> {
    let mut pass = Pass::begin(model, input, samples, workers, device);
    while !pass.is_over() {
        if stop.requested().is_some() {
            return Ok(None);
        }
        pass.go_on(observer, &mut |_| ())?;
    }
    Ok(Some(pass.sums.finish()))
}

/// A split on its way through a model.
struct Pass<'a> {
    model: &'a Classifier,
    workers: &'a Workers,
    device: &'a Device,
    loader: Loader,
    name: String,
    total: usize,
    sums: Sums,
}

impl<'a> Pass<'a> {
    fn begin(
        model: &'a Classifier,
        input: &InputSpec,
        samples: &Arc<Samples>,
        workers: &'a Workers,
        device: &'a Device,
    ) -> Self {
        let total = samples.len();
        let values = input.channels * input.height * input.width;
        let options = LoaderOptions {
            batch_size: (MOST_VALUES / values.max(1)).clamp(1, MOST_IMAGES),
            workers: workers.len(),
            mean: input.mean.clone(),
            std: input.std.clone(),
            ..LoaderOptions::default()
        };
        Self {
            model,
            workers,
            device,
            loader: Loader::new(Arc::clone(samples), (0..total).collect(), options),
            name: samples.split().name().to_string(),
            total,
            sums: Sums::new(model.classes()),
        }
    }

    fn is_over(&self) -> bool {
        self.loader.len() == 0
    }

    /// Takes the next batches, a few for each thread.
    fn go_on(
        &mut self,
        observer: &mut dyn Observer,
        each: &mut dyn FnMut(Answer<'_>),
    ) -> Result<(), TrainError> {
        let (model, device) = (self.model, self.device);
        let batches = self
            .loader
            .by_ref()
            .take(BATCHES_PER_THREAD * self.workers.len())
            .collect::<Result<Vec<_>, _>>()?;
        let answers = self
            .workers
            .map(
                batches.len(),
                || model.clone(),
                |model, i| logits(model, &batches[i], device),
            )
            .map_err(|reason| TrainError::Worker { step: 0, reason })?;
        for (batch, answers) in batches.iter().zip(answers) {
            let images = batch.indices.iter().zip(&batch.labels);
            for (logits, (index, label)) in answers.chunks(model.classes()).zip(images) {
                let (index, label) = (*index, *label);
                self.sums.add(logits, label);
                each(Answer {
                    index,
                    label,
                    logits,
                });
            }
        }
        observer.evaluating(&self.name, self.sums.images, self.total);
        Ok(())
    }
}

/// The logits of a batch, image by image.
pub(crate) fn logits(model: &Classifier, batch: &Batch, device: &Device) -> Vec<f32> {
    let data = TensorData::new(batch.images.to_vec(), batch.shape);
    let logits = model.forward(Tensor::<4>::from_data(data, device));
    logits.into_data().iter::<f32>().collect()
}

struct Sums {
    images: usize,
    loss: f64,
    top5: usize,
    confusion: Confusion,
}

impl Sums {
    fn new(classes: usize) -> Self {
        Self {
            images: 0,
            loss: 0.0,
            top5: 0,
            confusion: Confusion::new(classes),
        }
    }

    fn add(&mut self, logits: &[f32], label: usize) {
        self.images += 1;
        self.loss += cross_entropy(logits, label);
        self.top5 += usize::from(in_top(logits, label, 5));
        if let Some(predicted) = top(logits, 1).first() {
            self.confusion.add(label, *predicted);
        }
    }

    fn finish(self) -> Evaluation {
        let images = self.images.max(1) as f64;
        Evaluation {
            images: self.images,
            loss: self.loss / images,
            top1: self.confusion.correct() as f64 / images,
            top5: self.top5 as f64 / images,
            confusion: self.confusion,
        }
    }
}
