//! Matrix products: with factors that are packed once and used many times, which are weights; with windows of feature
//! maps; and of rows with rows ([`add_dots`]).
//!
//! Each element of a product is summed in the same order, whatever the numbers of rows and columns: dot products in the
//! lanes of one vector, the others in parts of [`DEPTH`] products. Results are therefore bit-identical however rows and
//! columns are divided among tasks, and whatever the number of images.

mod dots;
mod factors;
mod pooled;
mod positions;
mod sums;

pub(crate) use dots::{DotLines, add_dots};
pub(crate) use factors::{COLUMNS, Left, ROWS, Right, Rows};
pub(crate) use positions::{Offsets, Positions, STEPS, WindowProduct};

use crate::rectifier::{Bounds, Rectifier};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;
use sums::{Columns, Factor, InterleavedRows, Lines, sums};

/// Number of products that are summed before the sum is added to the target; as many rows of the right factor should
/// stay in the second-level cache.
const DEPTH: usize = 256;

/// What is done with the values of a product.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Finish<'a> {
    /// Per row, added to its values.
    pub(crate) bias: Option<&'a [f32]>,
    /// Values to add, and the distance between their rows.
    pub(crate) added: Option<(&'a [f32], usize)>,
    /// Applied last.
    pub(crate) rectifier: Rectifier,
}

/// `target = rectifier(left * right + bias + added)`, on the calling thread; `target` has one slice per row.
///
/// # Panics
/// If a slice is too short, which would be a bug in this crate.
pub(crate) fn product(
    target: &mut [&mut [f32]],
    left: Left<'_>,
    right: Right<'_>,
    finish: Finish<'_>,
) {
    assert_eq!(target.len(), left.rows, "rows of a product");
    Arch::new().dispatch(Product {
        target,
        left,
        right,
        finish,
    });
}

struct Product<'a, 'b> {
    target: &'a mut [&'b mut [f32]],
    left: Left<'a>,
    right: Right<'a>,
    finish: Finish<'a>,
}

impl WithSimd for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // A single row takes as long as its right factor takes to read, so several panels are read at a time.
        if self.target.len() == 1 {
            return self.run::<S, 1, 1, 4>(simd);
        }
        // As many sums as fit the registers next to a row of the right factor.
        match S::F32_LANES {
            16 => self.run::<S, 12, 6, 2>(simd),
            8 => self.run::<S, 6, 3, 2>(simd),
            4 => self.run::<S, 4, 2, 4>(simd),
            _ => self.run::<S, 4, 2, 1>(simd),
        }
    }
}

