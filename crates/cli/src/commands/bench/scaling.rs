//! How a training step could scale with threads: what its slices allow at most, and what is measured.
//!
//! A step is cut into shards, which threads take whole; where there are more threads than shards, those of a
//! shard share the slices of its kernels. What is in no slice is one thread's. So the slices' times, measured in
//! one thread, bound the speed on any number of threads (Amdahl's law, with slices that cannot be cut further):
//! memory that all share, and what threads cost, are not in the bound.

use super::profile::{KernelTime, StepProfile};
use crate::error::CliError;
use crate::render::{Table, print};
use receptive_core::text::{counted, percent};
use serde::Serialize;

/// Numbers of threads that are shown.
const THREADS: [usize; 5] = [2, 4, 8, 16, 32];

/// What `--scaling` adds to a measurement of training.
#[derive(Debug, Serialize)]
pub(super) struct Scaling {
    /// Parts of a step that threads take whole.
    shards: usize,
    operations: Vec<OperationScaling>,
    /// Of a step, the bound for each number of threads.
    bounds: Vec<Bound>,
    /// The number of threads that was measured, how many times as fast they were as one, and the bound for them.
    measured: MeasuredSpeed,
}

#[derive(Debug, Serialize)]
struct OperationScaling {
    name: &'static str,
    /// Of one step in one thread, in milliseconds.
    ms: f64,
    /// Slices of a loop, on average; 0 where nothing is cut.
    slices: f64,
    /// The share of the time that the largest slices of its loops take: no number of threads makes it less.
    largest: f64,
    /// The share of the time that is in no slice.
    serial: f64,
    /// How many times as fast the kernel can be at most.
    bounds: Vec<Bound>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Bound {
    threads: usize,
    speedup: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct MeasuredSpeed {
    threads: usize,
    speedup: f64,
    bound: f64,
}

impl Scaling {
    /// Of a step of so many shards, which takes `one` seconds in one thread and `several` in `threads`.
    pub(super) fn new(
        profile: &StepProfile,
        shards: usize,
        threads: usize,
        [one, several]: [f64; 2],
    ) -> Self {
        let kernels = profile.kernels.iter().map(OperationScaling::of_kernel);
        let mut operations: Vec<OperationScaling> = kernels.collect();
        operations.push(OperationScaling::uncut(
            "other, of a shard",
            profile.other(false),
        ));
        operations.push(OperationScaling::uncut(
            "other, of a step",
            profile.other(true),
        ));
        let speedup = |threads| step(profile, shards, 1) / step(profile, shards, threads);
        let bounds = THREADS.map(|threads| Bound {
            threads,
            speedup: speedup(threads),
        });
        Self {
            shards,
            operations,
            bounds: bounds.to_vec(),
            measured: MeasuredSpeed {
                threads,
                speedup: one / several,
                bound: speedup(threads),
            },
        }
    }

    pub(super) fn show(&self) -> Result<(), CliError> {
        let mut head = vec!["operation", "ms", "slices", "largest", "serial"];
        let columns = THREADS.map(|threads| format!("x{threads}"));
        head.extend(columns.iter().map(String::as_str));
        let mut table = Table::new(&head);
        for operation in &self.operations {
            let is_cut = operation.slices > 0.0;
            let cut = |text: String| if is_cut { text } else { "-".into() };
            let mut row = vec![
                operation.name.to_string(),
                format!("{:.2}", operation.ms),
                cut(format!("{:.0}", operation.slices)),
                cut(percent(operation.largest)),
                percent(operation.serial),
            ];
            let bounds = operation.bounds.iter();
            row.extend(bounds.map(|bound| format!("{:.1}", bound.speedup)));
            table.row(row);
        }
        let mut row = vec!["step".to_string(), format!("{:.2}", self.milliseconds())];
        row.extend(["-", "-", "-"].map(String::from));
        row.extend(
            self.bounds
                .iter()
                .map(|bound| format!("{:.1}", bound.speedup)),
        );
        table.row(row);
        print(table.to_string())?;
        let shards = counted(self.shards, "shard");
        print(format!(
            "(in one thread: slices of a loop, the share of its largest, and of what is in\n\
             none; then how many times as fast 2 to 32 threads can be at most, which share\n\
             an operation, and of a step take its {shards} first)\n"
        ))?;
        let MeasuredSpeed {
            threads,
            speedup,
            bound,
        } = self.measured;
        print(format!(
            "{} measured: {speedup:.2} times as fast as one; the bound is {bound:.2}",
            counted(threads, "thread")
        ))
    }

    fn milliseconds(&self) -> f64 {
        self.operations.iter().map(|operation| operation.ms).sum()
    }
}

impl OperationScaling {
    fn of_kernel(kernel: &KernelTime) -> Self {
        Self {
            name: kernel.name,
            ms: kernel.elapsed * 1e3,
            slices: kernel.slices,
            largest: kernel.largest / kernel.elapsed,
            serial: kernel.serial / kernel.elapsed,
            bounds: THREADS
                .map(|threads| Bound {
                    threads,
                    speedup: kernel.elapsed / kernel.bound(threads),
                })
                .to_vec(),
        }
    }

    /// What one thread does alone.
    fn uncut(name: &'static str, seconds: f64) -> Self {
        Self {
            name,
            ms: seconds * 1e3,
            slices: 0.0,
            largest: 0.0,
            serial: 1.0,
            bounds: THREADS
                .map(|threads| Bound {
                    threads,
                    speedup: 1.0,
                })
                .to_vec(),
        }
    }
}

impl KernelTime {
    fn bound(&self, threads: usize) -> f64 {
        let last = self.on_threads.len().saturating_sub(1);
        let bound = self.on_threads.get((threads - 1).min(last));
        bound.copied().unwrap_or(self.elapsed)
    }
}

/// The least seconds of a step on so many threads.
fn step(profile: &StepProfile, shards: usize, threads: usize) -> f64 {
    let kernels = |is_update: bool, threads: usize| -> f64 {
        let of_part = profile
            .kernels
            .iter()
            .filter(|one| one.is_update == is_update);
        of_part.map(|kernel| kernel.bound(threads)).sum()
    };
    let busy = threads.min(shards).max(1);
    // The slowest of the shards that are computed at the same time has the fewest threads.
    let shard = (kernels(false, threads / busy) + profile.other(false)) / shards.max(1) as f64;
    let rounds = shards.div_ceil(busy) as f64;
    rounds * shard + kernels(true, threads) + profile.other(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four shards of 2 s in a kernel of eight equal slices a shard and 1 s beside it; then 1 s of the update.
    fn profile() -> StepProfile {
        let on_threads = |threads: usize| 8.0 / threads.min(8) as f64;
        StepProfile {
            gradients: 12.0,
            update: 1.0,
            kernels: vec![KernelTime {
                name: "conv2d",
                is_update: false,
                elapsed: 8.0,
                serial: 0.0,
                largest: 1.0,
                slices: 8.0,
                on_threads: (1..=32).map(on_threads).collect(),
            }],
        }
    }

    #[test]
    fn threads_take_shards_first_and_share_kernels_then() {
        let seconds = |threads| step(&profile(), 4, threads);
        assert_eq!(seconds(1), 13.0);
        assert_eq!(seconds(2), 7.0);
        // Four shards on three threads take two rounds.
        assert_eq!(seconds(3), 7.0);
        assert_eq!(seconds(4), 4.0);
        // Two threads a shard: its kernel takes half the time, the rest as long as before.
        assert_eq!(seconds(8), 3.0);
        assert_eq!(seconds(32), 2.25);
    }

    #[test]
    fn what_is_measured_stands_beside_its_bound() {
        let scaling = Scaling::new(&profile(), 4, 2, [13.0, 8.0]);
        assert_eq!(scaling.measured.speedup, 1.625);
        assert_eq!(scaling.measured.bound, 13.0 / 7.0);
        let kernel = &scaling.operations[0];
        assert_eq!((kernel.largest, kernel.serial), (0.125, 0.0));
        let speedups: Vec<f64> = kernel.bounds.iter().map(|bound| bound.speedup).collect();
        assert_eq!(speedups, [2.0, 4.0, 8.0, 8.0, 8.0]);
        let other: f64 = scaling.operations[1..].iter().map(|one| one.ms).sum();
        assert_eq!(other, 5000.0);
    }
}
