//! Telling the processor what will be read, where it cannot foresee it.
#![allow(unsafe_code)] // a hint about an address

/// Fetches the cache line with the value at this place, if there is one.
#[inline(always)]
pub(crate) fn prefetch(values: &[f32], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = values.as_ptr().wrapping_add(at);
        // SAFETY: the instruction is part of SSE, and does nothing if there is no memory at the place.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}
