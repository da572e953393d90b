//! Products of two factors whose rows are both contiguous along the sums: dot products, without rearranging either
//! factor.
#![allow(unsafe_code)] // the bounds are checked once, before the loop

use pulp::{Arch, Simd, WithSimd};

/// Rows of values, which start `line` values apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DotLines<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) line: usize,
}

impl<'a> DotLines<'a> {
    #[inline(always)]
    fn row(&self, row: usize, depth: usize) -> &'a [f32] {
        &self.values[row * self.line..][..depth]
    }
}

/// The vector at `k`.
///
/// # Safety
/// `k + F32_LANES` must be at most the number of values.
#[inline(always)]
unsafe fn vector<S: Simd>(values: &[f32], k: usize) -> S::f32s {
    // SAFETY: the caller guarantees that the values exist; the read may be unaligned, and every bit pattern is a valid
    // float.
    unsafe { values.as_ptr().add(k).cast::<S::f32s>().read_unaligned() }
}

/// `target += left * rightᵀ` for rows of `depth` values, on the calling thread.
///
/// # Shapes
/// - `target`: `[left rows, right rows]`
///
/// # Panics
/// If a slice is too short, which would be a bug in this crate.
pub(crate) fn add_dots(target: &mut [f32], left: DotLines<'_>, right: DotLines<'_>, depth: usize) {
    Arch::new().dispatch(Dots {
        target,
        left,
        right,
        depth,
    });
}

struct Dots<'a, 'b> {
    target: &'b mut [f32],
    left: DotLines<'a>,
    right: DotLines<'a>,
    depth: usize,
}

impl WithSimd for Dots<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as fit the registers next to a column of the left factor.
        match S::F32_LANES {
            8 => self.run::<S, 2, 4>(simd),
            _ => self.run::<S, 4, 6>(simd),
        }
    }
}

impl Dots<'_, '_> {
    /// `R` rows of the left factor and `C` of the right one at a time, or fewer at the end.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const C: usize>(mut self, simd: S) {
        let mut row = 0;
        while row < self.left.rows {
            row += if self.left.rows - row >= R {
                self.row::<S, R, C>(simd, row)
            } else {
                self.row::<S, 1, C>(simd, row)
            };
        }
    }

    /// `R` rows of the target; returns `R`.
    #[inline(always)]
    fn row<S: Simd, const R: usize, const C: usize>(&mut self, simd: S, row: usize) -> usize {
        let mut column = 0;
        while column < self.right.rows {
            column += match self.right.rows - column {
                left if left >= C => self.tile::<S, R, C>(simd, row, column),
                3.. => self.tile::<S, R, 3>(simd, row, column),
                _ => self.tile::<S, R, 1>(simd, row, column),
            };
        }
        R
    }

    /// `R` rows and `C` columns of the target; returns `C`.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
    ) -> usize {
        const { assert!(R <= 4) }
        let mut left: [&[f32]; R] = [&[]; R];
        let mut right: [&[f32]; C] = [&[]; C];
        for (i, left) in left.iter_mut().enumerate() {
            *left = self.left.row(row + i, self.depth);
        }
        for (i, right) in right.iter_mut().enumerate() {
            *right = self.right.row(column + i, self.depth);
        }
        let whole = self.depth / S::F32_LANES * S::F32_LANES;
        // One variable for each row, since the compiler keeps large arrays in memory.
        macro_rules! with_rows {
            ($($row:literal $sum:ident)*) => {{
                $(let mut $sum = [simd.splat_f32s(0.0); C];)*
                for k in (0..whole).step_by(S::F32_LANES) {
                    let mut columns = [simd.splat_f32s(0.0); C];
                    for (column, right) in columns.iter_mut().zip(&right) {
                        // SAFETY: `k + F32_LANES <= whole`, and each row has `depth >= whole` values.
                        *column = unsafe { vector::<S>(right, k) };
                    }
                    $(if $row < R {
                        // SAFETY: as above.
                        let value = unsafe { vector::<S>(left[$row], k) };
                        for c in 0..C {
                            $sum[c] = simd.mul_add_f32s(value, columns[c], $sum[c]);
                        }
                    })*
                }
                $(if $row < R {
                    let from = (row + $row) * self.right.rows + column;
                    for (c, target) in self.target[from..from + C].iter_mut().enumerate() {
                        let last = left[$row][whole..].iter().zip(&right[c][whole..]);
                        let last: f32 = last.map(|(a, b)| a * b).sum();
                        *target += simd.reduce_sum_f32s($sum[c]) + last;
                    }
                })*
            }};
        }
        with_rows!(0 s0 1 s1 2 s2 3 s3);
        C
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_of_any_size_are_sums_of_products() {
        for [rows, columns, depth, line] in [
            [1, 1, 1, 1],
            [4, 6, 32, 40],
            [7, 11, 45, 45],
            [9, 4, 0, 3],
            [5, 9, 100, 101],
        ] {
            let values = |count: usize, step: usize| -> Vec<f32> {
                let each = 0..count;
                each.map(|i| ((i * step) % 17) as f32 / 8.0 - 1.0).collect()
            };
            let (left, right) = (values(rows * line, 5), values(columns * line, 7));
            let mut target = vec![1.0; rows * columns];
            let lines = |values, rows| DotLines { values, rows, line };
            add_dots(
                &mut target,
                lines(&left, rows),
                lines(&right, columns),
                depth,
            );
            for (i, found) in target.iter().enumerate() {
                let pairs = left[i / columns * line..][..depth]
                    .iter()
                    .zip(&right[i % columns * line..]);
                let expected = 1.0 + pairs.map(|(a, b)| a * b).sum::<f32>();
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }
}
