//! A model under training, with its optimizer and loss.

use super::clip::{SumPlace, clip_global_norm, clip_values, global_norm, multiply};
use super::loss::Loss;
use super::step::{Gradients, Sharding, gradients};
use crate::averaged::{AveragedOver, WeightAverage};
use crate::checkpoint::{Checkpoint, Contents, Totals};
use crate::compute::Compute;
use crate::config::{ClassWeights, Sampling, TrainConfig, WeightRule};
use crate::error::TrainError;
use crate::loss_scale::{LossScale, StepFate};
use crate::optimizer::RunOptimizer;
use crate::prepare::RunSetup;
use crate::ranks::part;
use burn::module::ParamGroup;
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use receptive_core::text::counted;
use receptive_data::{Batch, BatchRows, Draws, Loader, LoaderOptions, balanced_order, order};
use receptive_model::{Classifier, DropoutKey};
use std::sync::Arc;

/// A model under training, with its optimizer and loss.
#[expect(missing_debug_implementations, reason = "burn's optimizer has none")]
pub struct Learner<'a> {
    pub(crate) model: Classifier,
    pub(super) optimizer: RunOptimizer,
    /// The weights that are validated and kept instead of the trained ones, if the config averages.
    pub(super) averaged: Option<WeightAverage>,
    /// Completed steps.
    steps: u64,
    loss: Loss,
    config: &'a TrainConfig,
    compute: &'a Compute,
    pub(super) sharding: Sharding,
    /// The loss scale; only for float16.
    pub(super) loss_scale: Option<LossScale>,
    /// The learning rate of each layer, relative to the step's; empty if all are 1.
    rates: Vec<f64>,
}

impl<'a> Learner<'a> {
    /// Trains `model`, which must be on an autodiff device, as configured. `class_weights` has one number per
    /// class.
    pub fn new(
        model: Classifier,
        config: &'a TrainConfig,
        class_weights: Option<Vec<f32>>,
        compute: &'a Compute,
    ) -> Self {
        let device = compute.device().autodiff();
        Self {
            optimizer: RunOptimizer::new(config, &model),
            averaged: config.ema.as_ref().map(|_| WeightAverage::moving(&model)),
            model,
            steps: 0,
            loss: Loss::new(config.label_smoothing, class_weights, &device),
            config,
            compute,
            sharding: Sharding {
                size: config.shard_size(compute.hardware()),
                exact: config.exact_convolutions,
                precision: config.precision,
                checkpointing: config.checkpointing,
                scale: 1.0,
            },
            loss_scale: LossScale::new(config),
            rates: Vec::new(),
        }
    }

    /// The initial model of the run: random by its seed, or the pretrained one. If a resumed run's pretrained
    /// model no longer exists, a model into which a checkpoint's tensors can be loaded.
    ///
    /// # Errors
    /// The pretrained model cannot be read, the class weights do not match the classes, or the device does not
    /// support the precision.
    pub fn from_setup(setup: &'a RunSetup, compute: &'a Compute) -> Result<Self, TrainError> {
        let config = &setup.config.train;
        for device in compute.devices() {
            config.check_precision(device)?;
        }
        let device = compute.device().autodiff();
        let random = || setup.plan.init_seeded(config.seed, &device);
        let model = match (&setup.config.start, &setup.start) {
            (Some(start), Some(_)) => {
                let classes = &setup.data.classes;
                start
                    .load(&setup.plan, classes, config.seed, &device)?
                    .model
            }
            // The pretrained model no longer exists: these tensors are replaced by those of a checkpoint.
            (Some(start), None) => start.freeze(random())?,
            (None, _) => random(),
        };
        let class_weights = class_weights(setup)?;
        let mut learner = Self::new(model, config, class_weights, compute);
        if let Some(start) = &setup.config.start {
            let layers = setup.plan.layers.iter();
            let has_weights: Vec<bool> = layers.map(|layer| layer.params > 0).collect();
            learner.rates = start.rates(&has_weights);
        }
        Ok(learner)
    }

    /// Replaces the weights before the first step; their number and shapes may differ, too.
    pub(crate) fn with_model(self, model: Classifier) -> Self {
        let ema = self.config.ema.as_ref();
        Self {
            optimizer: RunOptimizer::new(self.config, &model),
            averaged: ema.map(|_| WeightAverage::moving(&model)),
            model,
            ..self
        }
    }

    /// Continues from a checkpoint. Averages that were enabled since then start at its weights.
    pub(super) fn at(self, checkpoint: &mut Checkpoint) -> Self {
        let Checkpoint {
            model,
            optimizer,
            state,
            ..
        } = checkpoint;
        let config = self.config;
        let averaged = checkpoint.averaged.take().filter(|averaged| {
            let (before, epochs) = (state.at.epochs_done, config.epochs);
            match (averaged.over, &config.average) {
                (AveragedOver::Steps, _) => config.ema.is_some(),
                // With more epochs, the last ones to average are others.
                (AveragedOver::Epochs(_), Some(mean)) => mean.includes(before, epochs),
                (AveragedOver::Epochs(_), None) => false,
            }
        });
        let moving = || config.ema.as_ref().map(|_| WeightAverage::moving(model));
        Self {
            averaged: averaged.or_else(moving),
            model: model.clone(),
            optimizer: optimizer.clone(),
            steps: state.at.step,
            // A run resumed in float16 for the first time starts with the initial scale.
            loss_scale: self.loss_scale.map(|new| state.loss_scale.unwrap_or(new)),
            ..self
        }
    }

