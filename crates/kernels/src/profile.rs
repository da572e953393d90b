//! Timing each kernel and the slices that threads can share, for the profile of a training step.

use crate::threads::shared;
use std::cell::RefCell;
use std::panic::Location;
use std::time::{Duration, Instant};

/// The kernels of this crate, as a profile counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// A convolution with what follows it.
    Conv2d,
    /// The gradient of the rectifier that followed a convolution.
    RectifierGradient,
    /// A convolution's gradient with respect to its input.
    Conv2dInputGradient,
    /// Its gradient with respect to weight and bias.
    Conv2dWeightGradient,
    /// A max pool.
    MaxPool2d,
    /// Its gradient.
    MaxPool2dGradient,
    /// A batch norm with what follows it, statistics included.
    BatchNorm,
    /// Its gradients.
    BatchNormGradient,
    /// A step of the optimizer over one parameter.
    Optimizer,
}

impl Kernel {
    /// All of them, each forward pass before its gradients.
    pub const ALL: [Self; 9] = [
        Self::Conv2d,
        Self::RectifierGradient,
        Self::Conv2dInputGradient,
        Self::Conv2dWeightGradient,
        Self::MaxPool2d,
        Self::MaxPool2dGradient,
        Self::BatchNorm,
        Self::BatchNormGradient,
        Self::Optimizer,
    ];

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::RectifierGradient => "relu gradient",
            Self::Conv2dInputGradient => "conv2d input gradient",
            Self::Conv2dWeightGradient => "conv2d weight gradient",
            Self::MaxPool2d => "max_pool2d",
            Self::MaxPool2dGradient => "max_pool2d gradient",
            Self::BatchNorm => "batch_norm",
            Self::BatchNormGradient => "batch_norm gradient",
            Self::Optimizer => "optimizer",
        }
    }
}

/// What a profile has of one kernel, over all its calls, in one thread.
#[derive(Debug, Clone)]
pub struct KernelProfile {
    /// Which one.
    pub kernel: Kernel,
    /// How long all calls took.
    pub elapsed: Duration,
    /// How much of that is in no slice: what one thread does while others have nothing to do.
    pub serial: Duration,
    /// The sum of each loop's largest slice: with any number of threads the calls take as long as this and `serial`.
    pub largest: Duration,
    /// Loops over slices.
    pub loops: usize,
    /// Slices of all loops.
    pub slices: usize,
    /// Of each number of threads from 1 on, how long the calls would take where a free thread takes the next
    /// slice and nothing else costs time: a bound.
    on_threads: [Duration; KernelProfile::MAX_THREADS],
}

impl KernelProfile {
    /// The most threads that a bound is given for.
    pub const MAX_THREADS: usize = 32;

    fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            elapsed: Duration::ZERO,
            serial: Duration::ZERO,
            largest: Duration::ZERO,
            loops: 0,
            slices: 0,
            on_threads: [Duration::ZERO; Self::MAX_THREADS],
        }
    }

    /// How long the calls would take with so many threads, 1 to [`MAX_THREADS`](Self::MAX_THREADS), at least.
    pub fn on_threads(&self, threads: usize) -> Duration {
        self.on_threads[threads.clamp(1, Self::MAX_THREADS) - 1]
    }

    /// Adds a call and its slices, in order.
    fn add(&mut self, elapsed: Duration, slices: &[Slice]) {
        let parts = |slice: &Slice| {
            let part = Slice {
                elapsed: slice.elapsed / slice.parts,
                ..*slice
            };
            std::iter::repeat_n(part, slice.parts as usize)
        };
        let slices: Vec<Slice> = slices.iter().flat_map(parts).collect();
        let in_slices: Duration = slices.iter().map(|slice| slice.elapsed).sum();
        let serial = elapsed.saturating_sub(in_slices);
        self.elapsed += elapsed;
        self.serial += serial;
        self.slices += slices.len();
        for bound in &mut self.on_threads {
            *bound += serial;
        }
        // A loop is over before the next one begins.
        for of_loop in slices.chunk_by(|one, next| one.place == next.place) {
            self.loops += 1;
            let largest = of_loop.iter().map(|slice| slice.elapsed).max();
            self.largest += largest.unwrap_or_default();
            for (number, bound) in self.on_threads.iter_mut().enumerate() {
                *bound += makespan(of_loop, number + 1);
            }
        }
    }
}

/// When the last of the slices is done where so many threads take them in order.
fn makespan(slices: &[Slice], threads: usize) -> Duration {
    let mut busy_until = vec![Duration::ZERO; threads];
    for slice in slices {
        if let Some(first) = busy_until.iter_mut().min() {
            *first += slice.elapsed;
        }
    }
    busy_until.into_iter().max().unwrap_or_default()
}

/// A part of a kernel's work that any thread may take.
#[derive(Debug, Clone, Copy)]
struct Slice {
    /// The loop that it belongs to.
    place: &'static Location<'static>,
    elapsed: Duration,
    /// Into how many parts it would be cut for more threads.
    parts: u32,
}

