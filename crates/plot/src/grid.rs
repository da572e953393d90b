//! Thumbnails in rows, with captions.

use crate::axis::clamped;
use crate::color::{Color, INK, MUTED, RULE};
use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::{MARGIN, heading, named};
use crate::heatmap::{Placement, draw_overlays};
use crate::paint::font::{Weight, class_label, clean, cut, lines};
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};
use crate::tile::Tile;

/// Thumbnails in rows, each with a caption: predictions, feature maps, filters.
///
/// All are enlarged by the same factor unless [`fitted`](Grid::fitted) is set, with pixels as sharp
/// squares.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The title.
    pub title: String,
    /// The line under the title.
    pub subtitle: String,
    /// The images, row by row.
    pub tiles: Vec<Tile>,
    /// Number of images per row.
    pub columns: usize,
    /// Approximate length of an image's longest side in points, clamped to 16 to 512.
    pub tile_size: f64,
    /// Whether each image is enlarged to fill its cell, instead of all by the same factor.
    pub fitted: bool,
    /// Names above the columns.
    pub column_names: Vec<String>,
    /// Names to the left of the rows.
    pub row_names: Vec<String>,
    /// Classes of the rows with their numbers, which are shown if no font has the characters of a
    /// name.
    pub row_classes: Vec<(String, usize)>,
}

impl Grid {
    /// A grid without images, with eight per row.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            tiles: Vec::new(),
            columns: 8,
            tile_size: 84.0,
            fitted: false,
            column_names: Vec::new(),
            row_names: Vec::new(),
            row_classes: Vec::new(),
        }
    }

    /// Adds an image.
    #[must_use]
    pub fn tile(mut self, tile: Tile) -> Self {
        self.tiles.push(tile);
        self
    }

    fn check(&self) -> Result<(), PlotError> {
        const MAX_TILES: usize = 4096;
        let what = || named("grid", &self.title);
        if self.tiles.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "images",
            });
        }
        if self.tiles.len() > MAX_TILES {
            let (limit, found) = (MAX_TILES as u64, self.tiles.len() as u64);
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "images",
                limit,
                found,
            });
        }
        for (index, tile) in self.tiles.iter().enumerate() {
            tile.check(|| format!("{}, image {}", named("grid", &self.title), index + 1))?;
        }
        Ok(())
    }
}

const GAP: f64 = 12.0;
const CAPTION: f64 = 10.5;
const LINE: f64 = 13.0;
const NAME: f64 = 12.5;

/// The lines below an image, each with its colour.
fn caption_lines(tile: &Tile, width: f64) -> Vec<(String, Color)> {
    let wrapped = lines(&tile.caption, CAPTION, Weight::Regular, width, 2);
    let own = tile.lines.iter().map(|(text, color)| {
        let text = cut(&clean(text), CAPTION, Weight::Regular, width);
        (text, color.unwrap_or(MUTED))
    });
    wrapped
        .into_iter()
        .map(|line| (line, MUTED))
        .chain(own)
        .collect()
}

impl Draw for Grid {
    fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let tile_size = clamped(self.tile_size, 16.0, 512.0);
        // No more pixels than the densest screen shows.
        let max_side = (tile_size * 2.0) as usize;
        let pictures: Vec<(usize, usize, Vec<u8>)> = self
            .tiles
            .iter()
            .map(|tile| tile.pixels(max_side))
            .collect();
        let side = pictures.iter().map(|(w, h, _)| *w.max(h)).max();
        let side = side.unwrap_or(1);
        // A whole number of output pixels, of which there are two per point, for each pixel.
        let common = ((tile_size * 2.0 / side as f64).floor() / 2.0).max(0.5);
        let (broad, tall) = if self.fitted {
            (tile_size, tile_size)
        } else {
            let tall = pictures.iter().map(|(_, h, _)| *h).max().unwrap_or(1);
            (side as f64 * common, tall as f64 * common)
        };
        let (above, left) = self.name_room();
        let columns = self.columns.clamp(1, self.tiles.len());
        let width = (left + columns as f64 * (broad + GAP) - GAP + 2.0 * MARGIN).max(260.0);

