//! im2col and its transpose, col2im, over a band of output rows.

use super::ConvSizes;
use crate::simd::{add, copy_steps, vectorized};
use std::ops::Range;

/// One column per output position in `rows`: the patch under the window there, with zeros for
/// padding.
///
/// # Shapes
/// - `planes`: `[channels, height, width]` of one image
/// - `columns`: `[channels * kernel height * kernel width, rows.len() * output width]`
pub(super) fn im2col(sizes: &ConvSizes, planes: &[f32], rows: &Range<usize>, columns: &mut [f32]) {
    let mut lines = columns.chunks_exact_mut(rows.len() * sizes.output[1]);
    for plane in planes.chunks_exact(sizes.input_plane()) {
        for tap in taps(sizes) {
            if let Some(line) = lines.next() {
                im2col_tap(sizes, plane, tap, rows, line);
            }
        }
    }
}

/// Adds each column's values to the inputs they came from: [`im2col`]'s transpose.
///
/// # Shapes
/// - `columns`: as [`im2col`]'s; those in the padding are overwritten
/// - `planes`: `[channels, height, width]` of one image
pub(super) fn col2im(
    sizes: &ConvSizes,
    columns: &mut [f32],
    rows: &Range<usize>,
    planes: &mut [f32],
) {
    let mut lines = columns.chunks_exact_mut(rows.len() * sizes.output[1]);
    for plane in planes.chunks_exact_mut(sizes.input_plane()) {
        for tap in taps(sizes) {
            if let Some(line) = lines.next() {
                col2im_tap(sizes, line, tap, rows, plane);
            }
        }
    }
}

/// One element of the kernel: the input row and column that it reads for output (0, 0).
#[derive(Clone, Copy)]
struct Tap {
    y: isize,
    x: isize,
}

fn taps(sizes: &ConvSizes) -> impl Iterator<Item = Tap> + use<> {
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

/// The part of a band of output rows for which a tap reads the input, not the padding.
struct Overlap {
    /// Rows of the band.
    rows: Range<usize>,
    /// The input row that the first of them reads.
    first_row: usize,
    /// Output positions along a row.
    columns: Range<usize>,
    /// The input column that the first of them reads.
    first_column: usize,
}

impl Overlap {
    /// `None` if the tap reads padding only.
    fn new(sizes: &ConvSizes, tap: Tap, band: &Range<usize>) -> Option<Self> {
        let [stride_y, stride_x] = sizes.options.strides;
        let rows = inside(sizes.output[0], stride_y, tap.y, sizes.input[0]);
        let (start, end) = (rows.start.max(band.start), rows.end.min(band.end));
        let columns = inside(sizes.output[1], stride_x, tap.x, sizes.input[1]);
        (start < end && !columns.is_empty()).then(|| Self {
            rows: start - band.start..end - band.start,
            first_row: (start * stride_y).wrapping_add_signed(tap.y),
            first_column: (columns.start * stride_x).wrapping_add_signed(tap.x),
            columns,
        })
    }

    /// The whole rows of a tap's line that contain the overlap.
    fn part(&self, width: usize) -> Range<usize> {
        self.rows.start * width..self.rows.end * width
    }

    /// Writes zeros to the left and right of the overlap.
    fn clear_margins(&self, lines: &mut [f32], width: usize) {
        if self.columns.len() < width {
            for row in lines.chunks_exact_mut(width) {
                row[..self.columns.start].fill(0.0);
                row[self.columns.end..].fill(0.0);
            }
        }
    }

    /// For lines that are shifted copies of the input: the range from the first to the last
    /// overlapping value, in the line and in the plane.
    fn shifted(&self, length: usize, width: usize) -> [Range<usize>; 2] {
        let line = self.columns.start..length - (width - self.columns.end);
        let from = self.first_row * width + self.first_column;
        [line.clone(), from..from + line.len()]
    }
}

/// The output positions with an input index `position * stride + offset` in `0..n`.
fn inside(positions: usize, stride: usize, offset: isize, n: usize) -> Range<usize> {
    // The number of steps of `stride` from `offset` to at least `to`.
    let steps = |to: isize| ((to - offset).max(0) as usize).div_ceil(stride);
    let end = steps(n as isize).min(positions);
    steps(0).min(end)..end
}

/// Whether a line of the matrix is a shifted copy of its input plane, except for the margins.
fn is_shift(sizes: &ConvSizes) -> bool {
    sizes.options.strides == [1, 1] && sizes.output[1] == sizes.input[1]
}

fn im2col_tap(sizes: &ConvSizes, plane: &[f32], tap: Tap, band: &Range<usize>, line: &mut [f32]) {
    let [stride_y, stride_x] = sizes.options.strides;
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let Some(overlap) = Overlap::new(sizes, tap, band) else {
        line.fill(0.0);
        return;
    };
    let part = overlap.part(out_width);
    line[..part.start].fill(0.0);
    line[part.end..].fill(0.0);
    let line = &mut line[part];
    if is_shift(sizes) {
        let [to, from] = overlap.shifted(line.len(), width);
        line[to].copy_from_slice(&plane[from]);
        overlap.clear_margins(line, width);
        return;
    }
    overlap.clear_margins(line, out_width);
    vectorized!({
        for (i, out) in line.chunks_exact_mut(out_width).enumerate() {
            let row = &plane[(overlap.first_row + i * stride_y) * width..][..width];
            let from = &row[overlap.first_column..];
            copy_steps(&mut out[overlap.columns.clone()], from, stride_x);
        }
    });
}

fn col2im_tap(
    sizes: &ConvSizes,
    line: &mut [f32],
    tap: Tap,
    band: &Range<usize>,
    plane: &mut [f32],
) {
    let [stride_y, stride_x] = sizes.options.strides;
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let Some(overlap) = Overlap::new(sizes, tap, band) else {
        return;
    };
    let line = &mut line[overlap.part(out_width)];
    if is_shift(sizes) {
        // Values that would wrap around to the neighbouring row are padding.
        overlap.clear_margins(line, width);
        let [from, to] = overlap.shifted(line.len(), width);
        let (sums, values) = (&mut plane[to], &line[from]);
        vectorized!(add(sums, values));
        return;
    }
    for (i, values) in line.chunks_exact(out_width).enumerate() {
        let row = &mut plane[(overlap.first_row + i * stride_y) * width..][..width];
        let sums = row[overlap.first_column..].iter_mut().step_by(stride_x);
        for (sum, value) in sums.zip(&values[overlap.columns.clone()]) {
            *sum += *value;
        }
    }
}
