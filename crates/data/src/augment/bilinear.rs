//! A value between the pixels of an image.

use receptive_core::ImageSize;

/// A place between two pixels of a row or a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    first: usize,
    second: usize,
    /// How far it lies from the first to the second, 0 to 1.
    share: f32,
}

impl Between {
    /// `place` among `len` pixels; what lies outside is moved to the edge.
    pub(super) fn new(place: f32, len: usize) -> Self {
        let place = place.clamp(0.0, (len - 1) as f32);
        let first = place as usize;
        Self {
            first,
            second: (first + 1).min(len - 1),
            share: place - first as f32,
        }
    }

    /// The same place in a row or a column that has `by` more pixels before it.
    pub(super) fn moved(self, by: usize) -> Self {
        Self {
            first: self.first + by,
            second: self.second + by,
            ..self
        }
    }
}

/// Appends each channel's value at a place.
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
