//! Timing of each kernel and of the slices that threads can share, for the profile of a training
//! step.

use crate::threads::shared;
use std::cell::RefCell;
use std::panic::Location;
use std::time::{Duration, Instant};

/// The kernels of this crate, as distinguished in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// A convolution, including bias and rectifier.
    Conv2d,
    /// The gradient of the rectifier after a convolution.
    RectifierGradient,
    /// A convolution's gradient with respect to its input.
    Conv2dInputGradient,
    /// A convolution's gradient with respect to weight and bias.
    Conv2dWeightGradient,
    /// A dense layer, including bias.
    Linear,
    /// A dense layer's gradient with respect to its input.
    LinearInputGradient,
    /// A dense layer's gradient with respect to weight and bias.
    LinearWeightGradient,
    /// A max pool.
    MaxPool2d,
    /// A max pool's gradient.
    MaxPool2dGradient,
    /// A batch norm, including statistics and activation.
    BatchNorm,
    /// A batch norm's gradients.
    BatchNormGradient,
    /// An activation by itself.
    Nonlinearity,
    /// Its gradient.
    NonlinearityGradient,
    /// Channels times factors.
    ChannelScale,
    /// The gradients of both.
    ChannelScaleGradient,
    /// A layer norm over channels.
    LayerNorm,
    /// A layer norm's gradients.
    LayerNormGradient,
    /// A step of the optimizer over one parameter.
    Optimizer,
}

impl Kernel {
    /// All kernels, each forward pass before its gradients.
    pub const ALL: [Self; 18] = [
        Self::Conv2d,
        Self::RectifierGradient,
        Self::Conv2dInputGradient,
        Self::Conv2dWeightGradient,
        Self::Linear,
        Self::LinearInputGradient,
        Self::LinearWeightGradient,
        Self::MaxPool2d,
        Self::MaxPool2dGradient,
        Self::BatchNorm,
        Self::BatchNormGradient,
        Self::Nonlinearity,
        Self::NonlinearityGradient,
        Self::ChannelScale,
        Self::ChannelScaleGradient,
        Self::LayerNorm,
        Self::LayerNormGradient,
        Self::Optimizer,
    ];

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::RectifierGradient => "relu gradient",
            Self::Conv2dInputGradient => "conv2d input gradient",
            Self::Conv2dWeightGradient => "conv2d weight gradient",
            Self::Linear => "linear",
            Self::LinearInputGradient => "linear input gradient",
            Self::LinearWeightGradient => "linear weight gradient",
            Self::MaxPool2d => "max_pool2d",
            Self::MaxPool2dGradient => "max_pool2d gradient",
            Self::BatchNorm => "batch_norm",
            Self::BatchNormGradient => "batch_norm gradient",
            Self::Nonlinearity => "activation",
            Self::NonlinearityGradient => "activation gradient",
            Self::ChannelScale => "channel scale",
            Self::ChannelScaleGradient => "channel scale gradient",
            Self::LayerNorm => "layer_norm",
            Self::LayerNormGradient => "layer_norm gradient",
            Self::Optimizer => "optimizer",
        }
    }
}

/// The profile of one kernel: all its calls, on one thread.
#[derive(Debug, Clone)]
pub struct KernelProfile {
    /// The kernel.
    pub kernel: Kernel,
    /// The time of all calls.
    pub elapsed: Duration,
    /// The part of that outside any slice, which only one thread can work on.
    pub serial: Duration,
    /// The sum over all loops of their largest slice: with any number of threads, the calls take at
    /// least this plus `serial`.
    pub largest: Duration,
    /// Number of loops over slices.
    pub loops: usize,
    /// Number of slices in all loops.
    pub slices: usize,
    /// For each number of threads from 1 on, a lower bound on the time of the calls: each free
    /// thread takes the next slice, without overhead.
    on_threads: [Duration; KernelProfile::MAX_THREADS],
}

impl KernelProfile {
    /// The largest number of threads for which a bound is computed.
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

    /// A lower bound on the time of the calls with this many threads, 1 to
    /// [`MAX_THREADS`](Self::MAX_THREADS).
    pub fn on_threads(&self, threads: usize) -> Duration {
        self.on_threads[threads.clamp(1, Self::MAX_THREADS) - 1]
    }

    /// Adds one call with its slices, in order.
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
        // Loops do not overlap: one ends before the next begins.
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

/// The time at which the last slice is finished if this many threads take them in order.
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
    /// The number of parts into which it would be split with more threads.
    parts: u32,
}

#[derive(Debug)]
struct Profile {
    kernels: [KernelProfile; Kernel::ALL.len()],
    /// The slices of the running kernel.
    slices: Vec<Slice>,
}

thread_local! {
    static PROFILE: RefCell<Option<Profile>> = const { RefCell::new(None) };
}

/// Starts a profile of the kernels called on this thread and computed on it alone; other threads
/// are not profiled.
pub fn begin_profile() {
    PROFILE.set(Some(Profile {
        kernels: Kernel::ALL.map(KernelProfile::new),
        slices: Vec::new(),
    }));
}

/// Ends the profile and returns the times since [`begin_profile`]; empty without one.
pub fn end_profile() -> Vec<KernelProfile> {
    let profile = PROFILE.take().into_iter();
    profile.flat_map(|profile| profile.kernels).collect()
}

/// Runs one kernel; it is timed if a profile is active.
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

/// A guard to be kept while a slice is computed: it is timed if a profile is active. The source
/// location of the caller identifies the loop.
#[must_use]
#[track_caller]
pub(crate) fn slice() -> SliceTime {
    slice_of(1)
}

/// Like `slice`, for a slice that would be split into this many parts if there were threads for
/// them.
#[must_use]
#[track_caller]
pub(crate) fn slice_of(parts: usize) -> SliceTime {
    let is_profiled = is_active();
    SliceTime {
        place: Location::caller(),
        parts: u32::try_from(parts.max(1)).unwrap_or(u32::MAX),
        start: is_profiled.then(Instant::now),
    }
}

/// Whether the kernels called on this thread are profiled.
pub(crate) fn is_active() -> bool {
    PROFILE.with_borrow(Option::is_some)
}

/// Ends a loop: slices that follow are part of the next one, even if their code is the same.
pub(crate) fn end_loop() {
    drop(slice());
}

/// A slice in progress.
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
        // 6 outside of slices, 16 in four equal slices, and 8 in three, one of which is large.
        assert_eq!([1, 2, 3, 4, 32].map(millis), [30, 20, 20, 16, 16]);
        assert_eq!(profile.serial.as_millis(), 6);
        assert_eq!(profile.largest.as_millis(), 10);
        assert_eq!((profile.loops, profile.slices), (2, 7));
        // One slice that would be split among more threads.
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
