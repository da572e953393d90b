//! The devices and threads of a run.

pub mod backend;
pub(crate) mod devices;
pub(crate) mod reads;
pub(crate) mod upload;

use crate::compute::backend::{Hardware, default_device, feeding_threads, hardware};
use crate::compute::devices::Devices;
use crate::error::TrainError;
use crate::ranks::{Kind, Ranks};
use rayon::{ThreadPool, ThreadPoolBuilder};
use receptive_core::panic::{catch, message};
use receptive_model::{Classifier, InferenceDevice, KernelThreads};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The devices and threads of a run, as lanes: one thread with its device. Several lanes may share a device;
/// work distributed with [`map`](Self::map) runs on its lane's device.
#[derive(Debug)]
pub struct Compute {
    /// The lane for work that is not distributed.
    first: Lane,
    others: Vec<Lane>,
    /// By number of busy lanes, if others are idle: the threads that share each lane's work.
    helpers: Mutex<BTreeMap<usize, Vec<KernelThreads>>>,
    hardware: Hardware,
    loss_interval: usize,
    ranks: Option<Arc<Ranks>>,
    /// Maximum number of threads of a rank.
    max_threads: usize,
}

/// Steps between two reads of the losses on a GPU, where reading a value waits for all queued work.
const GPU_LOSS_INTERVAL: usize = 50;

/// A device and its thread. Each thread is a rayon pool of its own, so that a CPU backend splits and sums its
/// work in the same order on every machine.
///
/// A GPU that is the first device is used by the calling thread, in which models are made and saved: burn 0.22.1 loses what
/// a thread changes in place in a tensor of another (`docs/backends.md`).
#[derive(Debug)]
struct Lane {
    device: InferenceDevice,
    is_gpu: bool,
    pool: ThreadPool,
}

