//! A training step in one thread, operation by operation.

use crate::error::CliError;
use receptive_data::Batch;
use receptive_train::{Compute, Learner};
use serde::Serialize;
use std::time::Instant;

/// Of this many steps each operation's fastest time counts: other programs make a step slower, never faster.
pub(super) const STEPS: usize = 5;

/// The time of one step in one thread, in seconds.
#[derive(Debug)]
pub(super) struct StepProfile {
    /// The forward pass, loss and backward pass of all shards, without the kernels.
    pub(super) other_per_shard: f64,
    /// The update, and reading the loss back, without the kernels.
    pub(super) other_per_step: f64,
    /// Empty on backends for which the kernels do not exist.
    pub(super) kernels: Vec<KernelTime>,
}

/// The time of one kernel in a step, in seconds.
#[derive(Debug, Clone)]
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
    pub(super) name: String,
    /// The number of layers, if their time is that of passes with and without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) layers: Option<usize>,
    /// Milliseconds per step.
    pub(super) ms: f64,
}

impl StepProfile {
    /// Measures [`STEPS`] steps; `one` is the thread on which `learner` computes.
    pub(super) fn measure(
        mut learner: Learner<'_>,
        one: &Compute,
        batch: &Batch,
    ) -> Result<Self, CliError> {
        (learner, _) = one_step(learner, batch, 0)?;
        let profiled = |learner, step| {
            begin(one);
            let (learner, seconds) = one_step(learner, batch, step)?;
            Ok::<_, CliError>((learner, Self::of_step(seconds, end(one))))
        };
        let mut fastest;
        (learner, fastest) = profiled(learner, 0)?;
        for step in 1..STEPS {
            let next;
            (learner, next) = profiled(learner, step)?;
            fastest = fastest.or_faster(&next);
        }
        Ok(fastest)
    }

    /// From the time of the gradients, that of the update, and those of the kernels in both.
    fn of_step([gradients, update]: [f64; 2], kernels: Vec<KernelTime>) -> Self {
        let without = |all: f64, is_update: bool| {
            let of_part = kernels.iter().filter(|one| one.is_update == is_update);
            (all - of_part.map(|kernel| kernel.elapsed).sum::<f64>()).max(0.0)
        };
        Self {
            other_per_shard: without(gradients, false),
            other_per_step: without(update, true),
            kernels,
        }
    }

    /// Each operation from the step in which it was faster.
    fn or_faster(self, step: &Self) -> Self {
        let faster = |one: KernelTime| {
            let same = step.kernels.iter().find(|other| other.name == one.name);
            match same {
                Some(other) if other.elapsed < one.elapsed => other.clone(),
                _ => one,
            }
        };
        Self {
            other_per_shard: self.other_per_shard.min(step.other_per_shard),
            other_per_step: self.other_per_step.min(step.other_per_step),
            kernels: self.kernels.into_iter().map(faster).collect(),
        }
    }

    /// Each operation's time; empty if no kernel ran.
    pub(super) fn operations(&self) -> Vec<OperationTime> {
        let operation = |name: &str, seconds: f64| OperationTime {
            name: name.into(),
            layers: None,
            ms: seconds * 1e3,
        };
        let kernels = self.kernels.iter();
        let mut operations: Vec<OperationTime> = kernels
            .map(|kernel| operation(kernel.name, kernel.elapsed))
            .collect();
        if !operations.is_empty() {
            operations.push(operation(
                "other",
                self.other_per_shard + self.other_per_step,
            ));
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
    profile
        .filter(|kernel| !kernel.elapsed.is_zero())
        .map(|kernel| KernelTime {
            name: kernel.kernel.name(),
            is_update: kernel.kernel == Kernel::Optimizer,
            elapsed: kernel.elapsed.as_secs_f64(),
            serial: kernel.serial.as_secs_f64(),
            largest: kernel.largest.as_secs_f64(),
            slices: kernel.slices as f64 / kernel.loops.max(1) as f64,
            on_threads: (1..=KernelProfile::MAX_THREADS)
                .map(|threads| kernel.on_threads(threads).as_secs_f64())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_counts_as_in_its_fastest_step() {
        let kernel = |name, is_update, elapsed| KernelTime {
            name,
            is_update,
            elapsed,
            serial: 0.0,
            largest: elapsed,
            slices: 1.0,
            on_threads: vec![elapsed],
        };
        let step = |seconds, conv, pool, optimizer| {
            let kernels = vec![
                kernel("conv2d", false, conv),
                kernel("max_pool2d", false, pool),
                kernel("optimizer", true, optimizer),
            ];
            StepProfile::of_step(seconds, kernels)
        };
        // The first was interrupted in its pool and in its update, the second in its convolution.
        let both = step([10.0, 5.0], 4.0, 5.0, 1.0).or_faster(&step([16.0, 2.0], 12.0, 2.0, 1.5));
        let elapsed: Vec<f64> = both.kernels.iter().map(|one| one.elapsed).collect();
        assert_eq!(elapsed, [4.0, 2.0, 1.0]);
        assert_eq!([both.other_per_shard, both.other_per_step], [1.0, 0.5]);
    }
}