impl Product<'_, '_> {
    /// Computes `R` rows and `V` vectors at a time, or `HALF` rows if few are left. All rows are computed before the
    /// next columns, which so stay in the first-level cache.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const HALF: usize, const V: usize>(mut self, simd: S) {
        let depth = self.left.depth;
        for from in (0..depth.max(1)).step_by(DEPTH) {
            let part = from..(from + DEPTH).min(depth);
            for column in (0..self.right.columns).step_by(V * S::F32_LANES) {
                if self.right.columns - column > S::F32_LANES {
                    self.rows::<S, R, HALF, V>(simd, column, &part);
                } else {
                    self.rows::<S, R, HALF, 1>(simd, column, &part);
                }
            }
        }
    }

    /// Computes all rows of `V` vectors of columns.
    #[inline(always)]
    fn rows<S: Simd, const R: usize, const HALF: usize, const V: usize>(
        &mut self,
        simd: S,
        column: usize,
        part: &Range<usize>,
    ) {
        let rows = self.left.rows;
        let mut row = 0;
        while row < rows {
            if rows - row > HALF {
                self.block::<S, R, V>(simd, row, column, part.clone());
                row += R;
            } else {
                self.block::<S, HALF, V>(simd, row, column, part.clone());
                row += HALF;
            }
        }
    }

    /// Computes `R` rows, some of which may be beyond the last one, and some columns.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        part: Range<usize>,
    ) {
        let Left {
            values,
            rows,
            depth,
            line,
        } = self.left;
        match line {
            None => {
                let block = row / ROWS * ROWS * depth + row % ROWS;
                let values = &values[block + part.start * ROWS..];
                self.sum::<S, InterleavedRows<'_>, R, V>(
                    simd,
                    InterleavedRows(values),
                    [row, column],
                    part,
                );
            }
            Some(line) => {
                let mut lines: [&[f32]; R] = [&[]; R];
                for (r, to) in lines.iter_mut().enumerate() {
                    // Rows beyond the last one are computed as copies of it, and not written.
                    let row = (row + r).min(rows - 1);
                    *to = &values[row * line..][part.clone()];
                }
                self.sum::<S, Lines<'_, R>, R, V>(simd, Lines(lines), [row, column], part);
            }
        }
    }

    #[inline(always)]
    fn sum<S: Simd, L: Factor<R>, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        left: L,
        [row, column]: [usize; 2],
        part: Range<usize>,
    ) {
        let step = V * S::F32_LANES;
        let count = step.min(self.right.columns - column);
        // The vectors may lie in different panels.
        let mut values: [&[f32]; V] = [&[]; V];
        for (v, values) in values.iter_mut().enumerate() {
            let column = column + v * S::F32_LANES;
            if column < self.right.columns {
                *values = self.right.from(part.start, column);
            }
        }
        // The first rows find the next columns for all.
        let is_far = row == 0 && self.right.line > COLUMNS;
        let right = Columns {
            values,
            line: self.right.line,
            count,
            next: if is_far { step } else { 0 },
        };
        let sums = if count == step {
            sums::<S, L, R, V, true>(simd, left, right, part.len())
        } else {
            sums::<S, L, R, V, false>(simd, left, right, part.len())
        };
        self.write::<S, R, V>(simd, &sums, row, column..column + count, &part);
    }

    #[inline(always)]
    fn write<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        sums: &[[S::f32s; V]; R],
        row: usize,
        columns: Range<usize>,
        part: &Range<usize>,
    ) {
        let is_last = part.end == self.left.depth;
        let finish = if is_last {
            self.finish
        } else {
            Finish::default()
        };
        let rows = self.target.get_mut(row..).unwrap_or_default();
        if part.start == 0 && finish.added.is_none() && columns.len() == V * S::F32_LANES {
            // With few products per element, writing takes as long as summing, so this path has no branches per
            // vector.
            let bias = finish.bias.map(|bias| &bias[row..]);
            write_whole::<S, R, V>(simd, sums, rows, columns.start, bias, finish.rectifier);
            return;
        }
        for (r, (sums, target)) in sums.iter().zip(rows).enumerate() {
            let target = &mut target[columns.clone()];
            let bias = finish.bias.map(|bias| simd.splat_f32s(bias[row + r]));
            let added = finish.added;
            let added = added.map(|(added, line)| &added[(row + r) * line..][columns.clone()]);
            for (v, sum) in sums.iter().enumerate() {
                let at = v * S::F32_LANES..((v + 1) * S::F32_LANES).min(target.len());
                if at.is_empty() {
                    break;
                }
                let mut value = *sum;
                let target = &mut target[at.clone()];
                if part.start > 0 {
                    value = simd.add_f32s(load(simd, target), value);
                }
                if let Some(bias) = bias {
                    value = simd.add_f32s(value, bias);
                }
                if let Some(added) = added {
                    value = simd.add_f32s(value, load(simd, &added[at]));
                }
                if finish.rectifier.is_some() {
                    value = rectified(simd, value, finish.rectifier.bounds());
                }
                match S::as_mut_simd_f32s(target) {
                    ([target], []) => *target = value,
                    _ => simd.partial_store_f32s(target, value),
                }
            }
        }
    }
}

/// Writes `V` whole vectors, from a column on, to each of `R` rows, or to as many as exist. Uses loops, because the
/// compiler does not inline iterators' closures into code for a particular processor.
#[inline(always)]
fn write_whole<S: Simd, const R: usize, const V: usize>(
    simd: S,
    sums: &[[S::f32s; V]; R],
    rows: &mut [&mut [f32]],
    column: usize,
    bias: Option<&[f32]>,
    rectifier: Rectifier,
) {
    let columns = column..column + V * S::F32_LANES;
    if bias.is_none() && rectifier == Rectifier::None {
        for (target, sums) in rows.iter_mut().zip(sums) {
            let (target, _) = S::as_mut_simd_f32s(&mut target[columns.clone()]);
            for (target, sum) in target.iter_mut().zip(sums) {
                *target = *sum;
            }
        }
        return;
    }
    let bounds = rectifier.bounds();
    for (r, (target, sums)) in rows.iter_mut().zip(sums).enumerate() {
        let bias = match bias {
            Some(bias) => simd.splat_f32s(bias[r]),
            None => simd.splat_f32s(-0.0),
        };
        let (target, _) = S::as_mut_simd_f32s(&mut target[columns.clone()]);
        for (target, sum) in target.iter_mut().zip(sums) {
            // Without a rectifier the bounds are NaN and change nothing.
            *target = rectified(simd, simd.add_f32s(*sum, bias), bounds);
        }
    }
}

