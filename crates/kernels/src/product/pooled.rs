//! Products of windows of which only the largest of each two by two positions is written: a convolution and the pool
//! after it, without the convolution's outputs ever being in memory.
#![allow(unsafe_code)] // the bounds are checked once, when the offsets are made and before the loop

use super::positions::{Offsets, Positions, WindowProduct, with_step};
use super::sums::{Factor, sums};
use super::{COLUMNS, DEPTH, load, rectified};
use pulp::{Arch, Simd, WithSimd};

/// The windows of `R / 4` squares of two by two positions. Columns of positions are `STEP` values apart.
#[derive(Clone, Copy)]
struct Squares<'a, const STEP: usize> {
    /// From the first position on.
    values: &'a [f32],
    offsets: &'a Offsets,
    /// The first value of the windows that is used.
    from: usize,
    /// Distance between the upper and the lower positions.
    line: usize,
}

impl<const R: usize, const STEP: usize> Factor<R> for Squares<'_, STEP> {
    #[inline(always)]
    fn reaches(&self, depth: usize) -> bool {
        const { assert!(R.is_multiple_of(4) && R > 0) }
        self.from + depth <= self.offsets.depth()
            && (R / 2 - 1) * STEP + self.line + self.offsets.largest() < self.values.len()
    }

    #[inline(always)]
    unsafe fn value(&self, row: usize, k: usize) -> f32 {
        let [column, below] = [row / 4 * 2 + row % 2, row / 2 % 2];
        // SAFETY: the caller guarantees `row < R`, and that `reaches` has confirmed a depth above the given `k`. So
        // the place in the window exists, and is at most `largest`; the column is at most `R / 2 - 1`, so that the
        // index is at most `(R / 2 - 1) * STEP + line + largest`, which is within the slice.
        unsafe {
            let place = self.offsets.get_unchecked(self.from + k);
            *self
                .values
                .get_unchecked(place + column * STEP + below * self.line)
        }
    }
}

impl WindowProduct<'_> {
    /// Writes the largest product of each two by two positions to `targets`, one for each block of 16 filters:
    /// `[squares, 16]`. The rows and counts of positions are those of squares; the lower positions of a square are
    /// `line` values after the upper ones. Nothing is added but the bias.
    ///
    /// # Panics
    /// If a slice is too short or the step is not supported, which would be a bug in this crate.
    pub(crate) fn write_largest(&self, line: usize, targets: &mut [&mut [f32]]) {
        Arch::new().dispatch(WriteLargest {
            product: self,
            line,
            targets,
        });
    }
}

struct WriteLargest<'a, 'b, 'c> {
    product: &'a WindowProduct<'a>,
    line: usize,
    targets: &'b mut [&'c mut [f32]],
}

impl WithSimd for WriteLargest<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        with_step!(self.product.step, STEP => self.of_step::<S, STEP>(simd));
    }
}

impl WriteLargest<'_, '_, '_> {
    /// As many squares as fit the registers next to a row of the right factor.
    #[inline(always)]
    fn of_step<S: Simd, const STEP: usize>(&mut self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, STEP, 12, 2>(simd),
            8 => self.run::<S, STEP, 4, 2>(simd),
            4 => self.run::<S, STEP, 4, 4>(simd),
            _ => self.run::<S, STEP, 4, 1>(simd),
        }
    }

    /// `R / 4` squares at a time.
    #[inline(always)]
    fn run<S: Simd, const STEP: usize, const R: usize, const V: usize>(&mut self, simd: S) {
        let filters = self.targets.len() * COLUMNS;
        for column in (0..filters).step_by(V * S::F32_LANES) {
            if filters - column > S::F32_LANES {
                self.columns::<S, STEP, R, V>(simd, column);
            } else {
                self.columns::<S, STEP, R, 1>(simd, column);
            }
        }
    }

    #[inline(always)]
    fn columns<S: Simd, const STEP: usize, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        column: usize,
    ) {
        for row in self.product.rows {
            let mut done = 0;
            while done < row.count {
                let at = Positions {
                    from: row.from + 2 * done * STEP,
                    to: row.to + done,
                    count: row.count - done,
                };
                done += if at.count >= R / 4 {
                    self.squares::<S, STEP, R, V>(simd, at, column)
                } else {
                    self.squares::<S, STEP, 4, V>(simd, at, column)
                };
            }
        }
    }

    /// The first `R / 4` squares; returns their number.
    #[inline(always)]
    fn squares<S: Simd, const STEP: usize, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        at: Positions,
        column: usize,
    ) -> usize {
        let product = self.product;
        let depth = product.offsets.depth();
        let mut sums = self.sums::<S, STEP, R, V>(simd, at.from, column, 0);
        for from in (DEPTH..depth).step_by(DEPTH) {
            let part = self.sums::<S, STEP, R, V>(simd, at.from, column, from);
            for (sums, more) in sums.iter_mut().zip(part) {
                for (sum, more) in sums.iter_mut().zip(more) {
                    *sum = simd.add_f32s(*sum, more);
                }
            }
        }
        let bounds = product.rectifier.bounds();
        let columns = (column..).step_by(S::F32_LANES);
        for (v, column) in columns.take(V).enumerate() {
            let (block, lane) = (column / COLUMNS, column % COLUMNS);
            let bias = load(simd, &product.bias[column..column + S::F32_LANES]);
            let target = &mut self.targets[block][at.to * COLUMNS + lane..];
            for (i, square) in sums.as_chunks::<4>().0.iter().enumerate() {
                let upper = larger(simd, square[0][v], square[1][v]);
                let lower = larger(simd, square[2][v], square[3][v]);
                // The sum and the rectifier, which keep the order, after the maximum: there are fewer values.
                let value = simd.add_f32s(larger(simd, upper, lower), bias);
                let value = rectified(simd, value, bounds);
                let target = &mut target[i * COLUMNS..][..S::F32_LANES];
                if let ([target], []) = S::as_mut_simd_f32s(target) {
                    *target = value;
                }
            }
        }
        R / 4
    }

    /// The sums of one part of the products, from this place in the windows on; the first window is on the values from
    /// `first` on.
    #[inline(always)]
    fn sums<S: Simd, const STEP: usize, const R: usize, const V: usize>(
        &self,
        simd: S,
        first: usize,
        column: usize,
        from: usize,
    ) -> [[S::f32s; V]; R] {
        let product = self.product;
        let depth = product.offsets.depth();
        let right = product.filters::<V>(column, S::F32_LANES, from);
        let left = Squares::<STEP> {
            values: &product.values[first..],
            offsets: product.offsets,
            from,
            line: self.line,
        };
        sums::<S, _, R, V, true>(simd, left, right, (depth - from).min(DEPTH))
    }
}

/// The larger of two values, or NaN if either is.
#[inline(always)]
fn larger<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
    let keeps = simd.greater_than_or_equal_f32s(a, b);
    let larger = simd.select_f32s(keeps, a, b);
    let is_number = simd.equal_f32s(a, a);
    simd.select_f32s(is_number, larger, a)
}
