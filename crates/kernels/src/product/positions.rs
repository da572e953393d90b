//! Products whose left factor is a feature map: each of its rows has the values that a
//! convolution's window covers at one position.
#![allow(unsafe_code)] // the bounds are checked once, when the offsets are made and before the loop

use super::sums::{Columns, Factor, sums};
use super::{COLUMNS, DEPTH, load, rectified};
use crate::rectifier::Rectifier;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Where the values of a window are, from its first one on, in the order of the products. Groups of
/// `1 << shift` values are neighbours.
#[derive(Debug, Clone)]
pub(crate) struct Offsets {
    of_groups: Vec<usize>,
    shift: u32,
    /// The largest offset of a value.
    largest: usize,
}

impl Offsets {
    /// The offsets of the groups' first values.
    pub(crate) fn new(of_groups: Vec<usize>, shift: u32) -> Self {
        let largest = of_groups.iter().max().copied().unwrap_or(0) + (1 << shift) - 1;
        Self {
            of_groups,
            shift,
            largest,
        }
    }

    /// Number of values of a window.
    pub(crate) fn depth(&self) -> usize {
        self.of_groups.len() << self.shift
    }

    /// The largest offset of a value.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }

    /// The offset of a value, which is at most [`largest`](Self::largest) by the only constructor.
    ///
    /// # Safety
    /// `k` must be below the depth.
    #[inline(always)]
    pub(super) unsafe fn get_unchecked(&self, k: usize) -> usize {
        // SAFETY: there are `depth >> shift` groups.
        let group = unsafe { *self.of_groups.get_unchecked(k >> self.shift) };
        group + (k & ((1 << self.shift) - 1))
    }
}

/// The windows at `R` positions, `STEP` values apart.
#[derive(Clone, Copy)]
struct Windows<'a, const STEP: usize> {
    /// From the first position on.
    values: &'a [f32],
    offsets: &'a Offsets,
    /// The first value of the windows that is used.
    from: usize,
}

impl<const R: usize, const STEP: usize> Factor<R> for Windows<'_, STEP> {
    #[inline(always)]
    fn reaches(&self, depth: usize) -> bool {
        self.from + depth <= self.offsets.depth()
            && (R - 1) * STEP + self.offsets.largest() < self.values.len()
    }

    #[inline(always)]
    unsafe fn value(&self, row: usize, k: usize) -> f32 {
        // SAFETY: the caller guarantees `row < R`, and that `reaches` has confirmed a depth above the
        // given `k`. So the place in the window exists, and is at most `largest`; the index is thus at
        // most `largest + (R - 1) * STEP`, which is within the slice.
        unsafe {
            let place = self.offsets.get_unchecked(self.from + k);
            *self.values.get_unchecked(place + row * STEP)
        }
    }
}

/// A row of neighbouring positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Positions {
    /// The first value of the first position's window.
    pub(crate) from: usize,
    /// The first position in the output.
    pub(crate) to: usize,
    pub(crate) count: usize,
}

/// A product of the windows of a feature map with weights.
///
/// Each element is summed in the same order, in parts of [`DEPTH`] products, however the positions and the filters are
/// divided among tasks.
pub(crate) struct WindowProduct<'a> {
    /// The feature map that the windows are on.
    pub(crate) values: &'a [f32],
    pub(crate) offsets: &'a Offsets,
    /// Distance between the windows of neighbouring positions: one of [`STEPS`].
    pub(crate) step: usize,
    /// Rows of positions.
    pub(crate) rows: &'a [Positions],
    /// `[filters / 16, depth, 16]`.
    pub(crate) weights: &'a [f32],
    /// `[filters]`, padded to whole blocks.
    pub(crate) bias: &'a [f32],
    /// Values to add: as the targets.
    pub(crate) added: Option<&'a [&'a [f32]]>,
    pub(crate) rectifier: Rectifier,
}

/// The distances between neighbouring windows that [`WindowProduct`] supports.
pub(crate) const STEPS: [usize; 5] = [1, 2, 4, COLUMNS, 2 * COLUMNS];

/// Evaluates an expression with the step, one of [`STEPS`], as a constant.
macro_rules! with_step {
    ($step:expr, $STEP:ident => $run:expr) => {
        with_step!($step, $STEP => $run, 1 2 4 16 32)
    };
    ($step:expr, $STEP:ident => $run:expr, $($n:literal)*) => {
        match $step {
            $($n => {
                const $STEP: usize = $n;
                $run
            })*
            step => unreachable!("windows that are {step} values apart"),
        }
    };
}
pub(super) use with_step;

