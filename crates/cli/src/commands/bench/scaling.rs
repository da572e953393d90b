//! How a training step could scale with threads: the maximum that its slices allow, and the measured speedup.
//!
//! A step is divided into shards of one thread each. If there are more threads than shards, the threads of a
//! shard share the slices of its kernels; the rest is serial. So the times of the slices in one thread bound
//! the speed for any number of threads (Amdahl's law, with indivisible slices). The bound ignores shared memory
//! bandwidth and the overhead of threads.

use super::profile::{KernelTime, STEPS, StepProfile};
use crate::error::CliError;
use crate::render::{Table, print, say_paragraph};
use receptive_core::text::counted;
use serde::Serialize;

/// The numbers of threads in the output.
const THREADS: [usize; 5] = [2, 4, 8, 16, 32];

/// A measured speedup below this fraction of its bound is remarked on.
const FAR_BELOW: f64 = 0.6;

/// The result of `--scaling`, in addition to the timing of training.
#[derive(Debug, Serialize)]
pub(super) struct Scaling {
    /// The parts of a step, each computed by one or more threads.
    shards: usize,
    operations: Vec<OperationScaling>,
    /// The maximum speedup of a step for each number of threads.
    bounds: Vec<Bound>,
    /// The measured number of threads, with its speedup over one thread and its bound; omitted for
    /// one thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<MeasuredSpeed>,
}

#[derive(Debug, Serialize)]
struct OperationScaling {
    name: &'static str,
    /// Milliseconds per step in one thread.
    ms: f64,
    /// Average number of slices per loop; 0 if nothing is parallel.
    slices: f64,
    /// The fraction of the time in the largest slices of its loops, which no number of threads
    /// reduces.
    largest: f64,
    /// The serial fraction of the time.
    serial: f64,
    /// The maximum speedup of the kernel.
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
    /// The scaling of a step with `shards` shards.
    pub(super) fn new(profile: &StepProfile, shards: usize) -> Self {
        let kernels = profile.kernels.iter().map(OperationScaling::of_kernel);
        let mut operations: Vec<OperationScaling> = kernels.collect();
        operations.push(OperationScaling::uncut(
            "other, per shard",
            profile.other_per_shard,
        ));
        operations.push(OperationScaling::uncut(
            "other, per step",
            profile.other_per_step,
        ));
        let bounds = THREADS.map(|threads| Bound {
            threads,
            speedup: bound(profile, shards, threads),
        });
        Self {
            shards,
            operations,
            bounds: bounds.to_vec(),
            measured: None,
        }
    }

    /// Adds the measured speedup of `threads` threads over one.
    pub(super) fn with_measured(self, profile: &StepProfile, threads: usize, speedup: f64) -> Self {
        let measured = MeasuredSpeed {
            threads,
            speedup,
            bound: bound(profile, self.shards, threads),
        };
        Self {
            measured: Some(measured),
            ..self
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
                milliseconds_text(operation.ms),
                cut(format!("{:.0}", operation.slices)),
                cut(whole_percent(operation.largest)),
                whole_percent(operation.serial),
            ];
            let bounds = operation.bounds.iter();
            row.extend(bounds.map(|bound| speedup_text(bound.speedup)));
            table.row(row);
        }
        let mut row = vec!["step".to_string(), milliseconds_text(self.milliseconds())];
        row.extend(["-", "-", "-"].map(String::from));
        row.extend(self.bounds.iter().map(|bound| speedup_text(bound.speedup)));
        table.row(row);
        print(table.to_string())?;
        let shards = counted(self.shards, "shard");
        print(format!(
            "(ms: per step in one thread, the fastest of {STEPS}. slices: parts of a loop that\n\
             threads share, on average of its loops; largest: fraction of the time in each\n\
             loop's largest slice; serial: fraction outside of slices; -: no slices. xN:\n\
             maximum speedup of the operation on N threads; a step's threads divide its\n\
             {shards} first. other, per shard: the loss, automatic differentiation, and\n\
             burn's operations; per step: the update without the optimizer, and reading the\n\
             loss back)\n"
        ))?;
        let Some(MeasuredSpeed {
            threads,
            speedup,
            bound,
        }) = self.measured
        else {
            return Ok(());
        };
        print(format!(
            "{} measured: speedup {speedup:.2}, at most {bound:.2} expected",
            counted(threads, "thread")
        ))?;
        if speedup < FAR_BELOW * bound {
            say_paragraph(
                "note",
                "the measured speedup is far below its bound: other programs were running, or the \
                 threads wait for memory; measure again on an idle machine",
            );
        }
        Ok(())
    }

    fn milliseconds(&self) -> f64 {
        self.operations.iter().map(|operation| operation.ms).sum()
    }
}

/// With six characters or fewer up to ten seconds, for a table of eighty columns.
fn milliseconds_text(ms: f64) -> String {
    match ms {
        below if below < 999.995 => format!("{below:.2}"),
        more => format!("{more:.1}"),
    }
}

/// With two digits, for a table of eighty columns.
fn speedup_text(speedup: f64) -> String {
    match speedup {
        below if below < 9.95 => format!("{below:.1}"),
        more => format!("{more:.0}"),
    }
}

/// Without a decimal, for a table of eighty columns.
fn whole_percent(fraction: f64) -> String {
    format!("{:.0} %", 100.0 * fraction)
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

    /// An operation that is entirely serial.
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

/// The maximum speedup of a step with this many threads.
fn bound(profile: &StepProfile, shards: usize, threads: usize) -> f64 {
    step(profile, shards, 1) / step(profile, shards, threads)
}

/// The minimum duration of a step with this many threads, in seconds.
fn step(profile: &StepProfile, shards: usize, threads: usize) -> f64 {
    let kernels = |is_update: bool, threads: usize| -> f64 {
        let of_part = profile
            .kernels
            .iter()
            .filter(|one| one.is_update == is_update);
        of_part.map(|kernel| kernel.bound(threads)).sum()
    };
    let busy = threads.min(shards).max(1);
    // Of the shards computed at the same time, the one with the fewest threads is the slowest.
    let shard = (kernels(false, threads / busy) + profile.other_per_shard) / shards.max(1) as f64;
    let rounds = shards.div_ceil(busy) as f64;
    rounds * shard + kernels(true, threads) + profile.other_per_step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four shards, each with 2 s in a kernel of eight equal slices and 1 s of other work, then an update of 1
    /// s.
    fn profile() -> StepProfile {
        let on_threads = |threads: usize| 8.0 / threads.min(8) as f64;
        StepProfile {
            other_per_shard: 4.0,
            other_per_step: 1.0,
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
        // Two threads per shard halve the time of its kernel, but not of the rest.
        assert_eq!(seconds(8), 3.0);
        assert_eq!(seconds(32), 2.25);
    }

    #[test]
    fn what_is_measured_stands_beside_its_bound() {
        let scaling = Scaling::new(&profile(), 4);
        assert!(scaling.measured.is_none());
        let scaling = scaling.with_measured(&profile(), 2, 1.625);
        assert_eq!(scaling.measured.map(|it| it.bound), Some(13.0 / 7.0));
        let kernel = &scaling.operations[0];
        assert_eq!((kernel.largest, kernel.serial), (0.125, 0.0));
        let speedups: Vec<f64> = kernel.bounds.iter().map(|bound| bound.speedup).collect();
        assert_eq!(speedups, [2.0, 4.0, 8.0, 8.0, 8.0]);
        let other: f64 = scaling.operations[1..].iter().map(|one| one.ms).sum();
        assert_eq!(other, 5000.0);
    }
}
