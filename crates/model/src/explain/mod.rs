//! A layer's arithmetic step by step: each number with its formula.
//!
//! ```
//! use receptive_model::Padding;
//! use receptive_model::explain::SlidingAxis;
//!
//! let axis = SlidingAxis::new(5, 3, 1, 1, Padding::from(1)).expect("the kernel fits");
//! assert_eq!(axis.output, 5);
//! assert_eq!(axis.formula(), "(5 + 2*1 - 3)/1 + 1 = 5");
//! ```

mod diagram;
mod nearest;

pub use nearest::Nearest;

use crate::geometry::{Padding, Window};
use serde::Serialize;

/// A window sliding along one axis, with the quantities of `(n + 2p - f)/s + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlidingAxis {
    /// Pixels along the axis: n.
    pub input: usize,
    /// Taps of the kernel: f.
    pub kernel: usize,
    /// The stride: s.
    pub stride: usize,
    /// The distance between neighbouring taps.
    pub dilation: usize,
    /// Padding before the first pixel: p.
    pub before: usize,
    /// Padding after the last pixel; one more than `before` if `same` needs an odd total.
    pub after: usize,
    /// The number of window positions.
    pub output: usize,
    /// Pixels at the end, padding included, that no window reaches.
    pub unread: usize,
}

impl SlidingAxis {
    /// Slides a window of `kernel` taps; `None` if a size is 0 or the window does not fit.
    pub fn new(
        input: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        padding: Padding,
    ) -> Option<Self> {
        if [input, kernel, stride, dilation].contains(&0) {
            return None;
        }
        let window = Window {
            kernel,
            stride,
            dilation,
        };
        let axis = window.slide(input, padding.along(true), false)?;
        Some(Self {
            input,
            kernel,
            stride,
            dilation,
            before: axis.before,
            after: axis.after,
            output: axis.output,
            unread: axis.unreached,
        })
    }

    /// Pixels from the first to the last tap: `d(f - 1) + 1`.
    pub fn span(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Whether the last window ends at the last pixel.
    pub fn is_even(&self) -> bool {
        self.unread == 0
    }

    /// The formula with its values and result, with a floor if the division is not even.
    pub fn formula(&self) -> String {
        let Self {
            input,
            before,
            after,
            stride,
            output,
            ..
        } = self;
        let padding = if before == after {
            format!("2*{before}")
        } else {
            format!("{before} + {after}")
        };
        let sum = format!("({input} + {padding} - {})/{stride}", self.span());
        if self.is_even() {
            format!("{sum} + 1 = {output}")
        } else {
            format!("floor({sum}) + 1 = {output}")
        }
    }

    /// The pixels that this unit reads, counted from 0; padding is below 0 and from `input` on.
    pub fn reads(&self, unit: usize) -> impl Iterator<Item = i64> {
        let first = (unit * self.stride) as i64 - self.before as i64;
        let dilation = self.dilation as i64;
        (0..self.kernel as i64).map(move |tap| first + tap * dilation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: impl Into<Padding>,
    ) -> SlidingAxis {
        SlidingAxis::new(input, kernel, stride, 1, padding.into()).unwrap()
    }

    #[test]
    fn the_formula_has_its_numbers() {
        assert_eq!(axis(5, 3, 1, 0).formula(), "(5 + 2*0 - 3)/1 + 1 = 3");
        assert_eq!(
            axis(28, 4, 1, Padding::Same).formula(),
            "(28 + 1 + 2 - 4)/1 + 1 = 28"
        );
        assert_eq!(axis(6, 3, 2, 0).formula(), "floor((6 + 2*0 - 3)/2) + 1 = 2");
        let dilated = SlidingAxis::new(9, 3, 1, 2, Padding::Valid).unwrap();
        assert_eq!(dilated.formula(), "(9 + 2*0 - 5)/1 + 1 = 5");
        assert_eq!(SlidingAxis::new(4, 5, 1, 1, Padding::Valid), None);
        assert_eq!(SlidingAxis::new(4, 0, 1, 1, Padding::Valid), None);
    }

    #[test]
    fn a_unit_reads_its_taps() {
        let reads = |axis: SlidingAxis, unit| axis.reads(unit).collect::<Vec<_>>();
        assert_eq!(reads(axis(5, 3, 1, 1), 0), [-1, 0, 1]);
        assert_eq!(reads(axis(5, 3, 2, 1), 2), [3, 4, 5]);
        let dilated = SlidingAxis::new(9, 3, 1, 2, Padding::Valid).unwrap();
        assert_eq!(reads(dilated, 4), [4, 6, 8]);
    }
}