    /// The contents of a checkpoint.
    pub(super) fn contents(&self) -> Contents<'_> {
        Contents {
            model: &self.model,
            optimizer: &self.optimizer.burn,
            averaged: self.averaged.as_ref().map(|averaged| &averaged.model),
        }
    }

    /// The gradients of a batch's loss; `step` counts from 0 over the whole run.
    ///
    /// # Errors
    /// A thread panics, which is a bug.
    pub fn gradients(&self, batch: &Batch, step: u64) -> Result<Gradients, TrainError> {
        self.gradients_of(std::slice::from_ref(batch), step)
    }

    /// The gradients of the mean loss over several batches, as for one batch of all their images.
    ///
    /// # Errors
    /// A thread panics, which is a bug.
    pub fn gradients_of(&self, batches: &[Batch], step: u64) -> Result<Gradients, TrainError> {
        let key = DropoutKey {
            seed: self.config.seed,
            step,
            first_row: 0,
        };
        let scale = self.loss_scale.map(LossScale::factor);
        let sharding = Sharding {
            scale: scale.unwrap_or(1.0),
            ..self.sharding
        };
        let (model, compute) = (&self.model, self.compute);
        let mut sum = gradients(model, batches, &self.loss, sharding, key, compute)?;
        if let Some(scale) = scale {
            compute.alone(|| {
                multiply(model, &mut sum.gradients, scale.recip());
                sum.norm = Some(global_norm(model, &sum.gradients, SumPlace::of(compute)));
            });
        }
        Ok(sum)
    }

    /// What [`update`](Self::update) does with these gradients.
    pub(super) fn fate(&self, gradients: &Gradients) -> StepFate {
        let scale = self.loss_scale;
        scale.map_or(StepFate::Made, |scale| scale.fate(gradients.is_finite()))
    }

    /// A note on the skipped steps of an epoch; `None` if there were none.
    pub(super) fn skipped(&self, epoch: usize, totals: &Totals) -> Option<String> {
        let scale = self.loss_scale.filter(|_| totals.skipped_steps > 0)?;
        Some(format!(
            "epoch {epoch}: skipped {} whose gradients overflowed float16; the loss is now scaled \
             by {} ({} skipped so far)",
            counted(totals.skipped_steps, "step"),
            scale.factor(),
            scale.skipped
        ))
    }

    /// Updates the weights, the running statistics and the moving average. A step whose gradients are not
    /// finite ([`Gradients::is_finite`]) is skipped: only the loss scale changes.
    pub fn update(mut self, mut sum: Gradients, rate: impl Into<StepRate>) -> Self {
        let rate: StepRate = rate.into();
        self.steps += 1;
        self.loss_scale = self.loss_scale.map(|scale| scale.after(sum.is_finite()));
        if !sum.is_finite() {
            return self;
        }
        let rates = rates(&self.model, &self.rates, rate.learning_rate);
        let (config, model, optimizer) = (self.config, self.model, &mut self.optimizer);
        let (steps, averaged) = (self.steps, self.averaged.take());
        let place = SumPlace::of(self.compute);
        // On a single thread of the pool, so that sums have the same order on every machine.
        (self.model, self.averaged) = self.compute.alone(|| {
            if let Some(max) = config.clip_norm {
                let norm = sum.norm;
                let norm = norm.unwrap_or_else(|| global_norm(&model, &sum.gradients, place));
                clip_global_norm(&model, &mut sum.gradients, norm, max);
            }
            if let Some(max) = config.clip_value {
                clip_values(&model, &mut sum.gradients, max);
            }
            let model = optimizer.step(rates, rate.momentum, model, sum.gradients);
            let model = model.merge_statistics(&[(1.0, sum.statistics)]);
            let averaged = match (averaged, &config.ema) {
                (Some(ema), Some(config)) => Some(ema.after_step(&model, config, steps)),
                (mean, _) => mean,
            };
            (model, averaged)
        });
        self
    }
}

/// The step size of an update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRate {
    /// The learning rate of the head, and of all layers without a relative rate.
    pub learning_rate: f64,
    /// Replaces the optimizer's momentum, or the first beta of AdamW and Lion.
    pub momentum: Option<f64>,
}

impl From<f64> for StepRate {
    fn from(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: None,
        }
    }
}

/// The learning rate of each parameter; `shares` has the relative rate of each layer.
fn rates(model: &Classifier, shares: &[f64], rate: f64) -> ModuleLearningRate {
    if shares.iter().all(|share| *share == 1.0) {
        return rate.into();
    }
    let groups = model.parameter_groups().into_iter().zip(shares);
    groups
        .filter(|(_, share)| **share != 1.0)
        .fold(ModuleLrScheduler::new(rate), |scheduler, (ids, share)| {
            scheduler.with_group(ParamGroup::from_ids(ids), rate * share)
        })
        .step()
}

