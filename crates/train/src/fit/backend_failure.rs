//! Failures of GPU software: computations that fail silently, lost devices, out of memory.
//!
//! burn's GPU backends compute on a thread of their own. If an operation fails there, the caller may get no
//! error: a line is logged, and the output buffer keeps its previous content.

use crate::checkpoint::has_checkpoint;
use crate::compute::Compute;
use crate::compute::backend::has_opened_gpu;
use crate::error::TrainError;
use crate::run::RunDirectory;
use log::{Level, LevelFilter, Log, Metadata, Record};
use receptive_core::panic::catch;
use receptive_core::text::Printable;
use std::sync::{Mutex, PoisonError};

/// The crate names of burn and the libraries that it uses.
const STACK: [&str; 3] = ["burn", "cubecl", "cubek"];
/// Modules of autotuning, which skips kernels that fail.
const TUNING: [&str; 2] = ["cubecl_runtime::tune", "cubecl_server::device_events"];
/// Crates whose warnings can mean lost work.
const WORKERS: [&str; 6] = [
    "burn_fusion::stream",
    "cubecl_common::device",
    "cubecl_metal::compute",
    "cubecl_wgpu::compute::device_poison",
    "cubecl_wgpu::compute::poll",
    "cubecl_wgpu::compute::stream",
];
/// Warnings of these crates that lose no work: the caller gets the error, or the program is ending.
const HARMLESS: [&str; 3] = ["Task failed", "Device runner", "A concurrent shutdown"];

/// Maximum number of characters of a report in a message.
const MAX_REPORT: usize = 400;

/// The first report of a failed computation since the last check.
static REPORT: Mutex<Option<String>> = Mutex::new(None);

/// Watches the log of the whole process, so that a failed GPU computation ends the step with an error. To be
/// called once by a program, at its start; does nothing if another logger is installed.
pub fn watch_log() {
    static SINK: Sink = Sink;
    if log::set_logger(&SINK).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// Keeps the first report of a failed computation.
#[derive(Debug)]
struct Sink;

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        let message = record.args().to_string();
        if !tells_of_lost_work(record.level(), record.target(), &message) {
            return;
        }
        let mut report = REPORT.lock().unwrap_or_else(PoisonError::into_inner);
        report.get_or_insert_with(|| format!("{message} ({})", record.target()));
    }

    fn flush(&self) {}
}

/// Whether a log line reports a failed computation.
fn tells_of_lost_work(level: Level, target: &str, message: &str) -> bool {
    let is_of = |name: &&str| target.starts_with(*name);
    if !STACK.iter().any(is_of) || TUNING.iter().any(is_of) {
        return false;
    }
    match level {
        Level::Error => true,
        Level::Warn => {
            WORKERS.iter().any(is_of) && !HARMLESS.iter().any(|start| message.starts_with(start))
        }
        _ => false,
    }
}

/// Checks whether a computation on a GPU was logged as failed.
///
/// # Errors
/// [`TrainError::Backend`] with the first such report.
pub(crate) fn check_log(compute: &Compute, what: impl Fn() -> String) -> Result<(), TrainError> {
    if compute.is_cpu() {
        return Ok(());
    }
    match reported() {
        Some(report) => Err(TrainError::backend(what(), &report)),
        None => Ok(()),
    }
}

/// Checks whether a computation on any GPU of this process was logged as failed since the last check: for
/// work that reads values back but does not look for failures itself, such as measuring receptive fields.
///
/// # Errors
/// [`TrainError::Backend`] with the first such report.
pub fn check_computations(what: &str) -> Result<(), TrainError> {
    check_computed(what, has_opened_gpu())
}

fn check_computed(what: &str, has_gpu: bool) -> Result<(), TrainError> {
    let report = reported().filter(|_| has_gpu);
    report.map_or(Ok(()), |report| Err(TrainError::backend(what, &report)))
}

/// The first report since the last check.
fn reported() -> Option<String> {
    let mut report = REPORT.lock().unwrap_or_else(PoisonError::into_inner);
    report.take()
}

/// Trains on a GPU such that a panic, also of a worker, becomes a backend error, with the run directory as of
/// its last checkpoint. On a CPU a panic is a bug of this program and is not caught.
pub(crate) fn guarded<R>(
    compute: &Compute,
    run: &RunDirectory,
    work: impl FnOnce() -> Result<R, TrainError>,
) -> Result<R, TrainError> {
    if compute.is_cpu() {
        return work();
    }
    let result = catch(work).unwrap_or_else(|panic| Err(TrainError::backend("training", &panic)));
    let error = match result {
        Err(TrainError::Worker { step, reason }) => {
            TrainError::backend(format!("step {step}"), &reason)
        }
        // A NaN or infinite loss may come from values that were never computed.
        Err(error @ (TrainError::Backend { .. } | TrainError::Diverged { .. })) => error,
        other => return other,
    };
    // A failure in the log happened earlier.
    let error = check_log(compute, || "training".into())
        .err()
        .unwrap_or(error);
    Err(error.with_run(run))
}

impl TrainError {
    /// The error for a backend failure, with a remedy. `reason` is burn's report.
    pub fn backend(what: impl Into<String>, reason: &str) -> Self {
        let words: Vec<&str> = reason.split_whitespace().collect();
        let report = words.join(" ");
        let root = root_cause(&report).replace(" No backtrace available", "");
        let mut short: String = root.chars().take(MAX_REPORT).collect();
        if short.len() < root.len() {
            short += " ...";
        }
        Self::Backend {
            what: what.into(),
            remedy: remedy(&report).into(),
            reason: short,
        }
    }

