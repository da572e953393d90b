//! The devices and threads that a run computes on.

use crate::backend::{feeding_threads, is_cpu};
use crate::error::TrainError;
use rayon::{ThreadPool, ThreadPoolBuilder};
use receptive_core::panic::message;
use receptive_model::{InferenceDevice, KernelThreads};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The devices and threads of a run, as lanes: one device with one thread each. All lanes have the
/// same device for now; work distributed with [`map`](Self::map) takes the device from its lane.
#[derive(Debug)]
pub struct Compute {
    /// Runs whatever is not distributed over all lanes.
    first: Lane,
    others: Vec<Lane>,
    /// For each number of lanes that was busy while others were not: the threads that share each lane's work.
    helpers: Mutex<BTreeMap<usize, Vec<KernelThreads>>>,
    is_cpu: bool,
    loss_interval: usize,
}

/// Steps between two readings of the losses on a GPU, where reading a value waits for all queued work.
const GPU_LOSS_INTERVAL: usize = 50;

/// A device and the thread that feeds it. On a CPU backend each thread is a rayon pool of its own:
/// what it computes is then split in the same way, and added up in the same order, whatever the
/// machine.
#[derive(Debug)]
struct Lane {
    device: InferenceDevice,
    pool: ThreadPool,
}

impl Compute {
    /// `threads` threads, at least one, that compute on this device. A GPU is fed by one thread,
    /// whatever `threads` says.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(device: impl Into<InferenceDevice>, threads: usize) -> Result<Self, TrainError> {
        let device = device.into();
        let is_cpu = is_cpu(&device);
        let threads = feeding_threads(is_cpu, threads);
        let lane = |thread: usize| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(move |_| format!("compute-{thread}"))
                .build()
                .map_err(|error| threads_refused(threads, &error))?;
            Ok::<_, TrainError>(Lane {
                device: device.clone(),
                pool,
            })
        };
        Ok(Self {
            first: lane(0)?,
            others: (1..threads).map(lane).collect::<Result<_, _>>()?,
            helpers: Mutex::default(),
            is_cpu,
            loss_interval: if is_cpu { 1 } else { GPU_LOSS_INTERVAL },
        })
    }

    /// Sets the number of steps (at least 1) between two readings and checks of the losses. The
    /// default is 1 on a CPU and 50 on a GPU.
    #[must_use]
    pub fn with_loss_interval(mut self, steps: usize) -> Self {
        self.loss_interval = steps.max(1);
        self
    }

    /// The device of everything that is not distributed: models, checkpoints, the optimizer.
    pub fn device(&self) -> &InferenceDevice {
        &self.first.device
    }

    /// Number of compute threads.
    pub fn threads(&self) -> usize {
        1 + self.others.len()
    }

    /// Steps between two readings of the losses.
    pub(crate) fn loss_interval(&self) -> usize {
        self.loss_interval
    }

    /// Whether it computes on the CPU.
    pub fn is_cpu(&self) -> bool {
        self.is_cpu
    }

    /// Threads that share the work of each of `busy` lanes; none where all lanes are busy, on a GPU, and where
    /// the system refuses them.
    fn helpers(&self, busy: usize) -> Vec<KernelThreads> {
        let threads = self.threads();
        if busy >= threads || !self.is_cpu {
            return Vec::new();
        }
        let mut all = self.helpers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_lane =
            |lane| KernelThreads::new(threads / busy + usize::from(lane < threads % busy));
        all.entry(busy)
            .or_insert_with(|| (0..busy).flat_map(of_lane).collect())
            .clone()
    }

    /// Runs `work` on one of the threads, so that its result does not depend on their number; all share the
    /// work of the kernels in it.
    pub fn alone<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let helpers = self.helpers(1).into_iter().next();
        self.first.pool.install(|| match helpers {
            Some(helpers) => helpers.share(work),
            None => work(),
        })
    }

    /// Computes `work(state, 0..count)` on all threads and returns the results in order. `start`
    /// makes each thread's state for its device, such as a copy of the model. Where there is less work than
    /// threads, those that are left share the work of each kernel with the others.
    ///
    /// # Errors
    /// The message of the first panic.
    pub fn map<S, R: Send>(
        &self,
        count: usize,
        start: impl Fn(&InferenceDevice) -> S + Sync,
        work: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Result<Vec<R>, String> {
        let next = AtomicUsize::new(0);
        let drain = |device: &InferenceDevice| {
            let mut state = start(device);
            let mut done = Vec::new();
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= count {
                    return done;
                }
                done.push((item, work(&mut state, item)));
            }
        };
        let caught = |lane: &Lane, helpers: Option<KernelThreads>| {
            let work = || match helpers {
                Some(helpers) => helpers.share(|| drain(&lane.device)),
                None => drain(&lane.device),
            };
            lane.pool
                .install(|| catch_unwind(AssertUnwindSafe(work)))
                .map_err(|panic| message(&*panic))
        };
        let busy = self.threads().min(count).max(1);
        let mut helpers = self.helpers(busy).into_iter();
        let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
            let threads: Vec<_> = std::iter::once(&self.first)
                .chain(&self.others)
                .take(busy)
                .map(|lane| {
                    let (caught, helpers) = (&caught, helpers.next());
                    scope.spawn(move || caught(lane, helpers))
                })
                .collect();
            let mut all = Vec::with_capacity(count);
            for thread in threads {
                all.extend(thread.join().map_err(|panic| message(&*panic))??);
            }
            Ok::<_, String>(all)
        })?;
        results.sort_by_key(|(item, _)| *item);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}

/// Runs a measurement in a pool of this many threads, whatever the machine has.
///
/// # Errors
/// When the system refuses the threads.
pub fn on_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> R + Send,
) -> Result<R, TrainError> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|error| threads_refused(threads, &error))?;
    Ok(pool.install(work))
}

fn threads_refused(threads: usize, error: &rayon::ThreadPoolBuildError) -> TrainError {
    TrainError::setting(
        "machine.threads",
        format!("the system refused {threads} threads ({error}); use fewer"),
    )
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let compute = Compute::new(Device::flex(), threads).unwrap();
            assert!(compute.is_cpu() && compute.threads() == threads);
            let squares = compute.map(20, |_| (), |(), item| item * item).unwrap();
            assert_eq!(squares, (0..20).map(|item| item * item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_a_message_not_a_crash() {
        let compute = Compute::new(Device::flex(), 2).unwrap();
        let result = compute.map(4, |_| (), |(), item| assert_ne!(item, 2, "item two"));
        assert!(result.unwrap_err().contains("item two"));
        assert_eq!(compute.map(1, |_| (), |(), item| item).unwrap(), [0]);
    }
}
