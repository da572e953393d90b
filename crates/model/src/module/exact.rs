//! Whether convolutions may be computed by sums of another order.

use std::cell::Cell;

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
pub(super) fn algorithm() -> receptive_kernels::Algorithm {
    if EXACT.get() {
        receptive_kernels::Algorithm::Direct
    } else {
        receptive_kernels::Algorithm::Auto
    }
}
