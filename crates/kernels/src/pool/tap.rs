//! How a choice among the values of a window is stored.

/// A tap of a window.
pub(super) trait Choice: Copy + PartialEq + Default + Send + Sync {
    /// Of a window whose gradient the rectifier does not pass on.
    const NONE: Self;

    fn of_tap(tap: usize) -> Self;

    /// `other` if it `replaces` this one. By masks: of a condition the compiler makes a choice between two addresses,
    /// and then reads value by value.
    #[must_use]
    fn or(self, other: Self, replaces: bool) -> Self;
}

macro_rules! choice {
    ($($number:ty),+) => {$(
        impl Choice for $number {
            const NONE: Self = Self::MAX;

            #[inline(always)]
            fn of_tap(tap: usize) -> Self {
                tap as Self
            }

            #[inline(always)]
            fn or(self, other: Self, replaces: bool) -> Self {
                let mask = Self::from(replaces).wrapping_neg();
                (other & mask) | (self & !mask)
            }
        }
    )+};
}

choice!(u8, u32);
