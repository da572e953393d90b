//! Conversion between burn's planes and channels-last pixels.

use super::LANES;
use crate::simd::vectorized;
use crate::transpose::{SIDE, rearrange, to_lines};
use std::ops::Range;

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
            if !rows.contains(&row) || columns.is_empty() {
                line.fill(0.0);
                continue;
            }
            line[..columns.start * pixel].fill(0.0);
            line[columns.end * pixel..].fill(0.0);
            let line = &mut line[columns.start * pixel..columns.end * pixel];
            let first = row.wrapping_add_signed(window.origin[0]) * window.plane[1]
                + columns.start.wrapping_add_signed(window.origin[1]);
            let count = columns.len();
            rearrange(&planes[first..], plane, [channels, count], line, pixel);
            if channels < pixel {
                for line in line.chunks_exact_mut(pixel) {
                    line[channels..].fill(0.0);
                }
            }
        }
    });
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
                    to_lines(pixels, pixel, planes);
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