#[derive(Debug)]
struct Profile {
    kernels: [KernelProfile; Kernel::ALL.len()],
    /// Of the kernel that runs now.
    slices: Vec<Slice>,
}

thread_local! {
    static PROFILE: RefCell<Option<Profile>> = const { RefCell::new(None) };
}

/// Starts a profile of the kernels that this thread calls and computes alone; those of other threads do not count.
pub fn begin_profile() {
    PROFILE.set(Some(Profile {
        kernels: Kernel::ALL.map(KernelProfile::new),
        slices: Vec::new(),
    }));
}

/// Ends the profile: what each kernel took since [`begin_profile`]; empty without one.
pub fn end_profile() -> Vec<KernelProfile> {
    let profile = PROFILE.take().into_iter();
    profile.flat_map(|profile| profile.kernels).collect()
}

/// Runs one kernel; its time counts where a profile is being made.
pub(crate) fn timed<R: Send>(kernel: Kernel, work: impl FnOnce() -> R + Send) -> R {
    if PROFILE.with_borrow(Option::is_none) {
        return shared(work);
    }
    let start = Instant::now();
    let result = shared(work);
    let elapsed = start.elapsed();
    PROFILE.with_borrow_mut(|profile| {
        if let Some(profile) = profile {
            profile.kernels[kernel as usize].add(elapsed, &profile.slices);
            profile.slices.clear();
        }
    });
    result
}

/// To be kept while a slice is computed: its time counts where a profile is being made. The caller's place is the
/// loop's.
#[must_use]
#[track_caller]
pub(crate) fn slice() -> SliceTime {
    slice_of(1)
}

/// The same of a slice that is cut into as many parts as this where there are threads for them.
#[must_use]
#[track_caller]
pub(crate) fn slice_of(parts: usize) -> SliceTime {
    let is_profiled = PROFILE.with_borrow(Option::is_some);
    SliceTime {
        place: Location::caller(),
        parts: u32::try_from(parts.max(1)).unwrap_or(u32::MAX),
        start: is_profiled.then(Instant::now),
    }
}

/// A slice that is being computed.
pub(crate) struct SliceTime {
    place: &'static Location<'static>,
    parts: u32,
    start: Option<Instant>,
}

impl Drop for SliceTime {
    fn drop(&mut self) {
        let Some(start) = self.start else {
            return;
        };
        let slice = Slice {
            place: self.place,
            elapsed: start.elapsed(),
            parts: self.parts,
        };
        PROFILE.with_borrow_mut(|profile| {
            if let Some(profile) = profile {
                profile.slices.push(slice);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    fn slices(place: &'static Location<'static>, millis: &[u64]) -> Vec<Slice> {
        let slice = |millis: &u64| Slice {
            place,
            elapsed: Duration::from_millis(*millis),
            parts: 1,
        };
        millis.iter().map(slice).collect()
    }

    #[test]
    fn a_bound_is_the_serial_rest_and_each_loop_as_its_threads_can_divide_it() {
        let mut profile = KernelProfile::new(Kernel::Conv2d);
        let mut both = slices(Location::caller(), &[4, 4, 4, 4]);
        both.extend(slices(Location::caller(), &[1, 6, 1]));
        profile.add(Duration::from_millis(30), &both);
        let millis = |threads| profile.on_threads(threads).as_millis();
        // 6 outside of slices, 16 in four equal ones, 8 in three of which one is large.
        assert_eq!([1, 2, 3, 4, 32].map(millis), [30, 20, 20, 16, 16]);
        assert_eq!(profile.serial.as_millis(), 6);
        assert_eq!(profile.largest.as_millis(), 10);
        assert_eq!((profile.loops, profile.slices), (2, 7));
        // One slice that more threads would be given parts of.
        let mut whole = slices(Location::caller(), &[8]);
        whole[0].parts = 4;
        let mut profile = KernelProfile::new(Kernel::Conv2d);
        profile.add(Duration::from_millis(8), &whole);
        assert_eq!(
            [1, 2, 3, 4, 32].map(|n| profile.on_threads(n).as_millis()),
            [8, 4, 4, 2, 2]
        );
    }

    #[test]
    fn slices_count_for_the_kernel_that_they_are_part_of() {
        begin_profile();
        for _ in 0..2 {
            timed(Kernel::MaxPool2d, || {
                for _ in 0..3 {
                    let _slice = slice();
                    sleep(Duration::from_millis(1));
                }
                sleep(Duration::from_millis(1));
            });
        }
        let profile = end_profile();
        assert!(end_profile().is_empty());
        for one in &profile {
            let is_run = one.kernel == Kernel::MaxPool2d;
            assert_eq!(
                (one.loops, one.slices),
                if is_run { (2, 6) } else { (0, 0) }
            );
            assert_eq!(one.elapsed, one.on_threads(1));
            assert_eq!(is_run, one.serial >= Duration::from_millis(2));
            assert!(one.on_threads(3) <= one.on_threads(2));
        }
    }
}
