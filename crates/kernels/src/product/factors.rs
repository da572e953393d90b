//! The factors of a product, packed or not.

use std::borrow::Cow;
use std::ops::Range;

/// Number of rows that are interleaved in a packed left factor; a multiple of the rows computed at
/// a time.
pub(crate) const ROWS: usize = 12;
/// Number of columns in a panel of a packed right factor; a multiple of every vector width.
pub(crate) const COLUMNS: usize = 16;
/// A left factor, `[rows, depth]`, packed or as it is.
#[derive(Debug, Clone)]
pub(crate) struct Rows<'a> {
    /// `[rows, depth]`; if packed, in blocks of twelve interleaved rows: `[rows / 12, depth, 12]`, padded with zeros
    /// after the last row.
    values: Cow<'a, [f32]>,
    rows: usize,
    depth: usize,
    is_packed: bool,
}

impl<'a> Rows<'a> {
    /// The rows as they are: for a product with few columns, which takes less time than packing.
    pub(crate) fn unpacked(values: &'a [f32], rows: usize, depth: usize) -> Self {
        Self {
            values: values.into(),
            rows,
            depth,
            is_packed: false,
        }
    }

    /// Packs `[rows, depth]`.
    pub(crate) fn packed(values: &[f32], rows: usize, depth: usize) -> Self {
        let mut packed = vec![0.0; rows.next_multiple_of(ROWS) * depth];
        for (row, values) in values.chunks_exact(depth.max(1)).take(rows).enumerate() {
            let block = &mut packed[row / ROWS * ROWS * depth..];
            let to = block[row % ROWS..].iter_mut().step_by(ROWS);
            for (to, from) in to.zip(values) {
                *to = *from;
            }
        }
        Self {
            values: packed.into(),
            rows,
            depth,
            is_packed: true,
        }
    }

    /// Packs the transpose of `[depth, rows]`.
    pub(crate) fn packed_transposed(values: &[f32], depth: usize, rows: usize) -> Self {
        let mut packed = vec![0.0; rows.next_multiple_of(ROWS) * depth];
        for (block, to) in packed.chunks_exact_mut((ROWS * depth).max(1)).enumerate() {
            let of_block = block * ROWS..((block + 1) * ROWS).min(rows);
            let lines = values.chunks_exact(rows.max(1));
            for (to, from) in to.chunks_exact_mut(ROWS).zip(lines) {
                to[..of_block.len()].copy_from_slice(&from[of_block.clone()]);
            }
        }
        Self {
            values: packed.into(),
            rows,
            depth,
            is_packed: true,
        }
    }

    /// A range of its rows, which must begin at a multiple of [`ROWS`].
    pub(crate) fn part(&self, rows: Range<usize>) -> Left<'_> {
        assert!(rows.start.is_multiple_of(ROWS) && rows.end <= self.rows);
        Left {
            values: &self.values[rows.start * self.depth..],
            rows: rows.len(),
            depth: self.depth,
            line: (!self.is_packed).then_some(self.depth),
        }
    }
}

/// The left factor of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) depth: usize,
    /// Distance between rows; `None` if they are packed.
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
    /// Distance between rows.
    pub(super) line: usize,
    /// Distance between panels of [`COLUMNS`] columns.
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

    /// Packed panels: `[columns / 16, depth, 16]`.
    pub(crate) fn panels(values: &'a [f32], columns: usize, depth: usize) -> Self {
        Self {
            values,
            columns,
            line: COLUMNS,
            panel: depth * COLUMNS,
        }
    }

    /// The values from this row and column on.
    #[inline(always)]
    pub(super) fn from(&self, row: usize, column: usize) -> &'a [f32] {
        let panel = column / COLUMNS * self.panel + column % COLUMNS;
        &self.values[panel + row * self.line..]
    }
}
