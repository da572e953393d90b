//! Windows to columns and back.

use super::Sizes;
use crate::lanes::{add, vectorised};
use std::ops::Range;

/// Rows `channels * kernel height * kernel width`, columns one per place of `rows`: the values that
/// each place of the window sees, zero where it sees padding.
///
/// # Shapes
/// - `planes`: `[channels, height, width]` of one image
/// - `columns`: `[channels * kernel height * kernel width, rows.len() * output width]`
pub(super) fn gather(sizes: &Sizes, planes: &[f32], rows: &Range<usize>, columns: &mut [f32]) {
    let mut lines = columns.chunks_exact_mut(rows.len() * sizes.output[1]);
    for plane in planes.chunks_exact(sizes.input_plane()) {
        for tap in taps(sizes) {
            if let Some(line) = lines.next() {
                gather_tap(sizes, plane, tap, rows, line);
            }
        }
    }
}

/// Adds each column's values to the places they came from: [`gather`]'s transpose.
///
/// # Shapes
/// - `columns`: as [`gather`]'s; values that belong to padding are overwritten
/// - `planes`: `[channels, height, width]` of one image
pub(super) fn scatter(sizes: &Sizes, columns: &mut [f32], rows: &Range<usize>, planes: &mut [f32]) {
    let mut lines = columns.chunks_exact_mut(rows.len() * sizes.output[1]);
    for plane in planes.chunks_exact_mut(sizes.input_plane()) {
        for tap in taps(sizes) {
            if let Some(line) = lines.next() {
                scatter_tap(sizes, line, tap, rows, plane);
            }
        }
    }
}

/// One place in the kernel, as the distance from a window's first input row and column.
#[derive(Clone, Copy)]
struct Tap {
    y: isize,
    x: isize,
}

fn taps(sizes: &Sizes) -> impl Iterator<Item = Tap> + use<> {
    let [height, width] = sizes.kernel;
    let [dilation_y, dilation_x] = sizes.options.dilation;
    let [top, left, ..] = sizes.options.padding;
    (0..height).flat_map(move |ky| {
        (0..width).map(move |kx| Tap {
            y: (ky * dilation_y) as isize - top as isize,
            x: (kx * dilation_x) as isize - left as isize,
        })
    })
}

/// The places whose input index `place * stride + offset` lies inside `0..n`.
fn inside(places: usize, stride: usize, offset: isize, n: usize) -> Range<usize> {
    let stride = stride as isize;
    let first = (-offset).max(0).div_ceil_by(stride);
    let end = (n as isize - offset).max(0).div_ceil_by(stride);
    let end = (end as usize).min(places);
    (first as usize).min(end)..end
}

trait DivCeil {
    fn div_ceil_by(self, by: Self) -> Self;
}

impl DivCeil for isize {
    fn div_ceil_by(self, by: Self) -> Self {
        (self + by - 1) / by
    }
}

/// Whether a whole plane's line is its input shifted: then one copy does, but for the margins.
fn is_shift(sizes: &Sizes) -> bool {
    sizes.options.strides == [1, 1] && sizes.output[1] == sizes.input[1]
}

fn gather_tap(sizes: &Sizes, plane: &[f32], tap: Tap, rows: &Range<usize>, line: &mut [f32]) {
    let [stride_y, stride_x] = sizes.options.strides;
    let [out_height, out_width] = sizes.output;
    let width = sizes.input[1];
    let valid_rows = intersect(inside(out_height, stride_y, tap.y, sizes.input[0]), rows);
    let valid = inside(out_width, stride_x, tap.x, width);
    if valid.is_empty() || valid_rows.is_empty() {
        line.fill(0.0);
        return;
    }
    let (before, after) = (valid_rows.start - rows.start, valid_rows.end - rows.start);
    line[..before * out_width].fill(0.0);
    line[after * out_width..].fill(0.0);
    let line = &mut line[before * out_width..after * out_width];
    let first_row = (valid_rows.start * stride_y).wrapping_add_signed(tap.y);
    if is_shift(sizes) {
        let from = first_row * width + valid.start.wrapping_add_signed(tap.x);
        let values = line.len() - valid.start - (width - valid.end);
        line[valid.start..][..values].copy_from_slice(&plane[from..][..values]);
        if valid.len() < width {
            for row in line.chunks_exact_mut(width) {
                row[..valid.start].fill(0.0);
                row[valid.end..].fill(0.0);
            }
        }
        return;
    }
    for (i, out) in line.chunks_exact_mut(out_width).enumerate() {
        let row = &plane[(first_row + i * stride_y) * width..][..width];
        let from = &row[(valid.start * stride_x).wrapping_add_signed(tap.x)..];
        out[..valid.start].fill(0.0);
        out[valid.end..].fill(0.0);
        let out = &mut out[valid.clone()];
        if stride_x == 1 {
            out.copy_from_slice(&from[..out.len()]);
        } else {
            for (out, from) in out.iter_mut().zip(from.iter().step_by(stride_x)) {
                *out = *from;
            }
        }
    }
}

fn scatter_tap(sizes: &Sizes, line: &mut [f32], tap: Tap, rows: &Range<usize>, plane: &mut [f32]) {
    let [stride_y, stride_x] = sizes.options.strides;
    let [out_height, out_width] = sizes.output;
    let width = sizes.input[1];
    let valid_rows = intersect(inside(out_height, stride_y, tap.y, sizes.input[0]), rows);
    let valid = inside(out_width, stride_x, tap.x, width);
    if valid.is_empty() || valid_rows.is_empty() {
        return;
    }
    let (before, after) = (valid_rows.start - rows.start, valid_rows.end - rows.start);
    let line = &mut line[before * out_width..after * out_width];
    let first_row = (valid_rows.start * stride_y).wrapping_add_signed(tap.y);
    if is_shift(sizes) {
        if valid.len() < width {
            // What would wrap around to the neighbouring row belongs to the padding.
            for row in line.chunks_exact_mut(width) {
                row[..valid.start].fill(0.0);
                row[valid.end..].fill(0.0);
            }
        }
        let to = first_row * width + valid.start.wrapping_add_signed(tap.x);
        let values = line.len() - valid.start - (width - valid.end);
        let (sums, values) = (&mut plane[to..][..values], &line[valid.start..][..values]);
        vectorised(|| add(sums, values));
        return;
    }
    for (i, values) in line.chunks_exact(out_width).enumerate() {
        let row = &mut plane[(first_row + i * stride_y) * width..][..width];
        let to = &mut row[(valid.start * stride_x).wrapping_add_signed(tap.x)..];
        for (sum, value) in to.iter_mut().step_by(stride_x).zip(&values[valid.clone()]) {
            *sum += *value;
        }
    }
}

fn intersect(a: Range<usize>, b: &Range<usize>) -> Range<usize> {
    let (start, end) = (a.start.max(b.start), a.end.min(b.end));
    start..end.max(start)
}
