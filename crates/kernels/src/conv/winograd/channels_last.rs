//! Conversion between burn's planes and channels-last pixels, by transposing squares in registers.

use super::LANES;
use crate::simd::vectorized;
use std::ops::Range;

/// Side of the squares that are transposed at once: four vectors of four values.
const SIDE: usize = 4;

#[inline(always)]
fn four(values: &[f32], at: usize) -> [f32; SIDE] {
    let mut four = [0.0; SIDE];
    four.copy_from_slice(&values[at..][..SIDE]);
    four
}

/// A window of an image's planes, which may extend beyond its edges.
#[derive(Clone, Copy)]
pub(super) struct TileWindow {
    /// Height and width of the planes.
    pub(super) plane: [usize; 2],
    /// The window's first row and column in the plane; negative if it starts outside.
    pub(super) origin: [isize; 2],
    /// The window's height and width.
    pub(super) size: [usize; 2],
}

impl TileWindow {
    /// The part of the window inside the plane along one axis, counted from the window's start.
    fn inside(&self, axis: usize) -> Range<usize> {
        let at = |index: isize| (index - self.origin[axis]).clamp(0, self.size[axis] as isize);
        at(0) as usize..at(self.plane[axis] as isize) as usize
    }

    /// Copies the window from a block of channels, with zeros outside it.
    ///
    /// # Shapes
    /// - `block`: `[plane height, plane width, 16]`
    /// - `pixels`: `[window height, window width, 16]`
    pub(super) fn copy_block(self, block: &[f32], pixels: &mut [f32]) {
        let [rows, columns] = [self.inside(0), self.inside(1)];
        let lines = pixels.chunks_exact_mut(self.size[1] * LANES);
        for (row, line) in lines.enumerate() {
            if !rows.contains(&row) {
                line.fill(0.0);
                continue;
            }
            line[..columns.start * LANES].fill(0.0);
            line[columns.end * LANES..].fill(0.0);
            let first = row.wrapping_add_signed(self.origin[0]) * self.plane[1]
                + columns.start.wrapping_add_signed(self.origin[1]);
            let length = columns.len() * LANES;
            line[columns.start * LANES..][..length]
                .copy_from_slice(&block[first * LANES..][..length]);
        }
    }
}

/// Copies a window of `channels` planes to pixels, channels last, with zeros outside the planes and
/// in the padding of each pixel.
///
/// # Shapes
/// - `planes`: `[channels, plane height, plane width]` of one image
/// - `pixels`: `[window height, window width, pixel]`
pub(super) fn to_pixels(
    planes: &[f32],
    window: TileWindow,
    channels: usize,
    pixel: usize,
    pixels: &mut [f32],
) {
    let [rows, columns] = [window.inside(0), window.inside(1)];
    let width = window.size[1];
    let plane = window.plane[0] * window.plane[1];
    vectorized!({
        for (row, line) in pixels.chunks_exact_mut(width * pixel).enumerate() {
            if !rows.contains(&row) {
                line.fill(0.0);
                continue;
            }
            line[..columns.start * pixel].fill(0.0);
            line[columns.end * pixel..].fill(0.0);
            let line = &mut line[columns.start * pixel..columns.end * pixel];
            let first = row.wrapping_add_signed(window.origin[0]) * window.plane[1]
                + columns.start.wrapping_add_signed(window.origin[1]);
            transpose_to_pixels(planes, first, plane, channels, pixel, line);
        }
    });
}

#[inline(always)]
fn transpose_to_pixels(
    planes: &[f32],
    first: usize,
    plane: usize,
    channels: usize,
    pixel: usize,
    line: &mut [f32],
) {
    let count = line.len() / pixel;
    let (whole, whole_channels) = (count / SIDE * SIDE, channels / SIDE * SIDE);
    for x in (0..whole).step_by(SIDE) {
        let line = &mut line[x * pixel..(x + SIDE) * pixel];
        for channel in (0..whole_channels).step_by(SIDE) {
            let mut square = [[0.0; SIDE]; SIDE];
            for (i, values) in square.iter_mut().enumerate() {
                *values = four(planes, (channel + i) * plane + first + x);
            }
            for (j, to) in line.chunks_exact_mut(pixel).enumerate() {
                let to = &mut to[channel..channel + SIDE];
                for (to, from) in to.iter_mut().zip(square) {
                    *to = from[j];
                }
            }
        }
    }
    for (x, to) in line.chunks_exact_mut(pixel).enumerate() {
        let done = if x < whole { whole_channels } else { 0 };
        for (channel, to) in to.iter_mut().enumerate().take(channels).skip(done) {
            *to = planes[channel * plane + first + x];
        }
        to[channels..].fill(0.0);
    }
}

/// Copies pixels back to planes.
///
/// # Shapes
/// - `pixels`: `[pixels, pixel]`
/// - `planes`: one slice per channel, of which `range` is written
pub(super) fn to_planes(
    pixels: &[f32],
    pixel: usize,
    planes: &mut [&mut [f32]],
    range: Range<usize>,
) {
    vectorized!({
        for (group, planes) in planes.chunks_mut(SIDE).enumerate() {
            let pixels = &pixels[group * SIDE..];
            match planes {
                [a, b, c, d] => {
                    let planes = [a, b, c, d].map(|plane| &mut plane[range.clone()]);
                    transpose_to_planes(pixels, pixel, planes);
                }
                few => {
                    for (channel, plane) in few.iter_mut().enumerate() {
                        let from = pixels[channel..].iter().step_by(pixel);
                        for (to, from) in plane[range.clone()].iter_mut().zip(from) {
                            *to = *from;
                        }
                    }
                }
            }
        }
    });
}

#[inline(always)]
fn transpose_to_planes(pixels: &[f32], pixel: usize, mut planes: [&mut [f32]; SIDE]) {
    let count = planes[0].len();
    let whole = count / SIDE * SIDE;
    for x in (0..whole).step_by(SIDE) {
        let mut square = [[0.0; SIDE]; SIDE];
        for (i, values) in square.iter_mut().enumerate() {
            *values = four(pixels, (x + i) * pixel);
        }
        for (channel, plane) in planes.iter_mut().enumerate() {
            for (to, from) in plane[x..x + SIDE].iter_mut().zip(square) {
                *to = from[channel];
            }
        }
    }
    for x in whole..count {
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane[x] = pixels[x * pixel + channel];
        }
    }
}

/// `target[column][row] = source[row][column]`.
///
/// # Shapes
/// - `source`: `rows` lines that start `source_line` values apart
/// - `target`: `columns` lines that start `target_line` values apart
pub(crate) fn transpose(
    source: &[f32],
    source_line: usize,
    [rows, columns]: [usize; 2],
    target: &mut [f32],
    target_line: usize,
) {
    vectorized!({
        let whole = [rows / SIDE * SIDE, columns / SIDE * SIDE];
        for row in (0..whole[0]).step_by(SIDE) {
            for column in (0..whole[1]).step_by(SIDE) {
                let mut square = [[0.0; SIDE]; SIDE];
                for (i, values) in square.iter_mut().enumerate() {
                    *values = four(source, (row + i) * source_line + column);
                }
                for j in 0..SIDE {
                    let to = &mut target[(column + j) * target_line + row..][..SIDE];
                    for (to, from) in to.iter_mut().zip(square) {
                        *to = from[j];
                    }
                }
            }
        }
        for row in 0..rows {
            let done = if row < whole[0] { whole[1] } else { 0 };
            for column in done..columns {
                target[column * target_line + row] = source[row * source_line + column];
            }
        }
    });
}