    /// Adds how to continue the run.
    fn with_run(self, run: &RunDirectory) -> Self {
        match self {
            Self::Backend {
                what,
                reason,
                remedy,
            } => {
                let path = run.path().printable();
                let then = match has_checkpoint(run) {
                    true => {
                        format!("The run's checkpoints are intact: resume {path} from the latest")
                    }
                    false => format!("{path} has no checkpoint yet: start again"),
                };
                Self::Backend {
                    what,
                    reason,
                    remedy: format!("{remedy}. {then}, on the CPU with the backend flex"),
                }
            }
            other => other,
        }
    }
}

/// What began the first failure of burn's report: the operations skipped after it, each named with its memory, come
/// first there.
fn root_cause(report: &str) -> &str {
    let first = report.split("Asked at:").next().unwrap_or(report);
    first.rsplit("Caused by:").next().unwrap_or(first).trim()
}

/// The remedy for a failure with this message.
fn remedy(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    let has_any = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has_any(&[
        "out of memory",
        "out of device memory",
        "allocate",
        "no room for",
        "outofmemory",
        "out_of_memory",
        "allocation of",
    ]) {
        "The device is out of memory: use a smaller `train.batch_size` (with `train.accumulate` \
         for the same step) or a smaller `data.image_size`, or close other programs that use the \
         device"
    } else if has_any(&["was lost", "device lost", "devicelost", "poisoned"]) {
        "The device was reset, removed or took too long; see the system log (`dmesg`) for the \
         cause. Start the program again"
    } else if has_any(&["adapter", "libcuda", "libvulkan", "driver", "no device"]) {
        "A driver or a device is missing: install the driver, or use another backend"
    } else {
        "Values may be missing from that step on. Try the environment variable \
         CUBECL_AUTOTUNE_LEVEL=0, which tunes fewer kernels, a build without the feature \
         `autotune`, or another backend"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(level: Level, target: &str, message: &str) {
        let mut record = Record::builder();
        let record = record.level(level).target(target);
        Sink.log(&record.args(format_args!("{message}")).build());
    }

    fn told(level: Level, target: &str, message: &str) -> Option<String> {
        log(level, target, message);
        reported().map(|report| TrainError::backend("step 7", &report).to_string())
    }

    // A single test, because there is only one global report.
    #[test]
    fn a_lost_computation_is_an_error_with_a_remedy_and_other_lines_are_none() {
        let channel = "cubecl_common::device::handle::channel";
        let lost = "CallError { payload: Some(Any { .. }) }";
        let message = told(Level::Warn, channel, lost).unwrap();
        assert!(
            message.starts_with("the backend failed in step 7: CallError"),
            "{message}"
        );
        assert!(message.contains("CUBECL_AUTOTUNE_LEVEL=0"), "{message}");
        // It is reported only once.
        assert_eq!(reported(), None);
        // Only a GPU's computations are lost without an error.
        for (has_gpu, is_error) in [(false, false), (true, true)] {
            log(Level::Error, channel, lost);
            let checked = check_computed("`erf`", has_gpu);
            assert_eq!(checked.is_err(), is_error);
            assert_eq!(reported(), None);
        }

        let stream = "burn_fusion::stream::queue::execution";
        let message = told(Level::Warn, stream, "an operation failed: out of memory").unwrap();
        assert!(message.contains("smaller `train.batch_size`"), "{message}");
        // As burn reports it when values are read whose computation had no memory.
        let chain = "Error while reading data\nCaused by:\n  Several failures at once\nCaused by:\n  The bytes were \
                     never written (failure #2, still claiming 3 buffer(s))\n  skipped `KernelBinop`: it needed memory \
                     7, which carried the failure\nCaused by:\n  out of device memory allocating 64 bytes\nAsked \
                     at:\nhere\nThe bytes were never written\nCaused by:\n  another";
        let message = TrainError::backend("step 7", chain).to_string();
        let expected = "the backend failed in step 7: out of device memory allocating 64 bytes. The device is out of";
        assert!(message.starts_with(expected), "{message}");
        let poison = "cubecl_wgpu::compute::device_poison";
        let message = told(
            Level::Error,
            poison,
            "the wgpu device was lost (Unknown): reset",
        )
        .unwrap();
        assert!(message.contains("Start the program again"), "{message}");

        for (level, target, message) in [
            (
                Level::Warn,
                channel,
                "Task failed: the candidate does not fit",
            ),
            (
                Level::Error,
                "cubecl_runtime::tune::tune_benchmark",
                "the eviction failed",
            ),
            (
                Level::Warn,
                "cubecl_environment::persistence::root",
                "no current directory",
            ),
            (
                Level::Warn,
                "cubecl_server::command::base",
                "device allocation failed; retrying",
            ),
            (Level::Info, channel, lost),
            (Level::Error, "wgpu_hal::vulkan", "no layer"),
        ] {
            assert_eq!(told(level, target, message), None, "{target}: {message}");
        }
    }

    #[test]
    fn a_long_report_is_cut_and_a_missing_driver_named() {
        let error = TrainError::backend(
            "the first step",
            &format!("no adapter\n{}", "x ".repeat(900)),
        );
        let message = error.to_string();
        assert!(
            message.contains("no adapter x x") && message.contains(" .... A driver"),
            "{message}"
        );
        assert!(message.len() < 800, "{message}");
    }
}
