//! Timing each kernel, for the profile of a training step.

use crate::threads::shared;
use std::cell::RefCell;
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
}

impl Kernel {
    /// All of them, each forward pass before its gradients.
    pub const ALL: [Self; 8] = [
        Self::Conv2d,
        Self::RectifierGradient,
        Self::Conv2dInputGradient,
        Self::Conv2dWeightGradient,
        Self::MaxPool2d,
        Self::MaxPool2dGradient,
        Self::BatchNorm,
        Self::BatchNormGradient,
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
        }
    }
}

thread_local! {
    static ELAPSED: RefCell<Option<[Duration; Kernel::ALL.len()]>> = const { RefCell::new(None) };
}

/// Starts a profile of the kernels that this thread calls; those of other threads do not count.
pub fn begin_profile() {
    ELAPSED.set(Some([Duration::ZERO; Kernel::ALL.len()]));
}

/// Ends the profile: how long each kernel took since [`begin_profile`]; empty without one.
pub fn end_profile() -> Vec<(Kernel, Duration)> {
    let elapsed = ELAPSED.take().into_iter().flatten();
    Kernel::ALL.into_iter().zip(elapsed).collect()
}

/// Runs one kernel; its time counts where a profile is being made.
pub(crate) fn timed<R: Send>(kernel: Kernel, work: impl FnOnce() -> R + Send) -> R {
    if ELAPSED.with_borrow(Option::is_none) {
        return shared(work);
    }
    let start = Instant::now();
    let result = shared(work);
    ELAPSED.with_borrow_mut(|elapsed| {
        if let Some(elapsed) = elapsed {
            elapsed[kernel as usize] += start.elapsed();
        }
    });
    result
}
