//! Memory that a thread keeps between calls, so that a step need not ask the system for it anew.

use std::cell::Cell;

thread_local! {
    static KEPT: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Calls `work` with `length` values of any content. Calls may nest: the inner one then gets memory
/// of its own.
pub(crate) fn with_scratch<R>(length: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut kept = KEPT.take();
    if kept.len() < length {
        kept.resize(length, 0.0);
    }
    let result = work(&mut kept[..length]);
    KEPT.set(kept);
    result
}
