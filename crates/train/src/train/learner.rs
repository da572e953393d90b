use super::setup::class_weights;
use crate::config::TrainConfig;
use crate::step::{Gradients, Loss, Sharding, clip_global_norm, gradients};
use crate::{Prepared, TrainError, Workers};
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use receptive_data::Batch;
use receptive_model::{Classifier, DropoutKey};

/// The model, and what changes it.
pub(crate) struct Learner<'a> {
    pub(crate) model: Classifier,
    pub(super) optimizer: ModuleOptimizer,
    loss: Loss,
    config: &'a TrainConfig,
    workers: &'a Workers,
    device: Device, // with autodiff
    sharding: Sharding,
}

impl<'a> Learner<'a> {
    /// The untrained model of the run's seed, or the trained one it starts from.
    pub(crate) fn new(
        prepared: &'a Prepared,
        device: &Device, // without autodiff
        on_cpu: bool,
        workers: &'a Workers,
    ) -> Result<Self, TrainError> {
        let config = &prepared.config.train;
        let device = device.clone().autodiff();
        let plan = &prepared.plan;
        let model = match &prepared.config.start {
            Some(start) => {
                let classes = &prepared.data.classes;
                start.load(plan, classes, config.seed, &device)?.model
            }
            None => plan.init_seeded(config.seed, &device),
        };
        let weights = class_weights(config, prepared)?;
        Ok(Self::of(model, config, weights, device, on_cpu, workers))
    }

    /// One that learns what it is shown, whatever data that is.
    pub(crate) fn of(
        model: Classifier,
        config: &'a TrainConfig,
        class_weights: Option<Vec<f32>>,
        device: Device, // with autodiff
        on_cpu: bool,
        workers: &'a Workers,
    ) -> Self {
        Self {
            model,
            optimizer: config.optimizer.init(),
            loss: Loss::new(config.label_smoothing, class_weights, &device),
            config,
            workers,
            sharding: Sharding {
                size: config.shard_size(on_cpu),
                exact: config.exact_convolutions,
            },
            device,
        }
    }

    /// The same with the tensors of a checkpoint.
    pub(super) fn restored(self, model: Classifier, optimizer: ModuleOptimizer) -> Self {
        Self {
            model,
            optimizer,
            ..self
        }
    }

    /// What the batch says about the weights; `step` counts from 0 over the whole run.
    pub(crate) fn gradients(&self, batch: &Batch, step: u64) -> Result<Gradients, TrainError> {
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
            self.workers,
            &self.device,
        )
    }

    /// Moves the weights against the gradients, and the running statistics towards the batch's.
    pub(crate) fn update(mut self, mut sum: Gradients, learning_rate: f64) -> Self {
        let (model, optimizer) = (self.model, &mut self.optimizer);
        // On one thread of the pool, so that sums have the same order on any machine.
        self.model = self.workers.alone(|| {
            if let Some(most) = self.config.clip_norm {
                clip_global_norm(&model, &mut sum.gradients, most);
            }
            let model = optimizer.step(learning_rate, model, sum.gradients);
            model.merge_statistics(&sum.statistics)
        });
        self
    }
}
