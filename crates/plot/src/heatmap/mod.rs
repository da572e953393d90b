//! Heat maps: one crisp square per value.

mod axes;
mod bar;
mod colours;
pub(crate) mod overlay;
mod profile;

pub use colours::ColourMap;
pub use overlay::Overlay;

use crate::axis::range::{extent, held, widened};
use crate::axis::scale::Scale;
use crate::heading::{Heading, MARGIN};
use crate::paint::scene::{Area, Bitmap, Outline, Point, Scene, Stroke};
use crate::{Colour, Draw, PlotError, Theme};
use axes::Counting;

/// Where the map stands in the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    pub(crate) area: Area,
    /// Points per pixel of the map.
    pub(crate) cell: f64,
}

impl Placing {
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        (self.area.x + x * self.cell, self.area.y + y * self.cell)
    }
}

/// A heat map: one crisp square per value, with a colour bar.
///
/// Values that are not finite are drawn grey. On a logarithmic scale, values that are not positive
/// take the lowest colour.
#[derive(Clone, Debug)]
pub struct HeatMap {
    heading: Heading,
    width: usize,
    height: usize,
    values: Vec<f32>,
    map: ColourMap,
    scale: Scale,
    range: Option<(f64, f64)>,
    bar: String,
    overlays: Vec<Overlay>,
    profiles: bool,
    counting: Counting,
    side: f64,
    theme: Theme,
}

