//! Memory that each thread reuses between calls instead of allocating it again.

use std::cell::RefCell;

thread_local! {
    /// The buffers that no call uses; the one on top was used last.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `length` values of unspecified content. Calls may nest: each has its own
/// memory.
pub(crate) fn with_scratch<R>(length: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut scratch = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    if scratch.len() < length {
        scratch.resize(length, 0.0);
    }
    let result = work(&mut scratch[..length]);
    SCRATCH.with_borrow_mut(|unused| unused.push(scratch));
    result
}
