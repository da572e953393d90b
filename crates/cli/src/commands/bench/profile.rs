//! A training step in one thread, operation by operation.

use crate::error::CliError;
use receptive_data::Batch;
use receptive_train::{Compute, Learner};
use serde::Serialize;
use std::time::Instant;

/// Number of steps averaged.
const STEPS: usize = 3;

/// The time of one step in one thread, in seconds.
#[derive(Debug)]
pub(super) struct StepProfile {
    /// Forward pass, loss and backward pass of all shards.
    pub(super) gradients: f64,
    /// The optimizer, and reading the loss back.
    pub(super) update: f64,
    /// Empty on backends for which the kernels do not exist.
    pub(super) kernels: Vec<KernelTime>,
}

/// The time of one kernel per step, in seconds.
#[derive(Debug)]
pub(super) struct KernelTime {
    pub(super) name: &'static str,
    /// Whether it belongs to the update rather than the gradients.
    pub(super) is_update: bool,
    pub(super) elapsed: f64,
    /// The serial part of the time.
    pub(super) serial: f64,
    /// The time of the largest slice of each loop.
    pub(super) largest: f64,
    /// Average number of slices per loop.
    pub(super) slices: f64,
    /// The maximum speedup with 1 thread, with 2, and so on.
    pub(super) on_threads: Vec<f64>,
}

/// The time of one kind of operation in a training step.
#[derive(Debug, Serialize)]
pub(super) struct OperationTime {
    /// `other` is burn's own operations, the loss and the sums of gradients.
    pub(super) name: &'static str,
    /// Milliseconds per step.
    pub(super) ms: f64,
}

impl StepProfile {
    /// Measures a few steps; `one` is the thread on which `learner` computes.
    pub(super) fn measure(
        mut learner: Learner<'_>,
        one: &Compute,
        batch: &Batch,
    ) -> Result<Self, CliError> {
        (learner, _) = one_step(learner, batch, 0)?;
        begin(one);
        let (mut gradients, mut update) = (0.0, 0.0);
        for step in 0..STEPS {
            let seconds;
            (learner, seconds) = one_step(learner, batch, step)?;
            gradients += seconds[0];
            update += seconds[1];
        }
        Ok(Self {
            gradients: gradients / STEPS as f64,
            update: update / STEPS as f64,
            kernels: end(one),
        })
    }

    /// The time of the gradients or of the update, without the kernels.
    pub(super) fn other(&self, is_update: bool) -> f64 {
        let of_part = self.kernels.iter().filter(|one| one.is_update == is_update);
        let kernels: f64 = of_part.map(|kernel| kernel.elapsed).sum();
        let all = if is_update {
            self.update
        } else {
            self.gradients
        };
        (all - kernels).max(0.0)
    }

    /// Each operation's time; empty if no kernel ran.
    pub(super) fn operations(&self) -> Vec<OperationTime> {
        let operation = |name, seconds: f64| OperationTime {
            name,
            ms: seconds * 1e3,
        };
        let kernels = self.kernels.iter();
        let mut operations: Vec<OperationTime> = kernels
            .map(|kernel| operation(kernel.name, kernel.elapsed))
            .collect();
        if !operations.is_empty() {
            operations.push(operation("other", self.other(false) + self.other(true)));
        }
        operations
    }
}

/// Computes a step; returns the seconds for its gradients, and for updating the weights and reading the loss
/// back.
pub(super) fn one_step<'a>(
    learner: Learner<'a>,
    batch: &Batch,
    step: usize,
) -> Result<(Learner<'a>, [f64; 2]), CliError> {
    let began = Instant::now();
    let gradients = learner.gradients(batch, step as u64)?;
    let loss = gradients.loss.clone();
    let computed = began.elapsed().as_secs_f64();
    let learner = learner.update(gradients, 1e-3);
    let _: f32 = loss.into_scalar();
    let updated = began.elapsed().as_secs_f64() - computed;
    Ok((learner, [computed, updated]))
}

/// Whether the profiled kernels run on these devices.
#[cfg(feature = "flex")]
pub(super) fn can_count(compute: &Compute) -> bool {
    receptive_kernels::runs_on(compute.device())
}

#[cfg(feature = "flex")]
fn begin(one: &Compute) {
    one.alone(receptive_kernels::begin_profile);
}

#[cfg(feature = "flex")]
fn end(one: &Compute) -> Vec<KernelTime> {
    use receptive_kernels::{Kernel, KernelProfile, end_profile};
    let profile = one.alone(end_profile).into_iter();
    let of_step = |time: std::time::Duration| time.as_secs_f64() / STEPS as f64;
    profile
        .filter(|kernel| !kernel.elapsed.is_zero())
        .map(|kernel| KernelTime {
            name: kernel.kernel.name(),
            is_update: kernel.kernel == Kernel::Optimizer,
            elapsed: of_step(kernel.elapsed),
            serial: of_step(kernel.serial),
            largest: of_step(kernel.largest),
            slices: kernel.slices as f64 / kernel.loops.max(1) as f64,
            on_threads: (1..=KernelProfile::MAX_THREADS)
                .map(|threads| of_step(kernel.on_threads(threads)))
                .collect(),
        })
        .collect()
}

#[cfg(not(feature = "flex"))]
pub(super) const fn can_count(_: &Compute) -> bool {
    false
}

#[cfg(not(feature = "flex"))]
fn begin(_: &Compute) {}

#[cfg(not(feature = "flex"))]
fn end(_: &Compute) -> Vec<KernelTime> {
    Vec::new()
}
