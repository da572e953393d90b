//! Training, and the time of each operation.

use super::{Bench, Timing, WARM_UP, wait};
use crate::error::CliError;
use receptive_data::Batch;
use receptive_model::Plan;
use receptive_train::config::Optimizer;
use receptive_train::{Compute, Learner, RunConfig, TrainConfig, TrainError, check_memory};
use serde::Serialize;
use std::time::Instant;

/// The time of one kind of operation in a training step.
#[derive(Serialize)]
pub(super) struct OperationTime {
    /// `other` is what burn's own operations, the loss and the optimizer take.
    pub(super) name: &'static str,
    /// Of one step, in milliseconds.
    pub(super) ms: f64,
}

/// Steps that the operations' times are the mean of.
const PROFILE_STEPS: usize = 3;

impl Bench {
    pub(super) fn train(&self, compute: &Compute) -> Result<Timing, CliError> {
        let plan = self.network.plan()?;
        let config = TrainConfig {
            batch_size: self.batch,
            label_smoothing: 0.0,
            precision: self.precision,
            optimizer: Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.0,
            },
            ..TrainConfig::default()
        };
        for device in compute.devices() {
            config.check_precision(device)?;
        }
        self.check_memory(&plan, &config, compute)?;
        let model = plan.init(&compute.device().autodiff());
        let batch = self.images(plan.input(), plan.classes);
        let mut learner = Learner::new(model.clone(), &config, None, compute);
        let mut times = Vec::with_capacity(self.steps);
        for step in 0..WARM_UP + self.steps {
            let began = Instant::now();
            learner = one_step(learner, &batch, step)?;
            wait(compute)?;
            if step >= WARM_UP {
                times.push(began.elapsed().as_secs_f64());
            }
        }
        let mut timing = self.timing(times);
        let one = Compute::new(compute.device().clone(), 1)?;
        let learner = Learner::new(model, &config, None, &one);
        timing.operations = operations(learner, &one, &batch)?;
        Ok(timing)
    }
}

impl Bench {
    /// A batch that the memory cannot hold is rejected before it is made.
    fn check_memory(
        &self,
        plan: &Plan,
        train: &TrainConfig,
        compute: &Compute,
    ) -> Result<(), CliError> {
        if !compute.is_cpu() {
            return Ok(());
        }
        let mut config = RunConfig::new(plan.config.clone());
        config.train = train.clone();
        config.machine.threads = compute.threads();
        match check_memory(&config, plan, self.batch) {
            Err(TrainError::Memory {
                needed, available, ..
            }) => Err(CliError::argument(
                "--batch",
                format!(
                    "a step takes about {} MiB of memory, but {} MiB are available; use a smaller \
                     number",
                    needed >> 20,
                    available >> 20
                ),
            )),
            other => Ok(other.map(|_| ())?),
        }
    }
}

/// Forward, backward, the weights updated, the loss read back.
fn one_step<'a>(learner: Learner<'a>, batch: &Batch, step: usize) -> Result<Learner<'a>, CliError> {
    let gradients = learner.gradients(batch, step as u64)?;
    let loss = gradients.loss.clone();
    let learner = learner.update(gradients, 1e-3);
    let _: f32 = loss.into_scalar();
    Ok(learner)
}

/// What each operation takes, in one thread; empty on backends that the kernels do not run on.
#[cfg_attr(not(feature = "flex"), allow(unused_variables))]
fn operations(
    mut learner: Learner<'_>,
    one: &Compute,
    batch: &Batch,
) -> Result<Vec<OperationTime>, CliError> {
    #[cfg(feature = "flex")]
    {
        use receptive_kernels::{begin_profile, end_profile};
        learner = one_step(learner, batch, 0)?;
        one.alone(begin_profile);
        let began = Instant::now();
        for step in 0..PROFILE_STEPS {
            learner = one_step(learner, batch, step)?;
        }
        let total = began.elapsed().as_secs_f64();
        let profile = one.alone(end_profile);
        let ms = |seconds: f64| seconds * 1e3 / PROFILE_STEPS as f64;
        let mut operations: Vec<OperationTime> = profile
            .iter()
            .filter(|(_, time)| !time.is_zero())
            .map(|(operation, time)| OperationTime {
                name: operation.name(),
                ms: ms(time.as_secs_f64()),
            })
            .collect();
        if !operations.is_empty() {
            let kernels: f64 = profile.iter().map(|(_, time)| time.as_secs_f64()).sum();
            operations.push(OperationTime {
                name: "other",
                ms: ms((total - kernels).max(0.0)),
            });
        }
        Ok(operations)
    }
    #[cfg(not(feature = "flex"))]
    Ok(Vec::new())
}