impl Compute {
    /// `threads` threads for this device, at least one; a GPU always has one thread.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn new(device: impl Into<InferenceDevice>, threads: usize) -> Result<Self, TrainError> {
        let device = device.into();
        let threads = feeding_threads(hardware(&device), threads);
        Self::with_lanes(&device, &vec![device.clone(); threads])
    }

    /// The threads for these devices.
    ///
    /// # Errors
    /// A device does not exist, or the system cannot start a thread.
    pub fn on(devices: &Devices, threads: usize) -> Result<Self, TrainError> {
        let opened = devices.open()?;
        let threads = devices.threads_of_each(threads);
        // Devices alternate, so that the first does not get all of a small amount of work.
        let rounds = threads.iter().copied().max().unwrap_or(0);
        let all: Vec<InferenceDevice> = (0..rounds)
            .flat_map(|round| {
                let fed = opened.iter().zip(&threads);
                fed.filter(move |(_, threads)| round < **threads)
                    .map(|(device, _)| device.clone())
            })
            .collect();
        match all.first() {
            Some(first) => Self::with_lanes(first, &all),
            None => Self::new(default_device()?, 1),
        }
    }

    fn with_lanes(
        first: &InferenceDevice,
        devices: &[InferenceDevice],
    ) -> Result<Self, TrainError> {
        let of_all = Hardware::of_all(devices.iter().map(|device| hardware(device)));
        let lane = |(thread, device): (usize, &InferenceDevice)| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(move |_| format!("compute-{thread}"))
                .build()
                .map_err(|error| threads_rejected(devices.len(), &error))?;
            Ok::<_, TrainError>(Lane {
                device: device.clone(),
                is_gpu: hardware(device) == Hardware::Gpu,
                pool,
            })
        };
        let others = devices.iter().enumerate().skip(1).map(lane);
        Ok(Self {
            first: lane((0, first))?,
            others: others.collect::<Result<_, _>>()?,
            helpers: Mutex::default(),
            hardware: of_all,
            loss_interval: match of_all {
                Hardware::Cpu => 1,
                Hardware::Gpu => GPU_LOSS_INTERVAL,
            },
            ranks: None,
            max_threads: devices.len(),
        })
    }

    /// For one of several processes that train together.
    ///
    /// # Errors
    /// Another rank has failed.
    pub(crate) fn with_ranks(mut self, ranks: Arc<Ranks>) -> Result<Self, TrainError> {
        let own = self.threads().to_string().into_bytes();
        let threads = ranks.gather(Kind::Hello, Ok(own))?;
        let threads = threads
            .iter()
            .filter_map(|text| std::str::from_utf8(text).ok()?.parse().ok());
        self.max_threads = threads.max().unwrap_or(1);
        self.ranks = Some(ranks);
        Ok(self)
    }

    /// The ranks that train together; `None` for a single process.
    pub fn ranks(&self) -> Option<&Ranks> {
        self.ranks.as_deref()
    }

    /// Whether this process writes the results: the only one, or the first.
    pub fn is_first(&self) -> bool {
        self.ranks().is_none_or(Ranks::is_first)
    }

    /// This process's part of `items` items: all of them for a single process.
    pub(crate) fn part(&self, items: usize) -> Range<usize> {
        match self.ranks() {
            Some(ranks) => ranks.part(items, ranks.rank()),
            None => 0..items,
        }
    }

    /// Maximum number of threads of a process.
    pub(crate) fn max_threads(&self) -> usize {
        self.max_threads
    }

    /// Sets the number of steps (at least 1) between two reads and checks of the losses. The default is 1 on a
    /// CPU and 50 on a GPU.
    #[must_use]
    pub fn with_loss_interval(mut self, steps: usize) -> Self {
        self.loss_interval = steps.max(1);
        self
    }

    /// The device for everything that is not distributed: models, checkpoints, the optimizer.
    pub fn device(&self) -> &InferenceDevice {
        &self.first.device
    }

    /// The device of each thread.
    pub fn devices(&self) -> impl Iterator<Item = &InferenceDevice> {
        let lanes = std::iter::once(&self.first).chain(&self.others);
        lanes.map(|lane| &lane.device)
    }

    /// Number of compute threads.
    pub fn threads(&self) -> usize {
        1 + self.others.len()
    }

    /// Steps between two reads of the losses.
    pub(crate) fn loss_interval(&self) -> usize {
        self.loss_interval
    }

    /// [`Hardware::Cpu`] if all devices are CPUs.
    pub fn hardware(&self) -> Hardware {
        self.hardware
    }

    /// Whether all devices are CPUs.
    pub fn is_cpu(&self) -> bool {
        self.hardware == Hardware::Cpu
    }

    /// Threads that share the work of each of `busy` lanes. None if all lanes are busy, on a GPU, or if the
    /// system cannot start them.
    fn helpers(&self, busy: usize) -> Vec<KernelThreads> {
        let threads = self.threads();
        if busy >= threads || !self.is_cpu() {
            return Vec::new();
        }
        let mut all = self.helpers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_lane =
            |lane| KernelThreads::new(threads / busy + usize::from(lane < threads % busy));
        all.entry(busy)
            .or_insert_with(|| (0..busy).flat_map(of_lane).collect())
            .clone()
    }

    /// The results of `make` for the model on each device.
    pub(crate) fn on_each<R>(
        &self,
        model: &Classifier,
        make: impl Fn(&Classifier, &InferenceDevice) -> R,
    ) -> PerDevice<R> {
        let mut all: Vec<(InferenceDevice, R)> = Vec::new();
        for lane in std::iter::once(&self.first).chain(&self.others) {
            if all.iter().all(|(device, _)| *device != lane.device) {
                let model = self.moved(model, &lane.device);
                all.push((lane.device.clone(), make(&model, &lane.device)));
            }
        }
        PerDevice(all)
    }

    /// A model on the first device, moved to another one.
    pub(crate) fn moved(&self, model: &Classifier, device: &InferenceDevice) -> Classifier {
        match *device == self.first.device {
            true => model.clone(),
            false => model.copied_to(device),
        }
    }

    /// Runs `work` on one thread, so that its result does not depend on their number; all threads share the
    /// work of the kernels in it. On a GPU that is the calling thread.
    pub fn alone<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        if self.first.is_gpu {
            return work();
        }
        let helpers = self.helpers(1).into_iter().next();
        self.first.pool.install(|| match helpers {
            Some(helpers) => helpers.share(work),
            None => work(),
        })
    }

    /// Computes `work(state, 0..count)` on all threads and returns the results in order. `start` makes each
    /// thread's state for its device, such as a copy of the model. If there are more threads than items, the
    /// other threads share the work of each kernel. If the first device is a GPU, the calling thread computes its part.
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
        let busy = self.threads().min(count).max(1);
        let lanes = std::iter::once(&self.first).chain(&self.others);
        let mut helpers = self.helpers(busy).into_iter();
        let lanes: Vec<_> = lanes
            .take(busy)
            .map(|lane| (lane, helpers.next()))
            .collect();
        let done = Mutex::new(Vec::with_capacity(busy));
        let compute = |lane: &Lane, helpers: Option<&KernelThreads>| {
            let work = || match helpers {
                Some(helpers) => helpers.share(|| drain(&lane.device)),
                None => drain(&lane.device),
            };
            // burn panics if a GPU has no memory left; on a CPU a panic is a bug, and is printed.
            let of_lane = match lane.is_gpu {
                true => catch(work),
                false => catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic)),
            };
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push(of_lane);
        };
        match self.first.is_gpu {
            true => on_lanes(&lanes[1..], &compute, &|| compute(&self.first, None)),
            false => on_lanes(&lanes, &compute, &|| ()),
        }
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let of_lanes: Vec<_> = done.into_iter().collect::<Result<_, String>>()?;
        let mut results: Vec<(usize, R)> = of_lanes.into_iter().flatten().collect();
        results.sort_by_key(|(item, _)| *item);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}

