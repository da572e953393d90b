//! Small pictures in rows, each with a caption.

use crate::axis::range::held;
use crate::heading::{Heading, MARGIN};
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};
use crate::paint::wrap::lines;
use crate::{Colour, Draw, PlotError, Theme};

const CAPTION: f64 = 10.5;
const LINE: f64 = 13.0;

/// A small picture for a [`Grid`].
#[derive(Clone, Debug)]
pub struct Tile {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
    channels: usize,
    caption: String,
    frame: Option<Colour>,
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

    /// A frame, which also colours the caption: to tell right from wrong predictions.
    #[must_use]
    pub fn frame(mut self, colour: Colour) -> Self {
        self.frame = Some(colour);
        self
    }

    /// The pixels as RGB, averaged over squares until no side is above `most`.
    fn pixels(&self, most: usize) -> (usize, usize, Vec<u8>) {
        let by = self.width.max(self.height).div_ceil(most).max(1);
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

/// Small pictures in rows, each with a caption: predictions, feature maps, filters.
///
/// Every picture is enlarged by the same factor, its pixels as crisp squares.
#[derive(Clone, Debug)]
pub struct Grid {
    heading: Heading,
    tiles: Vec<Tile>,
    columns: usize,
    tile: f64,
    theme: Theme,
}

impl Grid {
    /// A grid without pictures, eight to a row.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let (heading, theme) = (Heading::new(title), Theme::default());
        Self {
            heading,
            tiles: Vec::new(),
            columns: 8,
            tile: 84.0,
            theme,
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn tile(mut self, tile: Tile) -> Self {
        self.tiles.push(tile);
        self
    }

    /// How many pictures stand in a row.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// About how many points the longest side of a picture takes; held within 16 and 512.
    #[must_use]
    pub fn tile_size(mut self, points: f64) -> Self {
        self.tile = held(points, 16.0, 512.0);
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    fn check(&self) -> Result<(), PlotError> {
        const MOST: usize = 4096;
        let what = || self.heading.named("grid");
        if self.tiles.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "pictures",
            });
        }
        if self.tiles.len() > MOST {
            let (limit, found) = (MOST as u64, self.tiles.len() as u64);
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "pictures",
                limit,
                found,
            });
        }
        for (index, tile) in self.tiles.iter().enumerate() {
            let what = || format!("{}, picture {}", self.heading.named("grid"), index + 1);
            if tile.width == 0 || tile.height == 0 {
                return Err(PlotError::Empty {
                    what: what(),
                    missing: "pixels",
                });
            }
            let expected = tile
                .width
                .saturating_mul(tile.height)
                .saturating_mul(tile.channels);
            if tile.bytes.len() != expected {
                let rule = format!(
                    "{} x {} pixels of {} bytes",
                    tile.width, tile.height, tile.channels
                );
                return Err(PlotError::Shape {
                    what: what(),
                    rule,
                    expected,
                    found: tile.bytes.len(),
                });
            }
        }
        Ok(())
    }
}

impl Draw for Grid {
    fn scene(&self) -> Result<Scene, PlotError> {
        const GAP: f64 = 12.0;
        self.check()?;
        // No more pixels than the densest screen shows.
        let most = (self.tile * 2.0) as usize;
        let pictures: Vec<(usize, usize, Vec<u8>)> =
            self.tiles.iter().map(|tile| tile.pixels(most)).collect();
        let side = pictures
            .iter()
            .map(|(w, h, _)| *w.max(h))
            .max()
            .unwrap_or(1);
        // Whole pixels for whole pixels, at two per point.
        let zoom = ((self.tile * 2.0 / side as f64).floor() / 2.0).max(0.5);
        let tall = pictures.iter().map(|(_, h, _)| *h).max().unwrap_or(1) as f64 * zoom;
        let broad = side as f64 * zoom;
        let columns = self.columns.min(self.tiles.len());
        let width = (columns as f64 * (broad + GAP) - GAP + 2.0 * MARGIN).max(260.0);

        let captions: Vec<Vec<String>> = self
            .tiles
            .iter()
            .map(|tile| {
                lines(
                    &tile.caption,
                    CAPTION,
                    Weight::Regular,
                    broad + GAP - 4.0,
                    2,
                )
            })
            .collect();
        let caption_lines = captions.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let pitch = tall
            + GAP
            + if caption_lines > 0.0 {
                caption_lines * LINE + 6.0
            } else {
                0.0
            };
        let mut scene = Scene::new(&self.heading.title, &self.theme);
        let top = self.heading.draw(&mut scene, &self.theme, width);
        let all = self.tiles.iter().zip(pictures).zip(captions);
        for (index, ((tile, (w, h, rgb)), caption)) in all.enumerate() {
            let x = MARGIN + (index % columns) as f64 * (broad + GAP);
            let y = top + (index / columns) as f64 * pitch;
            let (wide, high) = (w as f64 * zoom, h as f64 * zoom);
            let half = |points: f64| (points * 2.0).round() / 2.0;
            let area = Area::new(
                half(x + (broad - wide) / 2.0),
                half(y + tall - high),
                wide,
                high,
            );
            let stroke = tile
                .frame
                .map_or(Stroke::new(self.theme.rule, 1.0), |c| Stroke::new(c, 2.5));
            let out = stroke.width / 2.0;
            let edge = Area::new(
                area.x - out,
                area.y - out,
                area.w + 2.0 * out,
                area.h + 2.0 * out,
            );
            scene.stroke(Outline::Rect(edge), stroke);
            scene.bitmap(Bitmap {
                area,
                width: w,
                height: h,
                rgb,
            });
            let ink = tile.frame.unwrap_or(self.theme.muted);
            for (row, line) in caption.iter().enumerate() {
                let at = (x + broad / 2.0, y + tall + 15.0 + row as f64 * LINE);
                scene.text(Text::new(at, line, CAPTION, ink).anchor(Anchor::Middle));
            }
        }
        let rows = self.tiles.len().div_ceil(columns) as f64;
        scene.resize(width, top + rows * pitch - GAP + MARGIN);
        Ok(scene)
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