impl WindowProduct<'_> {
    /// Writes the products to `targets`, one for each block of 16 filters: `[positions, 16]`.
    ///
    /// # Panics
    /// If a slice is too short or the step is not supported, which would be a bug in this crate.
    pub(crate) fn write(&self, targets: &mut [&mut [f32]]) {
        Arch::new().dispatch(Write {
            product: self,
            targets,
        });
    }

    /// The weights of `V` registers of filters, from this place in the windows on.
    #[inline(always)]
    pub(super) fn filters<const V: usize>(
        &self,
        first: usize,
        lanes: usize,
        from: usize,
    ) -> Columns<'_, V> {
        let mut registers: [&[f32]; V] = [&[]; V];
        for (v, register) in registers.iter_mut().enumerate() {
            let filter = first + v * lanes;
            let row = filter / COLUMNS * self.offsets.depth() + from;
            *register = &self.weights[row * COLUMNS + filter % COLUMNS..];
        }
        Columns {
            values: registers,
            line: COLUMNS,
            count: V * lanes,
            next: 0,
        }
    }
}

struct Write<'a, 'b, 'c> {
    product: &'a WindowProduct<'a>,
    targets: &'b mut [&'c mut [f32]],
}

impl WithSimd for Write<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        with_step!(self.product.step, STEP => self.of_step::<S, STEP>(simd));
    }
}

/// Calls a method for a number of positions known only at run time.
macro_rules! with_positions {
    ($self:ident, $count:expr, $method:ident::<$S:ty, $STEP:ident, $R:ident, $V:ident>, $arguments:tt, $($n:literal)*) => {
        match $count {
            // Not compiled for more than `R` positions.
            $($n => if const { $n <= $R } {
                $self.$method::<$S, $STEP, $n, $V> $arguments
            },)*
            count => unreachable!("{count} positions at a time"),
        }
    };
}

impl Write<'_, '_, '_> {
    /// As many sums as fit the registers next to a row of the right factor.
    #[inline(always)]
    fn of_step<S: Simd, const STEP: usize>(&mut self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, STEP, 14, 2>(simd),
            8 => self.run::<S, STEP, 6, 2>(simd),
            4 => self.run::<S, STEP, 6, 4>(simd),
            _ => self.run::<S, STEP, 4, 1>(simd),
        }
    }

    #[inline(always)]
    fn run<S: Simd, const STEP: usize, const R: usize, const V: usize>(&mut self, simd: S) {
        let filters = self.targets.len() * COLUMNS;
        let depth = self.product.offsets.depth();
        for column in (0..filters).step_by(V * S::F32_LANES) {
            // A part's weights stay in the first-level cache for all positions.
            for from in (0..depth.max(1)).step_by(DEPTH) {
                let part = from..(from + DEPTH).min(depth);
                if filters - column > S::F32_LANES {
                    self.columns::<S, STEP, R, V>(simd, column, &part);
                } else {
                    self.columns::<S, STEP, R, 1>(simd, column, &part);
                }
            }
        }
    }

    /// All positions, up to `R` at a time and about as many each time.
    #[inline(always)]
    fn columns<S: Simd, const STEP: usize, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        column: usize,
        part: &Range<usize>,
    ) {
        for row in self.product.rows {
            let groups = row.count.div_ceil(R);
            let mut done = 0;
            for group in 0..groups {
                let count = (row.count - done).div_ceil(groups - group);
                let at = Positions {
                    from: row.from + done * STEP,
                    to: row.to + done,
                    count,
                };
                with_positions!(
                    self, count, positions::<S, STEP, R, V>, (simd, at, column, part),
                    1 2 3 4 5 6 7 8 9 10 11 12 13 14
                );
                done += count;
            }
        }
    }

    #[inline(always)]
    fn positions<S: Simd, const STEP: usize, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        at: Positions,
        column: usize,
        part: &Range<usize>,
    ) {
        let product = self.product;
        let right = product.filters::<V>(column, S::F32_LANES, part.start);
        let left = Windows::<STEP> {
            values: &product.values[at.from..],
            offsets: product.offsets,
            from: part.start,
        };
        let sums = sums::<S, Windows<'_, STEP>, R, V, true>(simd, left, right, part.len());
        let is_last = part.end == product.offsets.depth();
        let bounds = product.rectifier.bounds();
        let columns = (column..).step_by(S::F32_LANES);
        for (v, column) in columns.take(V).enumerate() {
            let (block, lane) = (column / COLUMNS, column % COLUMNS);
            let bias = load(simd, &product.bias[column..column + S::F32_LANES]);
            let range = at.to * COLUMNS + lane..(at.to + R) * COLUMNS;
            let target = &mut self.targets[block][range.clone()];
            let added = match product.added {
                Some(added) if is_last => Some(&added[block][range]),
                _ => None,
            };
            for (r, sums) in sums.iter().enumerate() {
                let target = &mut target[r * COLUMNS..][..S::F32_LANES];
                let mut value = sums[v];
                if part.start > 0 {
                    value = simd.add_f32s(load(simd, target), value);
                }
                if is_last {
                    value = simd.add_f32s(value, bias);
                    if let Some(added) = added {
                        let added = &added[r * COLUMNS..][..S::F32_LANES];
                        value = simd.add_f32s(value, load(simd, added));
                    }
                    // Without a rectifier the bounds are NaN and change nothing.
                    value = rectified(simd, value, bounds);
                }
                if let ([target], []) = S::as_mut_simd_f32s(target) {
                    *target = value;
                }
            }
        }
    }
}
