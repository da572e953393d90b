//! The factors of a product: as they lie in memory, or packed.

use std::ops::Range;

/// Rows that lie interleaved in a packed left factor. As many as are computed at a time divide it.
pub(crate) const ROWS: usize = 12;
/// Columns of a panel of a packed right factor: vectors of any processor divide it.
pub(crate) const COLUMNS: usize = 16;
/// A left factor, `[rows, depth]`: twelve rows at a time, value by value side by side.
#[derive(Debug, Clone)]
pub(crate) struct PackedRows {
    /// `[rows / 12, depth, 12]`, zeros behind the last row.
    values: Vec<f32>,
    rows: usize,
    depth: usize,
}

impl PackedRows {
    /// From `[rows, depth]`.
    pub(crate) fn new(values: &[f32], rows: usize, depth: usize) -> Self {
        let mut packed = vec![0.0; rows.next_multiple_of(ROWS) * depth];
        for (row, values) in values.chunks_exact(depth.max(1)).take(rows).enumerate() {
            let block = &mut packed[row / ROWS * ROWS * depth..];
            let to = block[row % ROWS..].iter_mut().step_by(ROWS);
            for (to, from) in to.zip(values) {
                *to = *from;
            }
        }
        Self {
            values: packed,
            rows,
            depth,
        }
    }

    /// Some of its rows, from a multiple of [`ROWS`] on.
    pub(crate) fn part(&self, rows: Range<usize>) -> Left<'_> {
        assert!(rows.start.is_multiple_of(ROWS) && rows.end <= self.rows);
        Left {
            values: &self.values[rows.start * self.depth..],
            rows: rows.len(),
            depth: self.depth,
            line: None,
        }
    }
}

/// The left factor of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) depth: usize,
    /// From a row to the next; `None` where rows are packed.
    pub(super) line: Option<usize>,
}

impl<'a> Left<'a> {
    /// Rows of `depth` values that start `line` values apart.
    pub(crate) fn lines(values: &'a [f32], rows: usize, depth: usize, line: usize) -> Self {
        Self {
            values,
            rows,
            depth,
            line: Some(line),
        }
    }
}

/// The right factor of a product, `[depth, columns]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right<'a> {
    pub(super) values: &'a [f32],
    pub(super) columns: usize,
    /// From a row to the next.
    pub(super) line: usize,
    /// From [`COLUMNS`] columns to the next.
    pub(super) panel: usize,
}

impl<'a> Right<'a> {
    /// Rows that start `line` values apart.
    pub(crate) fn lines(values: &'a [f32], columns: usize, line: usize) -> Self {
        Self {
            values,
            columns,
            line,
            panel: COLUMNS,
        }
    }

    /// Packed: `[columns / 16, depth, 16]`.
    pub(crate) fn panels(values: &'a [f32], columns: usize, depth: usize) -> Self {
        Self {
            values,
            columns,
            line: COLUMNS,
            panel: depth * COLUMNS,
        }
    }

    /// From a row and a column on.
    #[inline(always)]
    pub(super) fn from(&self, row: usize, column: usize) -> &'a [f32] {
        let panel = column / COLUMNS * self.panel + column % COLUMNS;
        &self.values[panel + row * self.line..]
    }
}
