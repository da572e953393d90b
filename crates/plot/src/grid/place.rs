//! Where pictures, captions and names stand.

use super::{Grid, Tile};
use crate::heading::MARGIN;
use crate::heatmap::{Placing, overlay};
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut, lines};
use crate::{Colour, Draw, PlotError, Theme};

const GAP: f64 = 12.0;
const CAPTION: f64 = 10.5;
const LINE: f64 = 13.0;
const NAME: f64 = 12.5;

/// The lines under a picture, each with its colour.
fn caption(tile: &Tile, theme: &Theme, width: f64) -> Vec<(String, Colour)> {
    let ink = tile.frame.unwrap_or(theme.muted);
    let wrapped = lines(&tile.caption, CAPTION, Weight::Regular, width, 2);
    let own = tile.lines.iter().map(|(text, colour)| {
        let text = cut(&clean(text), CAPTION, Weight::Regular, width);
        (text, colour.unwrap_or(ink))
    });
    wrapped
        .into_iter()
        .map(|line| (line, ink))
        .chain(own)
        .collect()
}

impl Draw for Grid {
    fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let theme = &self.theme;
        // No more pixels than the densest screen shows.
        let most = (self.tile * 2.0) as usize;
        let pictures: Vec<(usize, usize, Vec<u8>)> =
            self.tiles.iter().map(|tile| tile.pixels(most)).collect();
        let side = pictures.iter().map(|(w, h, _)| *w.max(h)).max();
        let side = side.unwrap_or(1);
        // Whole pixels for whole pixels, at two per point.
        let common = ((self.tile * 2.0 / side as f64).floor() / 2.0).max(0.5);
        let (broad, tall) = if self.fitted {
            (self.tile, self.tile)
        } else {
            let tall = pictures.iter().map(|(_, h, _)| *h).max().unwrap_or(1);
            (side as f64 * common, tall as f64 * common)
        };
        let (above, left) = self.name_room();
        let columns = self.columns.min(self.tiles.len());
        let width = (left + columns as f64 * (broad + GAP) - GAP + 2.0 * MARGIN).max(260.0);

        let captions: Vec<Vec<(String, Colour)>> = self
            .tiles
            .iter()
            .map(|tile| caption(tile, theme, broad + GAP - 4.0))
            .collect();
        let caption_lines = captions.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let under = if caption_lines > 0.0 {
            caption_lines * LINE + 6.0
        } else {
            0.0
        };
        let pitch = (broad + GAP, tall + GAP + under);
        let mut scene = Scene::new(&self.heading.title, theme);
        let top = self.heading.draw(&mut scene, theme, width) + above;
        let corner = (MARGIN + left, top);
        self.draw_names(&mut scene, corner, (broad, tall), pitch);
        let all = self.tiles.iter().zip(pictures).zip(captions);
        for (index, ((tile, (w, h, rgb)), caption)) in all.enumerate() {
            let x = corner.0 + (index % columns) as f64 * pitch.0;
            let y = corner.1 + (index / columns) as f64 * pitch.1;
            // Pictures that fill their place may have pixels that differ by one of the screen's.
            let zoom = if self.fitted {
                self.tile / w.max(h) as f64
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
            let stroke = tile
                .frame
                .map_or(Stroke::new(theme.rule, 1.0), |c| Stroke::new(c, 2.5));
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
            let cell = zoom / tile.shrink(most) as f64;
            overlay::draw(&tile.overlays, &mut scene, &Placing { area, cell }, 0.6);
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
    /// The room that names take above the pictures and to their left.
    fn name_room(&self) -> (f64, f64) {
        let (columns, rows) = &self.names;
        let wide = |name: &String| {
            let name = cut(&clean(name), NAME, Weight::Regular, 140.0);
            Weight::Regular.width(&name, NAME)
        };
        let widest = rows.iter().map(wide).fold(0.0, f64::max);
        (
            if columns.is_empty() { 0.0 } else { 20.0 },
            if widest > 0.0 {
                widest.ceil() + 14.0
            } else {
                0.0
            },
        )
    }

    fn draw_names(
        &self,
        scene: &mut Scene,
        corner: (f64, f64),
        (broad, tall): (f64, f64),
        pitch: (f64, f64),
    ) {
        let ink = self.theme.ink;
        for (index, name) in self.names.0.iter().take(self.columns).enumerate() {
            let name = cut(&clean(name), NAME, Weight::Regular, pitch.0 - 4.0);
            let x = corner.0 + index as f64 * pitch.0 + broad / 2.0;
            let text = Text::new((x, corner.1 - 9.0), &name, NAME, ink);
            scene.text(text.anchor(Anchor::Middle));
        }
        let rows = self.tiles.len().div_ceil(self.columns.max(1));
        for (index, name) in self.names.1.iter().take(rows).enumerate() {
            let name = cut(&clean(name), NAME, Weight::Regular, 140.0);
            let y = corner.1 + index as f64 * pitch.1 + tall / 2.0 + 4.5;
            scene.text(Text::new((corner.0 - 14.0, y), &name, NAME, ink).anchor(Anchor::End));
        }
    }
}
