//! The arithmetic of one window sliding along one axis.

use super::padding::Margin;

/// A window along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

/// The result of sliding a window along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) output: usize,
    /// Padding before the first pixel: top or left.
    pub(crate) before: usize,
    /// Padding after the last pixel: bottom or right.
    pub(crate) after: usize,
    /// The part of `after` beyond the configured padding, which the last window reads.
    pub(crate) overhang: usize,
    /// Pixels of the padded axis, counted from its end, that no window reaches.
    pub(crate) unreached: usize,
}

impl Window {
    /// How many pixels the window spans, gaps of the dilation included: `d(k-1) + 1`.
    pub(crate) const fn span(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Slides over `n` pixels; `None` if the window is larger than the padded axis.
    ///
    /// With `ceil` the last window may reach beyond the padding, unless it would start there, as in
    /// PyTorch's `ceil_mode`.
    pub(crate) fn slide(&self, n: usize, margin: Margin, ceil: bool) -> Option<Axis> {
        let [before, after] = match margin {
            Margin::Pixels(pixels) => pixels,
            Margin::Same => {
                let output = n.div_ceil(self.stride);
                let reach = (output - 1) * self.stride + self.span();
                let total = reach.saturating_sub(n);
                let before = total / 2;
                return Some(Axis {
                    output,
                    before,
                    after: total - before,
                    overhang: 0,
                    unreached: n.saturating_sub(reach),
                });
            }
        };
        let padded = n + before + after;
        let whole = (padded + self.stride).saturating_sub(self.span()) / self.stride;
        let output = if ceil {
            let rounded_up =
                (padded + 2 * self.stride - 1).saturating_sub(self.span()) / self.stride;
            let starts = rounded_up.saturating_sub(1) * self.stride;
            if starts < n + before {
                rounded_up
            } else {
                whole
            }
        } else {
            whole
        };
        let reach = output.checked_sub(1)? * self.stride + self.span();
        let overhang = reach.saturating_sub(padded);
        Some(Axis {
            output,
            before,
            after: after + overhang,
            overhang,
            unreached: padded.saturating_sub(reach),
        })
    }

    /// Whether some window covers padding only, and so would have no maximum or mean.
    pub(crate) fn touches_only_padding(&self, n: usize, axis: &Axis) -> bool {
        (0..axis.output).any(|unit| {
            (0..self.kernel).all(|tap| {
                let place = unit * self.stride + tap * self.dilation;
                place < axis.before || place >= axis.before + n
            })
        })
    }

    /// The formula of the output size with its values, for messages.
    pub(crate) fn formula(&self, n: usize, margin: Margin) -> String {
        format!(
            "floor(({} - {}*({} - 1) - 1) / {}) + 1",
            padded_sum(n, margin),
            self.dilation,
            self.kernel,
            self.stride
        )
    }
}

/// The padded length as a sum, for messages: `28 + 2*1`, `28 + 0 + 1`.
pub(crate) fn padded_sum(n: usize, margin: Margin) -> String {
    match margin {
        Margin::Pixels([before, after]) if before != after => format!("{n} + {before} + {after}"),
        Margin::Pixels([before, _]) => format!("{n} + 2*{before}"),
        Margin::Same => format!("{n} + 2*0"),
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
        // The textbook's (n + 2p - f)/s + 1: 28, 3, 1, 1 -> 28; 7, 3, 2 -> 3; 227, 11, 4 -> 55.
        assert_eq!(
            window(3, 1, 1)
                .slide(28, Margin::Pixels([1; 2]), false)
                .unwrap()
                .output,
            28
        );
        assert_eq!(
            window(3, 2, 1)
                .slide(7, Margin::Pixels([0; 2]), false)
                .unwrap()
                .output,
            3
        );
        assert_eq!(
            window(11, 4, 1)
                .slide(227, Margin::Pixels([0; 2]), false)
                .unwrap()
                .output,
            55
        );
        assert_eq!(
            window(3, 1, 2)
                .slide(10, Margin::Pixels([0; 2]), false)
                .unwrap()
                .output,
            6
        );
        assert_eq!(
            window(5, 1, 1).slide(4, Margin::Pixels([0; 2]), false),
            None
        );
    }

    #[test]
    fn same_is_the_ceiling_with_strides_and_dilation() {
        // TensorFlow: n=28, k=3, s=2 pads 0 before and 1 after.
        let axis = window(3, 2, 1).slide(28, Margin::Same, false).unwrap();
        assert_eq!((axis.output, axis.before, axis.after), (14, 0, 1));
        let axis = window(3, 1, 4).slide(10, Margin::Same, false).unwrap();
        assert_eq!((axis.output, axis.before, axis.after), (10, 4, 4));
        let axis = window(1, 3, 1).slide(6, Margin::Same, false).unwrap();
        assert_eq!(
            (axis.output, axis.before, axis.after, axis.unreached),
            (2, 0, 0, 2)
        );
    }

    #[test]
    fn ceil_mode_is_pytorch_s() {
        // Output sizes of torch.nn.functional.max_pool2d(ceil_mode=True) in PyTorch 2.15.
        for (kernel, stride, n, padding, output, overhang) in [
            (3, 2, 6, 0, 3, 1),
            (3, 2, 7, 0, 3, 0),
            (3, 2, 2, 0, 1, 1),
            // The last window would start in the padding on the right, so it is dropped.
            (2, 3, 6, 1, 3, 0),
            (2, 2, 3, 1, 2, 0),
            (3, 3, 5, 1, 2, 0),
            (1, 3, 6, 0, 2, 0),
        ] {
            let axis = window(kernel, stride, 1)
                .slide(n, Margin::Pixels([padding; 2]), true)
                .unwrap();
            let found = (axis.output, axis.overhang);
            assert_eq!(found, (output, overhang), "{kernel} {stride} {n} {padding}");
            assert_eq!(axis.after, padding + overhang);
        }
    }

    #[test]
    fn a_window_on_padding_alone_is_seen() {
        let dilated = window(2, 1, 2);
        let axis = dilated.slide(1, Margin::Same, false).unwrap();
        assert!(dilated.touches_only_padding(1, &axis));
        let plain = window(3, 1, 1);
        let axis = plain.slide(5, Margin::Pixels([1; 2]), false).unwrap();
        assert!(!plain.touches_only_padding(5, &axis));
    }
}
