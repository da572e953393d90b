//! Whether and how this project's kernels compute a layer; otherwise burn's operations do.

#[cfg(feature = "flex")]
use crate::geometry::Edges;
#[cfg(feature = "flex")]
use burn::{nn::conv::Conv2d, nn::pool::MaxPool2d, tensor::Tensor};
#[cfg(feature = "flex")]
use receptive_kernels::Rectifier;
use std::cell::Cell;

#[cfg(feature = "flex")]
pub use receptive_kernels::KernelThreads;

/// Stands in for the kernels' thread pool, which exists only with the flex backend.
#[cfg(not(feature = "flex"))]
#[derive(Debug, Clone)]
pub struct KernelThreads(());

#[cfg(not(feature = "flex"))]
impl KernelThreads {
    /// Starts no threads.
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

/// Runs `work` with all convolutions of this thread computed as plain sums of products, and so
/// their gradients, whenever those are computed.
///
/// Otherwise the flex backend uses Winograd convolution where it is faster. Its results differ by
/// up to about 5e-6 of the largest value, and a gradient that should be 0 may come out as a tiny
/// number.
pub fn exactly<R>(work: impl FnOnce() -> R) -> R {
    /// Restores the previous mode, even if `work` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            EXACT.set(self.0);
        }
    }
    let _before = Before(EXACT.replace(true));
    work()
}

/// Whether the calling thread is within [`exactly`].
pub(crate) fn is_exact() -> bool {
    EXACT.get()
}

#[cfg(feature = "flex")]
fn algorithm() -> receptive_kernels::Algorithm {
    if is_exact() {
        receptive_kernels::Algorithm::Direct
    } else {
        receptive_kernels::Algorithm::Auto
    }
}

#[cfg(feature = "flex")]
pub(super) fn fits<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == burn::tensor::DType::F32 && receptive_kernels::runs_on(&x.device())
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
