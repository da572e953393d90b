//! The arithmetic of one window sliding along one axis.

use super::padding::Padding;

/// A window along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

/// Where a window along one axis ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) output: usize,
    /// Padding before the first pixel: top or left.
    pub(crate) before: usize,
    /// Padding after the last pixel: bottom or right.
    pub(crate) after: usize,
    /// Pixels of the padded axis, counted from its end, that no window reaches.
    pub(crate) unreached: usize,
}

impl Window {
    /// How many pixels the window spans, gaps of the dilation included: `d(k-1) + 1`.
    pub(crate) const fn span(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Slides over `n` pixels. `None` when the window is larger than what it slides over.
    pub(crate) fn slide(&self, n: usize, padding: usize, same: bool) -> Option<Axis> {
        if same {
            let output = n.div_ceil(self.stride);
            let reach = (output - 1) * self.stride + self.span();
            let total = reach.saturating_sub(n);
            let before = total / 2;
            let unreached = n.saturating_sub(reach);
            return Some(Axis {
                output,
                before,
                after: total - before,
                unreached,
            });
        }
        let free = (n + 2 * padding).checked_sub(self.span())?;
        let unreached = free % self.stride;
        Some(Axis {
            output: free / self.stride + 1,
            before: padding,
            after: padding,
            unreached,
        })
    }

    /// Whether some window lies wholly on padding: its maximum or mean would be of nothing.
    pub(crate) fn touches_only_padding(&self, n: usize, axis: &Axis) -> bool {
        (0..axis.output).any(|unit| {
            (0..self.kernel).all(|tap| {
                let place = unit * self.stride + tap * self.dilation;
                place < axis.before || place >= axis.before + n
            })
        })
    }

    /// The output size with its numbers filled in, for messages.
    pub(crate) fn formula(&self, n: usize, padding: usize) -> String {
        format!(
            "floor(({n} + 2*{padding} - {}*({} - 1) - 1) / {}) + 1",
            self.dilation, self.kernel, self.stride
        )
    }
}

/// The padding of one axis as numbers: pixels on each side, or `same`.
pub(crate) fn written(padding: Padding, vertical: bool) -> (usize, bool) {
    match padding {
        Padding::Same => (0, true),
        Padding::Valid => (0, false),
        Padding::Pixels(pair) => (if vertical { pair.height } else { pair.width }, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, dilation: usize) -> Window {
        Window {
            kernel,
            stride,
            dilation,
        }
    }

    #[test]
    fn output_sizes_match_the_formula() {
        // (n + 2p - f)/s + 1 of the textbook: 28, 3, 1, 1 -> 28; 7, 3, 2 -> 3; 227, 11, 4 -> 55.
        assert_eq!(window(3, 1, 1).slide(28, 1, false).unwrap().output, 28);
        assert_eq!(window(3, 2, 1).slide(7, 0, false).unwrap().output, 3);
        assert_eq!(window(11, 4, 1).slide(227, 0, false).unwrap().output, 55);
        assert_eq!(window(3, 1, 2).slide(10, 0, false).unwrap().output, 6);
        assert_eq!(window(5, 1, 1).slide(4, 0, false), None);
    }

    #[test]
    fn same_is_the_ceiling_with_strides_and_dilation() {
        // TensorFlow: n=28, k=3, s=2 pads 0 before and 1 after.
        let axis = window(3, 2, 1).slide(28, 0, true).unwrap();
        assert_eq!((axis.output, axis.before, axis.after), (14, 0, 1));
        let axis = window(3, 1, 4).slide(10, 0, true).unwrap();
        assert_eq!((axis.output, axis.before, axis.after), (10, 4, 4));
        let axis = window(1, 3, 1).slide(6, 0, true).unwrap();
        assert_eq!(
            (axis.output, axis.before, axis.after, axis.unreached),
            (2, 0, 0, 2)
        );
    }

    #[test]
    fn a_window_on_padding_alone_is_seen() {
        let dilated = window(2, 1, 2);
        let axis = dilated.slide(1, 0, true).unwrap();
        assert!(dilated.touches_only_padding(1, &axis));
        let plain = window(3, 1, 1);
        let axis = plain.slide(5, 1, false).unwrap();
        assert!(!plain.touches_only_padding(5, &axis));
    }
}
