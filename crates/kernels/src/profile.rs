//! What the operations' time goes to.

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The operations of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A convolution with what follows it.
    Conv2d,
    /// The gradient of the ReLU that followed a convolution.
    ReluGradient,
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

impl Operation {
    /// All of them, forward and backward in turns.
    pub const ALL: [Self; 8] = [
        Self::Conv2d,
        Self::ReluGradient,
        Self::Conv2dInputGradient,
        Self::Conv2dWeightGradient,
        Self::MaxPool2d,
        Self::MaxPool2dGradient,
        Self::BatchNorm,
        Self::BatchNormGradient,
    ];

    /// What it is called in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::ReluGradient => "relu gradient",
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
    static SPENT: RefCell<Option<[Duration; Operation::ALL.len()]>> = const { RefCell::new(None) };
}

/// Begins to count what the operations take that this thread is asked for. Those of other threads are
/// not seen.
pub fn begin_profile() {
    SPENT.set(Some([Duration::ZERO; Operation::ALL.len()]));
}

/// Ends it, and says how long each operation took since then; nothing where none was begun.
pub fn end_profile() -> Vec<(Operation, Duration)> {
    let spent = SPENT.take().into_iter().flatten();
    Operation::ALL.into_iter().zip(spent).collect()
}

/// Runs one operation; its time counts where a profile is being made.
pub(crate) fn spend<R>(operation: Operation, work: impl FnOnce() -> R) -> R {
    if SPENT.with_borrow(Option::is_none) {
        return work();
    }
    let began = Instant::now();
    let result = work();
    SPENT.with_borrow_mut(|spent| {
        if let Some(spent) = spent {
            spent[operation as usize] += began.elapsed();
        }
    });
    result
}
