//! Training time, in total and per operation.

use super::profile::{StepProfile, can_count, one_step};
use super::scaling::Scaling;
use super::timing::{Timing, median};
use super::{Bench, wait};
use crate::error::CliError;
use receptive_data::Batch;
use receptive_train::config::Optimizer;
use receptive_train::{Compute, Learner, RunConfig, TrainConfig, TrainError, check_memory};

impl Bench {
    pub(super) fn train(&self, compute: &Compute) -> Result<Timing, CliError> {
        let plan = &self.plan;
        let config = TrainConfig {
            batch_size: self.batch,
            label_smoothing: 0.0,
            precision: self.precision,
            checkpointing: self.checkpointing,
            optimizer: Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.0,
            },
            ..TrainConfig::default()
        };
        for device in compute.devices() {
            config.check_precision(device)?;
        }
        self.check_memory(&config, compute)?;
        let batch = self.images(compute)?;
        // No model is shared: the optimizer would copy its weights.
        let model = || plan.init(&compute.device().autodiff());
        let learner = Learner::new(model(), &config, None, compute);
        let mut timing = Timing::of_steps(self.batch, self.step_times(learner, &batch, compute)?);
        let one = Compute::new(compute.device().clone(), 1)?;
        let alone = || Learner::new(model(), &config, None, &one);
        let profile = StepProfile::measure(alone(), &one, &batch)?;
        timing.operations = match can_count(compute) {
            true => profile.operations(),
            false => self.by_kind(&batch, timing.ms_per_step, compute)?,
        };
        if self.scaling {
            let shards = self.batch.div_ceil(config.shard_size(compute.hardware()));
            let mut scaling = Scaling::new(&profile, shards);
            if compute.threads() > 1 {
                let alone = median(&self.step_times(alone(), &batch, &one)?);
                let speedup = alone / (timing.ms_per_step / 1e3);
                scaling = scaling.with_measured(&profile, compute.threads(), speedup);
            }
            timing.scaling = Some(scaling);
        }
        Ok(timing)
    }

    /// The duration of each step in seconds, until `compute` has finished it.
    fn step_times(
        &self,
        learner: Learner<'_>,
        batch: &Batch,
        compute: &Compute,
    ) -> Result<Vec<f64>, CliError> {
        // A step takes the learner and returns it.
        let mut held = Some(learner);
        self.time(|step| {
            if let Some(learner) = held.take() {
                held = Some(one_step(learner, batch, step)?.0);
            }
            Ok(wait(compute)?)
        })
    }

    /// Rejects a batch that does not fit in memory, before it is allocated.
    fn check_memory(&self, train: &TrainConfig, compute: &Compute) -> Result<(), CliError> {
        if !compute.is_cpu() {
            return Ok(());
        }
        let mut config = RunConfig::new(self.plan.config.clone());
        config.train = train.clone();
        config.machine.threads = compute.threads();
        match check_memory(&config, &self.plan, self.batch) {
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
