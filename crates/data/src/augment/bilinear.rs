//! Bilinear interpolation between pixels.

use receptive_core::ImageSize;

/// A position between two pixels of a row or a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    first: usize,
    second: usize,
    /// The distance from the first pixel, 0 to 1.
    share: f32,
}

impl Between {
    /// The position `place` among `len` pixels, clamped to the edges.
    pub(super) fn new(place: f32, len: usize) -> Self {
        let place = place.clamp(0.0, (len - 1) as f32);
        let first = place as usize;
        Self {
            first,
            second: (first + 1).min(len - 1),
            share: place - first as f32,
        }
    }

    /// The same position, shifted by `by` pixels.
    pub(super) fn moved(self, by: usize) -> Self {
        Self {
            first: self.first + by,
            second: self.second + by,
            ..self
        }
    }
}

/// Appends the interpolated value of each channel.
pub(super) fn push(values: &mut Vec<u8>, pixels: &[u8], size: &ImageSize, x: Between, y: Between) {
    let (c, w) = (size.channels, size.width);
    for channel in 0..c {
        let at = |x: usize, y: usize| f32::from(pixels[(y * w + x) * c + channel]);
        let along =
            |row: usize| at(x.first, row) + (at(x.second, row) - at(x.first, row)) * x.share;
        let (top, bottom) = (along(y.first), along(y.second));
        values.push((top + (bottom - top) * y.share).round() as u8);
    }
}
