//! Keeping freed memory in the program.
#![allow(unsafe_code)] // mimalloc's options are set in C

use std::time::Duration;

/// The number of the option `purge_delay` in `mimalloc.h`, for which `libmimalloc-sys` has no name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Makes mimalloc, if it is the program's allocator, return memory to the system only when it has been free for this
/// long; the default is one second. A training step allocates and frees memory for every feature map. When steps take
/// longer than the delay, each would get its pages from the system, which clears them first.
pub fn keep_freed_memory(delay: Duration) {
    let milliseconds = delay.as_millis().try_into().unwrap_or(i32::MAX);
    // SAFETY: the function takes two numbers and sets an entry of mimalloc's own table of options, which may be done
    // at any time; a number that is not an option's is ignored.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds.into()) }
}