/// Runs `work` on each of the lanes' threads and `here` on this one, at the same time; the threads already exist, so none
/// has to be started.
fn on_lanes(
    lanes: &[(&Lane, Option<KernelThreads>)],
    work: &(impl Fn(&Lane, Option<&KernelThreads>) + Sync),
    here: &dyn Fn(),
) {
    match lanes.split_first() {
        None => here(),
        Some(((lane, helpers), others)) => lane.pool.in_place_scope(|scope| {
            scope.spawn(|_| work(lane, helpers.as_ref()));
            on_lanes(others, work, here);
        }),
    }
}

/// One value per device, made by [`Compute::on_each`].
#[derive(Debug)]
pub(crate) struct PerDevice<R>(Vec<(InferenceDevice, R)>);

impl<R> PerDevice<R> {
    /// The value for this device, or for the first if the device is not among them.
    pub(crate) fn get(&self, device: &InferenceDevice) -> &R {
        let own = self.0.iter().find(|(known, _)| known == device);
        &own.unwrap_or(&self.0[0]).1
    }
}

/// Runs a measurement in a pool with this many threads.
///
/// # Errors
/// The system cannot start the threads.
pub fn on_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> R + Send,
) -> Result<R, TrainError> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|error| threads_rejected(threads, &error))?;
    Ok(pool.install(work))
}

fn threads_rejected(threads: usize, error: &rayon::ThreadPoolBuildError) -> TrainError {
    TrainError::setting(
        "machine.threads",
        format!("the system could not start {threads} threads ({error}); use fewer"),
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
    fn devices_are_lanes_with_the_threads_divided() {
        let threads = |devices: &str, threads| {
            let compute = Compute::on(&devices.parse().unwrap(), threads).unwrap();
            assert!(compute.is_cpu() && compute.loss_interval() == 1);
            compute.threads()
        };
        assert_eq!(threads("flex", 3), 3);
        assert_eq!(threads("flex,flex", 3), 3);
        assert_eq!(threads("flex,flex,flex", 1), 3);
    }

    #[test]
    fn a_panic_is_a_message_not_a_crash() {
        let compute = Compute::new(Device::flex(), 2).unwrap();
        let result = compute.map(4, |_| (), |(), item| assert_ne!(item, 2, "item two"));
        assert!(result.unwrap_err().contains("item two"));
        assert_eq!(compute.map(1, |_| (), |(), item| item).unwrap(), [0]);
    }
}
