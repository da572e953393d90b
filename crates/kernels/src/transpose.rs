//! Transposing matrices, in squares that fit the registers.
#![allow(unsafe_code)] // arrays of numbers become vectors; the bounds are checked once

use crate::prefetch::prefetch;
use crate::simd::vectorized;

/// Side of the squares that are transposed at once: four vectors of four values.
pub(crate) const SIDE: usize = 4;
/// How many values after the beginning of a row the cache is told to fetch: two rows of a small map. Rows are too short
/// for the processor to foresee the next.
const AHEAD: usize = 64;

/// `result[column][row] = rows[row][column]`. The compiler would make a load and a store per value of it.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn square(rows: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    use std::arch::x86_64::{
        __m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: both are sixteen 32-bit floats without padding.
    let [a, b, c, d] = unsafe { std::mem::transmute::<[[f32; SIDE]; SIDE], [__m128; SIDE]>(rows) };
    // SAFETY: the instructions are part of SSE, which every x86-64 processor has.
    let columns = unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_last, cd_last) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_last, cd_last),
            _mm_movehl_ps(cd_last, ab_last),
        ]
    };
    // SAFETY: as above.
    unsafe { std::mem::transmute::<[__m128; SIDE], [[f32; SIDE]; SIDE]>(columns) }
}

/// `result[column][row] = rows[row][column]`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn square([a, b, c, d]: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    [
        [a[0], b[0], c[0], d[0]],
        [a[1], b[1], c[1], d[1]],
        [a[2], b[2], c[2], d[2]],
        [a[3], b[3], c[3], d[3]],
    ]
}

/// `target[column][row] = source[row][column]`.
///
/// # Shapes
/// - `source`: `rows` lines that start `source_line` values apart
/// - `target`: `columns` lines that start `target_line` values apart
pub(crate) fn transpose(
    source: &[f32],
    source_line: usize,
    size: [usize; 2],
    target: &mut [f32],
    target_line: usize,
) {
    vectorized!(rearrange(source, source_line, size, target, target_line));
}

/// As [`transpose`], to be called within [`vectorized!`].
#[inline(always)]
pub(crate) fn rearrange(
    source: &[f32],
    source_line: usize,
    [rows, columns]: [usize; 2],
    target: &mut [f32],
    target_line: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    if rows < SIDE || columns < SIDE {
        for row in 0..rows {
            for column in 0..columns {
                target[column * target_line + row] = source[row * source_line + column];
            }
        }
        return;
    }
    let source = &source[..end(rows, source_line, columns)];
    let target = &mut target[..end(columns, target_line, rows)];
    for row in starts(rows) {
        for i in 0..SIDE {
            prefetch(source, (row + i) * source_line + AHEAD);
        }
        for column in starts(columns) {
            let place = column * target_line + row;
            // SAFETY: `row <= rows - SIDE` and `column <= columns - SIDE`, so that all of the square is within the slices,
            // whose last values are those of the last row and column.
            unsafe {
                let from = source.as_ptr().add(row * source_line + column);
                let to = target.as_mut_ptr().add(place);
                let lines = [
                    to,
                    to.add(target_line),
                    to.add(2 * target_line),
                    to.add(3 * target_line),
                ];
                copy_square(from, source_line, lines);
            }
        }
    }
}

/// `lines[column][row] = source[row][column]`, to be called within [`vectorized!`].
///
/// # Shapes
/// - `source`: rows that start `source_line` values apart
/// - `lines`: of equal length, the number of rows
#[inline(always)]
pub(crate) fn to_lines(source: &[f32], source_line: usize, lines: [&mut [f32]; SIDE]) {
    let rows = lines[0].len();
    if rows < SIDE {
        for (column, line) in lines.into_iter().enumerate() {
            for (row, to) in line.iter_mut().enumerate() {
                *to = source[row * source_line + column];
            }
        }
        return;
    }
    let source = &source[..end(rows, source_line, SIDE)];
    let [a, b, c, d] = lines.map(|line| &mut line[..rows]);
    for row in starts(rows) {
        // SAFETY: `row <= rows - SIDE`, all lines have `rows` values, and the source has `SIDE` columns of the last row.
        unsafe {
            let from = source.as_ptr().add(row * source_line);
            let lines = [
                a.as_mut_ptr().add(row),
                b.as_mut_ptr().add(row),
                c.as_mut_ptr().add(row),
                d.as_mut_ptr().add(row),
            ];
            copy_square(from, source_line, lines);
        }
    }
}

/// The end of the last of some lines, at least one, that begin `line` values apart and have `length` values.
#[inline(always)]
fn end(lines: usize, line: usize, length: usize) -> usize {
    // A wrapped number would pass the check of the bounds.
    (lines - 1).saturating_mul(line).saturating_add(length)
}

/// Where the squares begin that cover so many rows or columns, at least [`SIDE`]; the last two may overlap.
#[inline(always)]
fn starts(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(SIDE).map(
        #[inline(always)]
        move |start| start.min(count - SIDE),
    )
}

/// Copies a square, transposed.
///
/// # Safety
/// From `from` on there are `SIDE` rows, `line` values apart, of `SIDE` values; each place in `to` has as many.
#[inline(always)]
unsafe fn copy_square(from: *const f32, line: usize, to: [*mut f32; SIDE]) {
    let mut rows = [[0.0; SIDE]; SIDE];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: as the caller guarantees.
        *row = unsafe { from.add(i * line).cast::<[f32; SIDE]>().read_unaligned() };
    }
    for (to, column) in to.into_iter().zip(square(rows)) {
        // SAFETY: as the caller guarantees.
        unsafe { to.cast::<[f32; SIDE]>().write_unaligned(column) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_any_size_are_transposed() {
        for [rows, columns] in [[1, 1], [4, 4], [5, 3], [3, 21], [16, 16], [9, 39], [8, 0]] {
            let (source_line, target_line) = (columns + 3, rows + 2);
            let source: Vec<f32> = (0..rows * source_line).map(|i| i as f32).collect();
            let mut target = vec![-1.0; columns * target_line];
            transpose(
                &source,
                source_line,
                [rows, columns],
                &mut target,
                target_line,
            );
            for column in 0..columns {
                for row in 0..target_line {
                    let expected = match row < rows {
                        true => source[row * source_line + column],
                        false => -1.0,
                    };
                    assert_eq!(
                        target[column * target_line + row],
                        expected,
                        "{rows}x{columns}"
                    );
                }
            }
        }
    }
}