impl HeatMap {
    /// A map of `width` by `height` values, row by row from the top left.
    #[must_use]
    pub fn new(title: &str, width: usize, height: usize, values: &[f32]) -> Self {
        Self {
            heading: Heading::new(title),
            width,
            height,
            values: values.to_vec(),
            map: ColourMap::default(),
            scale: Scale::Linear,
            range: None,
            bar: String::new(),
            overlays: Vec::new(),
            profiles: false,
            counting: Counting::default(),
            side: 440.0,
            theme: Theme::default(),
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// The colour map.
    #[must_use]
    pub fn colours(mut self, map: ColourMap) -> Self {
        self.map = map;
        self
    }

    /// How values are spread over the colour map.
    #[must_use]
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// The values at the two ends of the colour map; the least and the greatest unless set.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// What the values are: the label of the colour bar.
    #[must_use]
    pub fn bar_label(mut self, label: &str) -> Self {
        label.clone_into(&mut self.bar);
        self
    }

    /// Adds an outline.
    #[must_use]
    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.overlays.push(overlay);
        self
    }

    /// Draws the mean of every column above the map, and of every row beside it.
    #[must_use]
    pub fn profiles(mut self) -> Self {
        self.profiles = true;
        self
    }

    /// Counts pixels from the middle of the map instead of the top left.
    #[must_use]
    pub fn centred(mut self) -> Self {
        // An even side has its middle between two pixels; numbers count from the right of them.
        self.counting.first = (-((self.width / 2) as f64), -((self.height / 2) as f64));
        self.counting.extra = 0;
        self
    }

    /// The numbers of the first column and row, and how many pixels along its side a value is the
    /// mean of: for a map cut from a larger picture, or averaged down.
    #[must_use]
    pub fn pixels(mut self, column: i64, row: i64, per_value: usize) -> Self {
        self.counting.first = (column as f64, row as f64);
        self.counting.extra = per_value.saturating_sub(1);
        self
    }

    /// What is counted along the bottom and along the left.
    #[must_use]
    pub fn labels(mut self, columns: &str, rows: &str) -> Self {
        self.counting.names = (columns.to_owned(), rows.to_owned());
        self
    }

    /// About how many points the longest side of the map takes; held within 40 and 1000. A map of
    /// more values is larger, as none is left out.
    #[must_use]
    pub fn map_size(mut self, points: f64) -> Self {
        self.side = held(points, 40.0, 1000.0);
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    fn check(&self) -> Result<(), PlotError> {
        const MOST: usize = 2048;
        let what = || self.heading.named("heat map");
        if self.width == 0 || self.height == 0 {
            return Err(PlotError::Empty {
                what: what(),
                missing: "values",
            });
        }
        let side = self.width.max(self.height);
        if side > MOST {
            let unit = "values along a side";
            return Err(PlotError::TooLarge {
                what: what(),
                unit,
                limit: MOST as u64,
                found: side as u64,
            });
        }
        let expected = self.width * self.height;
        if self.values.len() != expected {
            let rule = format!("{} x {}", self.width, self.height);
            return Err(PlotError::Shape {
                what: what(),
                rule,
                expected,
                found: self.values.len(),
            });
        }
        match self.range {
            Some((low, high)) if self.scale.share(high, (low, high)).is_none() => {
                Err(PlotError::Range {
                    what: what(),
                    low,
                    high,
                })
            }
            _ => Ok(()),
        }
    }

    /// The values at the ends of the colour map.
    fn ends(&self) -> (f64, f64) {
        let values = self.values.iter().map(|v| f64::from(*v));
        let fitting = || widened(extent(values, self.scale), self.scale);
        let (low, high) = self.range.unwrap_or_else(fitting);
        if self.map == ColourMap::Signed && self.scale != Scale::Log {
            let most = low.abs().max(high.abs());
            return (-most, most);
        }
        (low, high)
    }

    fn rgb(&self, ends: (f64, f64)) -> Vec<u8> {
        const MISSING: Colour = Colour::new(190, 190, 190);
        let colour = |value: &f32| match f64::from(*value) {
            value if !value.is_finite() => MISSING,
            value => self.map.at(self.scale.share(value, ends).unwrap_or(0.0)),
        };
        self.values
            .iter()
            .map(colour)
            .flat_map(|c| [c.r, c.g, c.b])
            .collect()
    }
}

/// Points per value: whole or half points, so that every square has the same number of pixels.
fn cell(side: usize, points: f64) -> f64 {
    let halves = (points / side as f64 * 2.0).floor() / 2.0;
    if halves >= 1.0 {
        halves.min(60.0)
    } else if side <= 640 {
        1.0
    } else {
        0.5
    }
}

impl Draw for HeatMap {
    fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let theme = &self.theme;
        let cell = cell(self.width.max(self.height), self.side);
        let (before, below) = self.counting.room();
        let (wide, high) = (self.width as f64 * cell, self.height as f64 * cell);
        let room = if self.profiles { profile::ROOM } else { 0.0 };
        let bar_height = high.max(160.0);
        let left = MARGIN + before;
        let bar_x = left + wide + room + 18.0;
        let mut scene = Scene::new(&self.heading.title, theme);
        // The map alone may be too narrow for its title.
        let width = (bar_x + 62.0).max(420.0);

        let mut top = self.heading.draw(&mut scene, theme, width);
        top += overlay::key(
            &self.overlays,
            &mut scene,
            theme,
            (MARGIN, top),
            width - 2.0 * MARGIN,
        );
        let area = Area::new(left, (top + room).round(), wide, high);
        let placing = Placing { area, cell };
        let ends = self.ends();
        scene.bitmap(Bitmap {
            area,
            width: self.width,
            height: self.height,
            rgb: self.rgb(ends),
        });
        scene.stroke(Outline::Rect(area), Stroke::new(theme.rule, 1.0));
        axes::draw(
            &mut scene,
            theme,
            &placing,
            (self.width, self.height),
            &self.counting,
        );
        overlay::draw(&self.overlays, &mut scene, &placing, 1.0);
        if self.profiles {
            let means = profile::means(self.width, self.height, &self.values);
            profile::draw(&mut scene, theme, &placing, &means);
        }
        let bar_area = Area::new(bar_x, area.y, 14.0, bar_height);
        let taken = bar::draw(
            &mut scene,
            theme,
            bar_area,
            (self.map, self.scale, ends),
            &self.bar,
        );
        let foot = (area.bottom() + below).max(bar_area.bottom());
        scene.resize(width.max(bar_x + taken + MARGIN), foot + MARGIN);
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_whole_number_of_pixels() {
        for side in [1, 11, 28, 32, 100, 224, 440, 512, 640, 1000, 2048] {
            let pixels = cell(side, 440.0) * 2.0;
            assert_eq!(pixels, pixels.round(), "{side}");
            assert!(
                cell(side, 440.0) * side as f64 <= 1024.0 && pixels >= 1.0,
                "{side}"
            );
        }
    }

    #[test]
    fn signed_values_have_white_at_zero() {
        let map = HeatMap::new("", 2, 1, &[-1.0, 3.0]).colours(ColourMap::Signed);
        assert_eq!(map.ends(), (-3.0, 3.0));
    }
}