/// Loads a vector, or a partial one if fewer values are left.
#[inline(always)]
pub(crate) fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    match S::as_simd_f32s(values) {
        ([whole], []) => *whole,
        _ => simd.partial_load_f32s(values),
    }
}

/// Applies the bounds with comparisons, so that NaN stays NaN.
#[inline(always)]
pub(crate) fn rectified<S: Simd>(simd: S, value: S::f32s, bounds: Bounds) -> S::f32s {
    let (low, high) = (simd.splat_f32s(bounds.low), simd.splat_f32s(bounds.high));
    let value = simd.select_f32s(simd.less_than_f32s(value, low), low, value);
    simd.select_f32s(simd.greater_than_f32s(value, high), high, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, step: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * step) % 17) as f32 / 8.0 - 1.0)
            .collect()
    }

    /// All forms of the factors, with this processor's vectors and without any.
    #[test]
    fn products_of_any_size_are_sums_of_products() {
        for [rows, depth, columns] in [
            [1, 1, 1],
            [4, 3, 16],
            [13, 300, 17],
            [25, 513, 50],
            [7, 256, 31],
        ] {
            let (a, b) = (values(rows * depth, 7), values(depth * columns, 5));
            let bias = values(rows, 3);
            let added = values(rows * columns, 11);
            let expected = |row: usize, column: usize| {
                let products = (0..depth).map(|k| a[row * depth + k] * b[k * columns + column]);
                let sum: f32 = products.sum();
                (sum + bias[row] + added[row * columns + column]).max(0.0)
            };
            let packed = Rows::packed(&a, rows, depth);
            let columns_of_a: Vec<f32> = (0..depth * rows)
                .map(|i| a[i % rows * depth + i / rows])
                .collect();
            let transposed = Rows::packed_transposed(&columns_of_a, depth, rows);
            let mut panels = vec![0.0; columns.next_multiple_of(COLUMNS) * depth];
            for (k, line) in b.chunks_exact(columns).enumerate() {
                for (column, value) in line.iter().enumerate() {
                    let panel = column / COLUMNS * COLUMNS * depth;
                    panels[panel + k * COLUMNS + column % COLUMNS] = *value;
                }
            }
            let finish = Finish {
                bias: Some(&bias),
                added: Some((&added, columns)),
                rectifier: Rectifier::Relu,
            };
            for left in [
                packed.part(0..rows),
                transposed.part(0..rows),
                Left::lines(&a, rows, depth, depth),
            ] {
                for right in [
                    Right::lines(&b, columns, columns),
                    Right::panels(&panels, columns, depth),
                ] {
                    for plain in [false, true] {
                        let mut found = vec![9.0; rows * columns];
                        let mut target: Vec<&mut [f32]> = found.chunks_exact_mut(columns).collect();
                        if plain {
                            let target = &mut target;
                            pulp::Scalar.vectorize(Product {
                                target,
                                left,
                                right,
                                finish,
                            });
                        } else {
                            product(&mut target, left, right, finish);
                        }
                        for (i, found) in found.into_iter().enumerate() {
                            let expected = expected(i / columns, i % columns);
                            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_element_has_the_same_bits_in_any_part() {
        let (rows, depth, columns) = (30, 700, 45);
        let (a, b) = (values(rows * depth, 7), values(depth * columns, 5));
        let packed = Rows::packed(&a, rows, depth);
        let unpacked = Rows::unpacked(&a, rows, depth);
        let of = |left: &Rows<'_>, part: Range<usize>, columns_part: Range<usize>| {
            let mut found = vec![0.0; part.len() * columns_part.len()];
            let mut target: Vec<&mut [f32]> = found.chunks_exact_mut(columns_part.len()).collect();
            let right = Right::lines(&b[columns_part.start..], columns_part.len(), columns);
            product(&mut target, left.part(part), right, Finish::default());
            found
        };
        let whole = of(&packed, 0..rows, 0..columns);
        assert_eq!(whole, of(&unpacked, 0..rows, 0..columns));
        for (part, columns_part) in [(0..12, 3..4), (12..30, 0..45), (24..25, 7..40)] {
            let some = of(&packed, part.clone(), columns_part.clone());
            for (row, line) in part.zip(some.chunks_exact(columns_part.len())) {
                assert_eq!(&whole[row * columns..][columns_part.clone()], line);
            }
        }
    }
}
