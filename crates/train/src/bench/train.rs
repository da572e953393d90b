//! Training, and each operation's part in it.

use super::{Bench, Network, Timed, WARM_UP};
use crate::config::Optimizer;
use crate::fit::Learner;
use crate::{Compute, TrainConfig, TrainError};
use receptive_data::Batch;
use serde::Serialize;
use std::time::Instant;

/// One kind of operation's part in a training step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationTime {
    /// Its name; `other` is what burn's own operations, the loss and the optimizer take.
    pub name: &'static str,
    /// Of one step, in milliseconds.
    pub ms: f64,
}

/// Steps that the operations' times are the mean of.
const PROFILED: usize = 3;

impl Bench {
    pub(super) fn train(&self, compute: &Compute) -> Result<Timed, TrainError> {
        if matches!(self.network, Network::Photo | Network::Erf) {
            return Err(TrainError::setting(
                &self.network.to_string(),
                "this network is only inferred or measured; train fashion or vgg",
            ));
        }
        let plan = self.network.plan()?;
        let device = compute.device().autodiff();
        let config = TrainConfig {
            batch_size: self.batch,
            label_smoothing: 0.0,
            optimizer: Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.0,
            },
            ..TrainConfig::default()
        };
        let model = plan.init(&device);
        let batch = self.images(plan.input(), plan.classes);
        let mut learner = Learner::new(model.clone(), &config, None, compute);
        let mut times = Vec::with_capacity(self.steps);
        for step in 0..WARM_UP + self.steps {
            let began = Instant::now();
            learner = one_step(learner, &batch, step)?;
            if step >= WARM_UP {
                times.push(began.elapsed().as_secs_f64());
            }
        }
        let one = Compute::new(compute.device().clone(), 1)?;
        let mut timed = self.timed(times);
        timed.operations = operations(Learner::new(model, &config, None, &one), &one, &batch)?;
        Ok(timed)
    }
}

/// Forward, backward, the weights moved, the loss read back.
fn one_step<'a>(
    learner: Learner<'a>,
    batch: &Batch,
    step: usize,
) -> Result<Learner<'a>, TrainError> {
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
    worker: &Compute,
    batch: &Batch,
) -> Result<Vec<OperationTime>, TrainError> {
    #[cfg(feature = "flex")]
    {
        use receptive_kernels::{begin_profile, end_profile};
        learner = one_step(learner, batch, 0)?;
        worker.alone(begin_profile);
        let began = Instant::now();
        for step in 0..PROFILED {
            learner = one_step(learner, batch, step)?;
        }
        let all = began.elapsed().as_secs_f64();
        let spent = worker.alone(end_profile);
        let ms = |seconds: f64| seconds * 1e3 / PROFILED as f64;
        let mut operations: Vec<OperationTime> = spent
            .iter()
            .filter(|(_, time)| !time.is_zero())
            .map(|(operation, time)| OperationTime {
                name: operation.name(),
                ms: ms(time.as_secs_f64()),
            })
            .collect();
        if !operations.is_empty() {
            let kernels: f64 = spent.iter().map(|(_, time)| time.as_secs_f64()).sum();
            operations.push(OperationTime {
                name: "other",
                ms: ms((all - kernels).max(0.0)),
            });
        }
        Ok(operations)
    }
    #[cfg(not(feature = "flex"))]
    Ok(Vec::new())
}
