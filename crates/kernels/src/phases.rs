//! Planes split by stride, so that loops over windows read neighbouring values.
//!
//! A padded plane is split into `stride` by `stride` smaller planes, its phases: phase `(p, q)`
//! contains the values in rows `p`, `p + stride`, ... and columns `q`, `q + stride`, ... The values
//! that a tap reads for neighbouring outputs are then neighbours in one phase, whatever the stride
//! and dilation. Rows of outputs are as wide as a phase; what is computed for the surplus columns
//! is ignored.

use crate::simd::{copy_steps, interleave, place_steps, vectorized};

/// Number of values in the widest vector: buffers are padded by as many, because loops work in
/// whole vectors.
pub(crate) const MAX_LANES: usize = 16;

/// How a window moves over a plane; heights and rows come first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) strides: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Padding at the top and left.
    pub(crate) before: [usize; 2],
}

/// The layout of a plane that is split into phases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phases {
    window: Window,
    /// Height and width of a phase.
    size: [usize; 2],
}

impl Phases {
    pub(crate) fn new(window: Window) -> Self {
        let size = [0, 1].map(|axis| {
            let reach = (window.kernel[axis] - 1) * window.dilation[axis];
            let seen = window.output[axis].saturating_sub(1) * window.strides[axis] + reach + 1;
            seen.div_ceil(window.strides[axis])
        });
        Self { window, size }
    }

    /// Number of phases.
    pub(crate) fn phases(&self) -> usize {
        self.window.strides[0] * self.window.strides[1]
    }

    /// Number of values per phase.
    pub(crate) fn phase(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Number of values in all phases, plus those that loops read beyond the last.
    pub(crate) fn padded(&self) -> usize {
        self.phases() * self.phase() + MAX_LANES
    }

    /// Number of values from the first output to the last, rounded up to whole steps of a loop.
    pub(crate) fn span(&self) -> usize {
        let values = self.window.output[0].saturating_sub(1) * self.size[1] + self.window.output[1];
        values.next_multiple_of(MAX_LANES)
    }

    /// The phase of the window's row (axis 0) or column with this index, and its position in that
    /// phase for the first output.
    fn place(&self, axis: usize, index: usize) -> (usize, usize) {
        let at = index * self.window.dilation[axis];
        (
            at % self.window.strides[axis],
            at / self.window.strides[axis],
        )
    }

    /// For each tap of the window in row-major order, the offset in the phases of the value it
    /// reads for the first output.
    pub(crate) fn shifts(&self) -> impl Iterator<Item = usize> + use<> {
        let layout = *self;
        let [height, width] = self.window.kernel;
        (0..height * width).map(move |tap| {
            let (phase_y, row) = layout.place(0, tap / width);
            let (phase_x, column) = layout.place(1, tap % width);
            let phase = phase_y * layout.window.strides[1] + phase_x;
            phase * layout.phase() + row * layout.size[1] + column
        })
    }

    /// The largest shift within a phase.
    pub(crate) fn largest_shift(&self) -> usize {
        let [row, column] = [0, 1].map(|axis| {
            let places = (0..self.window.kernel[axis]).map(|index| self.place(axis, index).1);
            places.max().unwrap_or(0)
        });
        row * self.size[1] + column
    }

    /// The positions along an axis of a phase that are inside the input, not in the padding.
    fn inside(&self, axis: usize, phase: usize) -> Inside {
        let (stride, before) = (self.window.strides[axis], self.window.before[axis]);
        // The first position with a non-negative index `position * stride + phase - before`, and
        // the first beyond the input.
        let from = before.saturating_sub(phase).div_ceil(stride);
        let until = (self.window.input[axis] + before)
            .saturating_sub(phase)
            .div_ceil(stride)
            .min(self.size[axis]);
        let from = from.min(until);
        Inside {
            from,
            until,
            first: (from * stride + phase).saturating_sub(before),
        }
    }

    /// Splits a plane, `[input height, input width]`, with `padding` around it, into `[stride,
    /// stride, phase]`.
    pub(crate) fn split(&self, plane: &[f32], padding: f32, phases: &mut [f32]) {
        vectorized!(self.split_rows(plane, padding, phases));
    }

    #[inline(always)]
    fn split_rows(&self, plane: &[f32], padding: f32, phases: &mut [f32]) {
        let [height, width] = self.size;
        let (whole, rest) = phases.split_at_mut(phases.len() - MAX_LANES);
        rest.fill(padding);
        for (number, phase) in whole.chunks_exact_mut(height * width).enumerate() {
            let rows = self.inside(0, number / self.window.strides[1]);
            let columns = self.inside(1, number % self.window.strides[1]);
            phase[..rows.from * width].fill(padding);
            phase[rows.until * width..].fill(padding);
            for (i, row) in phase[rows.from * width..rows.until * width]
                .chunks_exact_mut(width)
                .enumerate()
            {
                let from =
                    &plane[(rows.first + i * self.window.strides[0]) * self.window.input[1]..];
                let from = &from[..self.window.input[1]];
                row[..columns.from].fill(padding);
                row[columns.until..].fill(padding);
                copy_steps(
                    &mut row[columns.from..columns.until],
                    from.get(columns.first..).unwrap_or_default(),
                    self.window.strides[1],
                );
            }
        }
    }

    /// The transpose of [`split`](Self::split): overwrites each value of the plane that is in a
    /// phase, and leaves the others unchanged.
    pub(crate) fn join(&self, phases: &[f32], plane: &mut [f32]) {
        vectorized!(self.join_rows(phases, plane));
    }

    #[inline(always)]
    fn join_rows(&self, phases: &[f32], plane: &mut [f32]) {
        let [height, width] = self.size;
        let stride = self.window.strides[1];
        for p in 0..self.window.strides[0] {
            let rows = self.inside(0, p);
            for (i, row) in (rows.from..rows.until).enumerate() {
                let to = (rows.first + i * self.window.strides[0]) * self.window.input[1];
                let to = &mut plane[to..][..self.window.input[1]];
                let of_phase = |q: usize| {
                    let columns = self.inside(1, q);
                    let values = &phases[((p * stride + q) * height + row) * width..][..width];
                    (columns.first, &values[columns.from..columns.until])
                };
                if stride == 2 {
                    match [of_phase(0), of_phase(1)] {
                        [(0, even), (1, odd)] | [(1, odd), (0, even)] => {
                            interleave(to, even, odd);
                            continue;
                        }
                        _ => {}
                    }
                }
                for (first, values) in (0..stride).map(of_phase) {
                    place_steps(to.get_mut(first..).unwrap_or_default(), values, stride);
                }
            }
        }
    }

    /// Copies the outputs from rows as wide as a phase.
    pub(crate) fn gather(&self, rows: &[f32], plane: &mut [f32]) {
        let width = self.window.output[1];
        let to = plane.chunks_exact_mut(width);
        for (to, from) in to.zip(rows.chunks(self.size[1])) {
            to.copy_from_slice(&from[..width]);
        }
    }

    /// Copies the outputs to rows as wide as a phase, leaving the surplus columns unchanged.
    pub(crate) fn spread(&self, plane: &[f32], rows: &mut [f32]) {
        let width = self.window.output[1];
        let from = plane.chunks_exact(width);
        for (from, to) in from.zip(rows.chunks_mut(self.size[1])) {
            to[..width].copy_from_slice(from);
        }
    }
}

/// A range of positions along one axis of a phase.
#[derive(Debug, Clone, Copy)]
struct Inside {
    from: usize,
    until: usize,
    /// The index in the input at `from`.
    first: usize,
}
