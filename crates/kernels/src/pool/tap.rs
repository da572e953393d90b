//! How a choice among the values of a window is stored.

/// A tap of a window.
pub(super) trait Choice: Copy + PartialEq + Default + Send + Sync {
    /// Of a window whose gradient the rectifier does not pass on.
    const NONE: Self;

    fn of_tap(tap: usize) -> Self;
}

impl Choice for u8 {
    const NONE: Self = Self::MAX;

    #[inline(always)]
    fn of_tap(tap: usize) -> Self {
        tap as Self
    }
}

impl Choice for u32 {
    const NONE: Self = Self::MAX;

    #[inline(always)]
    fn of_tap(tap: usize) -> Self {
        tap as Self
    }
}