        let captions: Vec<Vec<(String, Color)>> = self
            .tiles
            .iter()
            .map(|tile| caption_lines(tile, broad + GAP - 4.0))
            .collect();
        let most_lines = captions.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let under = if most_lines > 0.0 {
            most_lines * LINE + 6.0
        } else {
            0.0
        };
        let pitch = (broad + GAP, tall + GAP + under);
        let mut scene = Scene::new(&self.title);
        let top = heading(&mut scene, &self.title, &self.subtitle, width) + above;
        let corner = (MARGIN + left, top);
        self.draw_names(&mut scene, corner, (broad, tall), pitch);
        let all = self.tiles.iter().zip(pictures).zip(captions);
        for (index, ((tile, (w, h, rgb)), caption)) in all.enumerate() {
            let x = corner.0 + (index % columns) as f64 * pitch.0;
            let y = corner.1 + (index / columns) as f64 * pitch.1;
            // In images that fill their cell, the sizes of pixels may differ by one pixel of the
            // screen.
            let zoom = if self.fitted {
                tile_size / w.max(h) as f64
            } else {
                common
            };
            let (wide, high) = (w as f64 * zoom, h as f64 * zoom);
            let half = |points: f64| (points * 2.0).round() / 2.0;
            let area = Area::new(
                half(x + (broad - wide) / 2.0),
                half(y + tall - high),
                wide,
                high,
            );
            let stroke = Stroke::new(RULE, 1.0);
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
            let cell = zoom / tile.shrink(max_side) as f64;
            draw_overlays(&tile.overlays, &mut scene, &Placement { area, cell }, 0.6);
            for (row, (line, ink)) in caption.iter().enumerate() {
                let at = (x + broad / 2.0, y + tall + 15.0 + row as f64 * LINE);
                scene.text(Text::new(at, line, CAPTION, *ink).anchor(Anchor::Middle));
            }
        }
        let rows = self.tiles.len().div_ceil(columns) as f64;
        scene.resize(width, top + rows * pitch.1 - GAP + MARGIN);
        Ok(scene)
    }
}

impl Grid {
    /// The space for names above the images and to their left.
    fn name_room(&self) -> (f64, f64) {
        let wide = |row: usize| Weight::Regular.width(&self.row_text(row), NAME);
        let rows = self.row_names.len();
        let widest = (0..rows).map(wide).fold(0.0, f64::max);
        (
            if self.column_names.is_empty() {
                0.0
            } else {
                20.0
            },
            if widest > 0.0 {
                widest.ceil() + 14.0
            } else {
                0.0
            },
        )
    }

    /// The name of a row as drawn, with its class.
    fn row_text(&self, row: usize) -> String {
        let name = self.row_names.get(row).map_or("", String::as_str);
        let class = self.row_classes.get(row);
        let class = class.map(|(class, number)| class_label(class, *number).0);
        let text = format!("{name}{}", class.unwrap_or_default());
        cut(&clean(&text), NAME, Weight::Regular, 140.0)
    }

    fn draw_names(
        &self,
        scene: &mut Scene,
        corner: (f64, f64),
        (broad, tall): (f64, f64),
        pitch: (f64, f64),
    ) {
        for (index, name) in self
            .column_names
            .iter()
            .take(self.columns.max(1))
            .enumerate()
        {
            let name = cut(&clean(name), NAME, Weight::Regular, pitch.0 - 4.0);
            let x = corner.0 + index as f64 * pitch.0 + broad / 2.0;
            let text = Text::new((x, corner.1 - 9.0), &name, NAME, INK);
            scene.text(text.anchor(Anchor::Middle));
        }
        let rows = self.tiles.len().div_ceil(self.columns.max(1));
        for (name, number) in self.row_classes.iter().take(rows) {
            let (_, missing) = class_label(name, *number);
            if !missing.is_empty() {
                scene.missing.add_class(*number, name, missing);
            }
        }
        for index in 0..rows.min(self.row_names.len()) {
            let name = self.row_text(index);
            let y = corner.1 + index as f64 * pitch.1 + tall / 2.0 + 4.5;
            scene.text(Text::new((corner.0 - 14.0, y), &name, NAME, INK).anchor(Anchor::End));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_no_font_has_is_its_number_and_is_named_below() {
        let tile = || Tile::grey(2, 2, &[0, 1, 2, 3]);
        let grid = Grid {
            columns: 1,
            row_names: vec!["90.0 %  ".into(), "10.0 %  ".into()],
            // Characters of a private use area, which no font has.
            row_classes: vec![("\u{f8ff}\u{f8fe}".into(), 7), ("cat".into(), 3)],
            ..Grid::new("")
        };
        let grid = grid.tile(tile()).tile(tile());
        assert_eq!(grid.row_text(0), "90.0 %  #7");
        assert_eq!(grid.row_text(1), "10.0 %  cat");
        let note = grid.page().unwrap().note().unwrap();
        assert!(note.contains("#7 is"), "{note}");
    }

    #[test]
    fn long_names_that_differ_at_their_ends_look_different() {
        let name = |end: char| format!("a very long name of a class that ends with {end}");
        let grid = Grid {
            row_names: vec![String::new(); 2],
            row_classes: vec![(name('x'), 0), (name('y'), 1)],
            ..Grid::new("")
        };
        assert_ne!(grid.row_text(0), grid.row_text(1));
    }
}
