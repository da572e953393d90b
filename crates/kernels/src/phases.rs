//! Planes taken apart by stride, so that loops over windows go through neighbouring values.
//!
//! A padded plane is taken apart into `stride` by `stride` planes, its phases: phase `(p, q)` has the
//! values at rows `p`, `p + stride`, ... and columns `q`, `q + stride`, ... Under each tap of a window
//! the values for neighbouring outputs are then neighbours in one phase, whatever stride and dilation.
//! Rows of outputs are laid as wide as a phase; what is computed for the excess is not looked at.

/// Values of the widest vector: what loops go through is padded by as many that are not looked at.
pub(crate) const MAX_LANES: usize = 16;

/// How a window moves over a plane; height or rows first.
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

/// Where the values of a plane lie once it is taken apart.
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

    /// How many phases there are.
    pub(crate) fn phases(&self) -> usize {
        self.window.strides[0] * self.window.strides[1]
    }

    /// Values of a phase.
    pub(crate) fn phase(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Values of all phases, and those that loops read beyond the last.
    pub(crate) fn padded(&self) -> usize {
        self.phases() * self.phase() + MAX_LANES
    }

    /// Values from the first output to the last, in whole steps of a loop.
    pub(crate) fn span(&self) -> usize {
        let values = self.window.output[0].saturating_sub(1) * self.size[1] + self.window.output[1];
        values.next_multiple_of(MAX_LANES)
    }

    /// The phase of the window's row (axis 0) or column, and the place in it for the first output.
    fn place(&self, axis: usize, index: usize) -> (usize, usize) {
        let at = index * self.window.dilation[axis];
        (
            at % self.window.strides[axis],
            at / self.window.strides[axis],
        )
    }

    /// For each tap of the window, row by row, how far the value under it for the first output lies
    /// behind the first value of the first phase.
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

    /// The places along an axis of a phase that lie inside the input, not in the padding.
    fn inside(&self, axis: usize, phase: usize) -> Inside {
        let (stride, before) = (self.window.strides[axis], self.window.before[axis]);
        // The first place whose index, `place * stride + phase - before`, is not negative, and the first
        // beyond the input.
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

    /// Takes a plane apart: `[input height, input width]` into `[stride, stride, phase]`, with `padding`
    /// around it.
    pub(crate) fn split(&self, plane: &[f32], padding: f32, phases: &mut [f32]) {
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

    /// The transpose of [`split`](Self::split): each value of the plane, of which only those that no
    /// phase has stay as they are.
    pub(crate) fn join(&self, phases: &[f32], plane: &mut [f32]) {
        let [height, width] = self.size;
        let each = phases.chunks_exact(height * width);
        for (number, phase) in each.take(self.phases()).enumerate() {
            let rows = self.inside(0, number / self.window.strides[1]);
            let columns = self.inside(1, number % self.window.strides[1]);
            for (i, row) in phase[rows.from * width..rows.until * width]
                .chunks_exact(width)
                .enumerate()
            {
                let to =
                    &mut plane[(rows.first + i * self.window.strides[0]) * self.window.input[1]..];
                let to = to[..self.window.input[1]].get_mut(columns.first..);
                let to = to
                    .unwrap_or_default()
                    .iter_mut()
                    .step_by(self.window.strides[1]);
                for (to, from) in to.zip(&row[columns.from..columns.until]) {
                    *to = *from;
                }
            }
        }
    }

    /// The outputs out of rows as wide as a phase.
    pub(crate) fn gather(&self, rows: &[f32], plane: &mut [f32]) {
        let width = self.window.output[1];
        let to = plane.chunks_exact_mut(width);
        for (to, from) in to.zip(rows.chunks(self.size[1])) {
            to.copy_from_slice(&from[..width]);
        }
    }

    /// The outputs into rows as wide as a phase, whose other values stay as they are.
    pub(crate) fn spread(&self, plane: &[f32], rows: &mut [f32]) {
        let width = self.window.output[1];
        let from = plane.chunks_exact(width);
        for (from, to) in from.zip(rows.chunks_mut(self.size[1])) {
            to[..width].copy_from_slice(from);
        }
    }
}

/// A range of places along one axis of a phase.
#[derive(Debug, Clone, Copy)]
struct Inside {
    from: usize,
    until: usize,
    /// The input's index at `from`.
    first: usize,
}

fn copy_steps(to: &mut [f32], from: &[f32], step: usize) {
    if step == 1 {
        let length = to.len().min(from.len());
        to[..length].copy_from_slice(&from[..length]);
        return;
    }
    for (to, from) in to.iter_mut().zip(from.iter().step_by(step)) {
        *to = *from;
    }
}
