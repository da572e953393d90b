//! Whether and how this project's kernels compute a layer; elsewhere burn's own operations do.

#[cfg(feature = "flex")]
use super::activation::Activation;
#[cfg(feature = "flex")]
use crate::geometry::Edges;
#[cfg(feature = "flex")]
use burn::{nn::conv::Conv2d, nn::pool::MaxPool2d, tensor::Tensor};
#[cfg(feature = "flex")]
use receptive_kernels::Rectifier;
use std::cell::Cell;

#[cfg(feature = "flex")]
pub use receptive_kernels::KernelThreads;

/// Threads that share the work of kernels: without the flex backend there is none.
#[cfg(not(feature = "flex"))]
#[derive(Debug, Clone)]
pub struct KernelThreads(());

#[cfg(not(feature = "flex"))]
impl KernelThreads {
    /// No threads are started.
    ///
    /// # Errors
    /// None.
    pub fn new(_: usize) -> Result<Self, std::convert::Infallible> {
        Ok(Self(()))
    }

    /// Runs `work` on the calling thread.
    pub fn share<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

thread_local! {
    static EXACT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with all convolutions of this thread, and their gradients whenever they are computed,
/// as plain sums of products.
///
/// Elsewhere the flex backend uses Winograd's filtering where it is faster: its results differ by up
/// to about 5e-6 of the largest value, and what does not depend on an input may come out as a tiny
/// number instead of 0. Receptive fields are measured exactly.
pub fn exactly<R>(work: impl FnOnce() -> R) -> R {
    /// Sets it back, even where `work` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            EXACT.set(self.0);
        }
    }
    let _before = Before(EXACT.replace(true));
    work()
}

#[cfg(feature = "flex")]
fn algorithm() -> receptive_kernels::Algorithm {
    if EXACT.get() {
        receptive_kernels::Algorithm::Direct
    } else {
        receptive_kernels::Algorithm::Auto
    }
}

#[cfg(feature = "flex")]
pub(super) fn fits(x: &Tensor<4>) -> bool {
    x.dtype() == burn::tensor::DType::F32 && receptive_kernels::runs_on(&x.device())
}

/// The activation as kernels compute it together with what it follows; `None` for one that they do not.
#[cfg(feature = "flex")]
pub(super) fn rectifier(activation: Activation) -> Option<Rectifier> {
    match activation {
        Activation::Relu => Some(Rectifier::Relu),
        Activation::Relu6 => Some(Rectifier::Relu6),
        _ => None,
    }
}

#[cfg(feature = "flex")]
pub(super) fn max_pool2d_options(
    pool: &MaxPool2d,
    edges: &Edges,
    rectifier: Rectifier,
) -> receptive_kernels::MaxPool2dOptions {
    receptive_kernels::MaxPool2dOptions {
        kernel_size: pool.kernel_size,
        strides: pool.stride,
        padding: edges.array(),
        dilation: pool.dilation,
        rectifier,
    }
}

#[cfg(feature = "flex")]
pub(super) fn conv2d_options(
    conv: &Conv2d,
    edges: &Edges,
    rectifier: Rectifier,
) -> receptive_kernels::Conv2dOptions {
    receptive_kernels::Conv2dOptions {
        strides: conv.stride,
        padding: edges.array(),
        dilation: conv.dilation,
        groups: conv.groups,
        rectifier,
        algorithm: algorithm(),
    }
}
