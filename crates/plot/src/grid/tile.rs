//! A small picture.

use crate::{Colour, Overlay};

/// A small picture for a [`Grid`](crate::Grid).
#[derive(Clone, Debug)]
pub struct Tile {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) channels: usize,
    pub(super) caption: String,
    pub(super) lines: Vec<(String, Option<Colour>)>,
    pub(super) overlays: Vec<Overlay>,
    pub(super) frame: Option<Colour>,
}

impl Tile {
    /// A grey picture: one byte per pixel, row by row.
    #[must_use]
    pub fn grey(width: usize, height: usize, bytes: &[u8]) -> Self {
        Self {
            width,
            height,
            bytes: bytes.to_vec(),
            channels: 1,
            caption: String::new(),
            lines: Vec::new(),
            overlays: Vec::new(),
            frame: None,
        }
    }

    /// A colour picture: red, green and blue of each pixel, row by row.
    #[must_use]
    pub fn rgb(width: usize, height: usize, bytes: &[u8]) -> Self {
        Self {
            channels: 3,
            ..Self::grey(width, height, bytes)
        }
    }

    /// The words under the picture, at most two lines.
    #[must_use]
    pub fn caption(mut self, caption: &str) -> Self {
        caption.clone_into(&mut self.caption);
        self
    }

    /// Adds a line of its own under the caption, in a colour if one is given.
    #[must_use]
    pub fn line(mut self, text: &str, colour: Option<Colour>) -> Self {
        self.lines.push((text.to_owned(), colour));
        self
    }

    /// Adds an outline, in pixels of the picture; its label is not shown.
    #[must_use]
    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.overlays.push(overlay);
        self
    }

    /// A frame, which also colours the caption: to tell right from wrong predictions.
    #[must_use]
    pub fn frame(mut self, colour: Colour) -> Self {
        self.frame = Some(colour);
        self
    }

    /// How many pixels along a side are averaged so that no side is above `most`.
    pub(super) fn shrink(&self, most: usize) -> usize {
        self.width.max(self.height).div_ceil(most).max(1)
    }

    /// The pixels as RGB, averaged over squares until no side is above `most`.
    pub(super) fn pixels(&self, most: usize) -> (usize, usize, Vec<u8>) {
        let by = self.shrink(most);
        let (width, height) = (self.width.div_ceil(by), self.height.div_ceil(by));
        let mut sums = vec![[0_u64; 4]; width * height];
        for (index, pixel) in self.bytes.chunks_exact(self.channels).enumerate() {
            let (x, y) = (index % self.width / by, index / self.width / by);
            if let (Some([r, g, b, count]), Some(first)) =
                (sums.get_mut(y * width + x), pixel.first())
            {
                let at = |channel: usize| u64::from(*pixel.get(channel).unwrap_or(first));
                (*r, *g, *b, *count) = (*r + at(0), *g + at(1), *b + at(2), *count + 1);
            }
        }
        let mean = |[r, g, b, n]: [u64; 4]| [r, g, b].map(|sum| ((sum + n / 2) / n.max(1)) as u8);
        (width, height, sums.into_iter().flat_map(mean).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_is_averaged() {
        let tile = Tile::grey(4, 2, &[0, 100, 10, 10, 100, 200, 10, 10]);
        assert_eq!(tile.pixels(2), (2, 1, vec![100, 100, 100, 10, 10, 10]));
        assert_eq!(tile.pixels(4).0, 4);
    }
}
