//! A thumbnail.

use crate::color::Color;
use crate::error::PlotError;
use crate::heatmap::Overlay;
use crate::paint::raster::encode;

/// A thumbnail for a [`Grid`](crate::Grid).
#[derive(Clone, Debug)]
pub struct Tile {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
    channels: usize,
    /// The caption, at most two lines.
    pub caption: String,
    pub(crate) lines: Vec<(String, Option<Color>)>,
    pub(crate) overlays: Vec<Overlay>,
}

impl Tile {
    /// A grey image: one byte per pixel, row-major.
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
        }
    }

    /// A colour image: red, green and blue of each pixel, row-major.
    #[must_use]
    pub fn rgb(width: usize, height: usize, bytes: &[u8]) -> Self {
        Self {
            channels: 3,
            ..Self::grey(width, height, bytes)
        }
    }

    /// Sets the caption, at most two lines.
    #[must_use]
    pub fn caption(mut self, caption: &str) -> Self {
        caption.clone_into(&mut self.caption);
        self
    }

    /// Adds a separate line below the caption, in a colour if one is given.
    #[must_use]
    pub fn line(mut self, text: &str, color: Option<Color>) -> Self {
        self.lines.push((text.to_owned(), color));
        self
    }

    /// Adds an outline, in pixels of the image; its label is not shown.
    #[must_use]
    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.overlays.push(overlay);
        self
    }

    /// Width and height, in pixels.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The image as a PNG file, without text and overlays: at its own size, or averaged over
    /// squares until no side exceeds `max_side`.
    ///
    /// # Errors
    ///
    /// If it has no pixels, or the number of bytes does not match its size.
    pub fn to_png(&self, max_side: usize) -> Result<Vec<u8>, PlotError> {
        self.check(|| format!("image \"{}\"", self.caption))?;
        let (width, height, rgb) = self.pixels(max_side.max(1));
        encode(width, height, &rgb, None)
    }

    /// Checks that the size is valid and matches the bytes; `what` names the image in the error.
    pub(crate) fn check(&self, what: impl Fn() -> String) -> Result<(), PlotError> {
        if self.width == 0 || self.height == 0 {
            return Err(PlotError::Empty {
                what: what(),
                missing: "pixels",
            });
        }
        let area = self.width.saturating_mul(self.height);
        let expected = area.saturating_mul(self.channels);
        if self.bytes.len() != expected {
            let (width, height, channels) = (self.width, self.height, self.channels);
            return Err(PlotError::Shape {
                what: what(),
                rule: format!("{width} x {height} pixels of {channels} bytes"),
                expected,
                found: self.bytes.len(),
            });
        }
        Ok(())
    }

    /// The side of the squares over which to average, in pixels, so that no side exceeds
    /// `max_side`.
    pub(crate) fn shrink(&self, max_side: usize) -> usize {
        self.width.max(self.height).div_ceil(max_side).max(1)
    }

    /// The pixels as RGB, averaged over squares until no side exceeds `max_side`.
    pub(crate) fn pixels(&self, max_side: usize) -> (usize, usize, Vec<u8>) {
        let by = self.shrink(max_side);
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

    #[test]
    fn a_tile_alone_is_a_picture_of_its_own_size() {
        let tile = Tile::grey(3, 2, &[0, 50, 100, 150, 200, 250]).caption("six");
        let file = tile.to_png(100).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(file));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgb).unwrap();
        assert_eq!(rgb[..6], [0, 0, 0, 50, 50, 50]);
        assert_eq!((reader.info().width, reader.info().height), (3, 2));
        let error = Tile::rgb(3, 2, &[0; 6]).caption("few").to_png(9);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("few") && error.contains("18"), "{error}");
    }
}
