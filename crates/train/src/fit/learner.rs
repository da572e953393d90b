//! A model under training, with its optimizer and loss.

use super::clip::clip_global_norm;
use super::loss::Loss;
use super::step::{Gradients, Sharding, gradients};
use crate::compute::Compute;
use crate::config::{ClassWeights, Sampling, TrainConfig, WeightRule};
use crate::error::TrainError;
use crate::prepare::RunSetup;
use burn::module::ParamGroup;
use burn::optim::ModuleOptimizer;
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use receptive_data::{Batch, Draws, Loader, LoaderOptions, balanced_order, order};
use receptive_model::{Classifier, DropoutKey};
use std::sync::Arc;

/// A model under training, with its optimizer and loss.
#[expect(missing_debug_implementations, reason = "burn's optimizer has none")]
pub struct Learner<'a> {
    pub(crate) model: Classifier,
    pub(super) optimizer: ModuleOptimizer,
    loss: Loss,
    config: &'a TrainConfig,
    compute: &'a Compute,
    sharding: Sharding,
    /// Of each layer, as a share of the learning rate; empty where all have the whole.
    rates: Vec<f64>,
}

impl<'a> Learner<'a> {
    /// Trains `model`, which is on an autodiff device, as `config` says. `class_weights` has a
    /// number for each class.
    pub fn new(
        model: Classifier,
        config: &'a TrainConfig,
        class_weights: Option<Vec<f32>>,
        compute: &'a Compute,
    ) -> Self {
        let device = compute.device().autodiff();
        Self {
            model,
            optimizer: config.optimizer.init(),
            loss: Loss::new(config.label_smoothing, class_weights, &device),
            config,
            compute,
            sharding: Sharding {
                size: config.shard_size(compute.is_cpu()),
                exact: config.exact_convolutions,
            },
            rates: Vec::new(),
        }
    }

    /// The untrained model of the run's seed, or the trained one it starts from. Of a resumed run whose
    /// model to start from is gone, a model that a checkpoint's tensors must be put into.
    ///
    /// # Errors
    /// When the model to start from cannot be read, or the class weights do not fit.
    pub fn from_setup(setup: &'a RunSetup, compute: &'a Compute) -> Result<Self, TrainError> {
        let config = &setup.config.train;
        let device = compute.device().autodiff();
        let random = || setup.plan.init_seeded(config.seed, &device);
        let model = match (&setup.config.start, &setup.start) {
            (Some(start), Some(_)) => {
                let classes = &setup.data.classes;
                start
                    .load(&setup.plan, classes, config.seed, &device)?
                    .model
            }
            // The model to start from is gone: the tensors of a checkpoint take the place of these.
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

    /// The same with the tensors of a checkpoint.
    pub(super) fn with_tensors(self, model: Classifier, optimizer: ModuleOptimizer) -> Self {
        Self {
            model,
            optimizer,
            ..self
        }
    }

    /// The gradients of a batch's loss; `step` counts from 0 over the whole run.
    ///
    /// # Errors
    /// When a thread panics, which is a bug.
    pub fn gradients(&self, batch: &Batch, step: u64) -> Result<Gradients, TrainError> {
        let key = DropoutKey {
            seed: self.config.seed,
            step,
            first_row: 0,
        };
        gradients(
            &self.model,
            batch,
            &self.loss,
            self.sharding,
            key,
            self.compute,
        )
    }

    /// Moves the weights against the gradients, and the running statistics towards the batch's.
    pub fn update(mut self, mut sum: Gradients, learning_rate: f64) -> Self {
        let rates = rates(&self.model, &self.rates, learning_rate);
        let (model, optimizer) = (self.model, &mut self.optimizer);
        // On one thread of the pool, so that sums have the same order on any machine.
        self.model = self.compute.alone(|| {
            if let Some(max) = self.config.clip_norm {
                clip_global_norm(&model, &mut sum.gradients, max);
            }
            let model = optimizer.step(rates, model, sum.gradients);
            model.merge_statistics(&sum.statistics)
        });
        self
    }
}

/// The learning rate of each parameter, `shares` having a share of `rate` for each layer.
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

/// The epoch's batches without the first `done`: order and augmentation are pure functions of seed,
/// epoch and image. Epochs count from 1.
pub fn epoch_loader(setup: &RunSetup, epoch: u64, done: u64) -> Loader {
    let config = &setup.config;
    let options = LoaderOptions {
        batch_size: config.train.batch_size,
        workers: config.machine.workers,
        augment: config.train.augment.clone(),
        classes: setup.data.classes.clone(),
        mean: setup.input.mean.clone(),
        std: setup.input.std.clone(),
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
        .saturating_mul(config.train.batch_size)
        .min(images);
    draws.indices.drain(..done);
    draws.repeats.drain(..done.min(draws.repeats.len()));
    let options = LoaderOptions {
        repeats: draws.repeats,
        ..options
    };
    Loader::new(Arc::clone(&setup.train), draws.indices, options)
}

/// A weight for each class, where the config has them.
fn class_weights(setup: &RunSetup) -> Result<Option<Vec<f32>>, TrainError> {
    let classes = setup.data.classes.len();
    match &setup.config.train.class_weights {
        ClassWeights::Rule(WeightRule::None) => Ok(None),
        ClassWeights::Rule(WeightRule::Balanced) => {
            let counts = setup.data.train.class_counts();
            let images = setup.train.len() as f64;
            // A class without images has no loss to weigh.
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
                        "expected {classes} weights, one a class, found {}",
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