/// The epoch's batches after its first `done` steps, as bytes for a GPU. Order and augmentation are pure functions of
/// seed, epoch and image; epochs count from 1.
pub fn epoch_loader(setup: &RunSetup, epoch: u64, done: u64, compute: &Compute) -> Loader {
    part_loader(setup, epoch, done, compute, None)
}

/// Like [`epoch_loader`]; with several processes, each reads only the images of its own shards.
pub(super) fn training_loader(
    setup: &RunSetup,
    epoch: u64,
    done: u64,
    compute: &Compute,
) -> Loader {
    let ranks = compute.ranks().map(|ranks| (ranks.rank(), ranks.size()));
    let size = setup.config.train.shard_size(compute.hardware());
    part_loader(setup, epoch, done, compute, ranks.map(|of| (of, size)))
}

/// The rows of each batch that a rank computes, in a part of an epoch with `images` images. `(rank, ranks)` are
/// the rank's number and their total; `size` is the shard size.
fn rows_of(
    images: usize,
    config: &TrainConfig,
    (rank, ranks): (usize, usize),
    size: usize,
) -> BatchRows {
    let (batch_size, accumulate) = (config.batch_size, config.accumulate);
    BatchRows::new(move |batch| {
        let rows_in = |batch: usize| images.saturating_sub(batch * batch_size).min(batch_size);
        let shards_in = |batch: usize| rows_in(batch).div_ceil(size);
        let first = batch / accumulate * accumulate;
        let shards = (first..first + accumulate).map(shards_in).sum();
        let before: usize = (first..batch).map(shards_in).sum();
        let own = part(shards, rank, ranks);
        // Relative to the batch.
        let start = own.start.saturating_sub(before) * size;
        let end = own.end.saturating_sub(before) * size;
        start..end
    })
}

fn part_loader(
    setup: &RunSetup,
    epoch: u64,
    done: u64,
    compute: &Compute,
    of: Option<((usize, usize), usize)>,
) -> Loader {
    let config = &setup.config;
    let options = LoaderOptions {
        batch_size: config.train.batch_size,
        workers: config.machine.workers,
        augment: config.train.augment.clone(),
        classes: setup.data.classes.clone(),
        mean: setup.input.mean.clone(),
        std: setup.input.std.clone(),
        // A GPU normalises them itself.
        bytes: !compute.is_cpu(),
        seed: config.train.seed,
        epoch,
        ..LoaderOptions::default()
    };
    let (images, seed) = (setup.train.len(), config.train.seed);
    let mut draws = match config.train.sampling {
        Sampling::All => Draws::from(order(images, seed, epoch)),
        Sampling::Balanced => {
            let labels: Vec<usize> = (0..images).map(|image| setup.train.label(image)).collect();
            balanced_order(&labels, seed, epoch)
        }
    };
    let done = (done as usize)
        .saturating_mul(config.train.step_images())
        .min(images);
    draws.indices.drain(..done);
    draws.repeats.drain(..done.min(draws.repeats.len()));
    let images = draws.indices.len();
    let options = LoaderOptions {
        repeats: draws.repeats,
        rows: of.map(|(of, size)| rows_of(images, &config.train, of, size)),
        ..options
    };
    Loader::new(Arc::clone(&setup.train), draws.indices, options)
}

/// The batches of the next step; empty at the end of the epoch.
pub(crate) fn next_step(
    loader: &mut Loader,
    config: &TrainConfig,
) -> Result<Vec<Batch>, TrainError> {
    let batches = loader.by_ref().take(config.accumulate);
    Ok(batches.collect::<Result<_, _>>()?)
}

/// The class weights, if the config has them.
fn class_weights(setup: &RunSetup) -> Result<Option<Vec<f32>>, TrainError> {
    let classes = setup.data.classes.len();
    match &setup.config.train.class_weights {
        ClassWeights::Rule(WeightRule::None) => Ok(None),
        ClassWeights::Rule(WeightRule::Balanced) => {
            let counts = setup.data.train.class_counts();
            let images = setup.train.len() as f64;
            // A class without images contributes no loss, so its weight does not matter.
            let weight = |count: usize| images / (classes * count.max(1)) as f64;
            Ok(Some(
                counts
                    .into_iter()
                    .map(|count| weight(count) as f32)
                    .collect(),
            ))
        }
        ClassWeights::Given(weights) => {
            if weights.len() != classes {
                return Err(TrainError::setting(
                    "train.class_weights",
                    format!(
                        "expected {classes} weights, one per class, found {}",
                        weights.len()
                    ),
                ));
            }
            if let Some(weight) = weights
                .iter()
                .find(|weight| !(weight.is_finite() && **weight > 0.0))
            {
                return Err(TrainError::setting(
                    "train.class_weights",
                    format!("a weight is {weight}; use positive numbers"),
                ));
            }
            Ok(Some(weights.clone()))
        }
    }
}
