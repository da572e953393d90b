//! Reduction of large images to save memory. The input of a network is much smaller anyway.

use crate::image::Picture;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Images with more bytes are reduced.
pub(super) const MAX_BYTES: u64 = 128 << 20;

/// The factor, a power of two, by which width and height are divided so that the image takes at most [`MAX_BYTES`]
/// in RGB. It does not depend on how the file stores its colours, so a grey image and its copy in RGB keep equal
/// pixels. Neither side becomes less than one pixel.
pub(super) fn factor(width: usize, height: usize) -> usize {
    let bytes = (width as u64)
        .saturating_mul(height as u64)
        .saturating_mul(3);
    let mut factor = 1;
    while bytes / (factor * factor) as u64 > MAX_BYTES && 2 * factor <= width.min(height) {
        factor *= 2;
    }
    factor
}

/// The factor that remains when the width was already reduced from `width` to `reduced`, out of `factor` in
/// total.
pub(super) fn factor_between(width: usize, reduced: usize, factor: usize) -> usize {
    let mut left = factor;
    while left > 1 && width.div_ceil(factor / left * 2) >= reduced {
        left /= 2;
    }
    left
}

/// Waits until no other large image is being decoded.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replaces each square of `factor` by `factor` pixels, or the part of it within the image at the right and
/// lower edges, by its mean.
pub(super) fn reduce(picture: Picture, factor: usize) -> Picture {
    if factor < 2 {
        return picture;
    }
    let channels = picture.channels;
    let (width, height) = (
        picture.width.div_ceil(factor),
        picture.height.div_ceil(factor),
    );
    let mut pixels = Vec::with_capacity(width * height * channels);
    let mut sums = vec![0u32; width * channels];
    for band in picture.pixels.chunks(picture.width * channels * factor) {
        sums.fill(0);
        let rows = band.len() / (picture.width * channels);
        for row in band.chunks_exact(picture.width * channels) {
            for (sum, square) in sums
                .chunks_exact_mut(channels)
                .zip(row.chunks(factor * channels))
            {
                for pixel in square.chunks_exact(channels) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        for (column, sum) in sums.chunks_exact(channels).enumerate() {
            let columns = factor.min(picture.width - column * factor);
            let count = (rows * columns) as u32;
            pixels.extend(sum.iter().map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    Picture {
        width,
        height,
        channels,
        pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_become_means_and_edges_count_what_is_there() {
        let picture = Picture {
            width: 3,
            height: 3,
            channels: 1,
            pixels: vec![0, 10, 20, 30, 40, 60, 100, 102, 7],
        };
        let small = reduce(picture, 2);
        assert_eq!((small.width, small.height), (2, 2));
        assert_eq!(small.pixels, [20, 40, 101, 7]);
    }

    #[test]
    fn only_what_is_large_is_reduced_and_no_side_to_nothing() {
        let of = factor;
        assert_eq!(of(6700, 6670), 1); // 44.7 megapixels
        assert_eq!(of(8064, 6048), 2);
        assert_eq!(of(16_320, 12_240), 4); // 200 megapixels
        assert_eq!(of(60_000_000, 1), 1);
        assert_eq!(factor_between(8064, 4032, 2), 1);
        assert_eq!(factor_between(8064, 8064, 2), 2);
        assert_eq!(factor_between(8065, 4033, 2), 1);
        assert_eq!(factor_between(16_000, 8000, 4), 2);
    }
}
