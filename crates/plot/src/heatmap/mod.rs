//! Heat maps: one sharp square per value.

mod axes;
mod overlay;

pub use overlay::Overlay;
pub(crate) use overlay::{Placement, draw as draw_overlays};

use crate::axis::{Scale, clamped, extent, widened};
use crate::color::{Color, ColorMap, RULE};
use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::{MARGIN, heading, named};
use crate::paint::scene::{Area, Bitmap, Outline, Scene, Stroke};

/// A heat map: one sharp square per value, with a colour bar.
///
/// Values that are not finite are grey. On a logarithmic scale, values that are not positive have
/// the lowest colour.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// The title.
    pub title: String,
    /// The line under the title.
    pub subtitle: String,
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// The values, row by row from the top left.
    pub values: Vec<f32>,
    /// The colour map.
    pub colors: ColorMap,
    /// How values are mapped to the colour map.
    pub scale: Scale,
    /// The values at the ends of the colour map; by default the smallest and the largest.
    pub range: Option<(f64, f64)>,
    /// The label of the colour bar.
    pub bar_label: String,
    /// Outlines over the map.
    pub overlays: Vec<Overlay>,
    /// The numbers of the first column and the first row, for a part of a larger map.
    pub first_pixel: (i64, i64),
    /// The side in pixels of the square that each value is the mean of, for a downsampled map.
    pub pixels_per_value: usize,
    /// The labels of the horizontal and the vertical axis.
    pub labels: (String, String),
    /// Approximate length of the map's longest side in points, clamped to 40 to 1000. A map with
    /// more values is larger, because none is left out.
    pub map_size: f64,
}

impl HeatMap {
    /// A map of `width` by `height` values, row by row from the top left.
    #[must_use]
    pub fn new(title: &str, width: usize, height: usize, values: &[f32]) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            width,
            height,
            values: values.to_vec(),
            colors: ColorMap::default(),
            scale: Scale::Linear,
            range: None,
            bar_label: String::new(),
            overlays: Vec::new(),
            first_pixel: (0, 0),
            pixels_per_value: 1,
            labels: (String::new(), String::new()),
            map_size: 440.0,
        }
    }

    /// Adds an outline.
    #[must_use]
    pub fn overlay(mut self, overlay: Overlay) -> Self {
        self.overlays.push(overlay);
        self
    }

    fn check(&self) -> Result<(), PlotError> {
        const MAX_SIDE: usize = 2048;
        let what = || named("heat map", &self.title);
        if self.width == 0 || self.height == 0 {
            return Err(PlotError::Empty {
                what: what(),
                missing: "values",
            });
        }
        let side = self.width.max(self.height);
        if side > MAX_SIDE {
            let unit = "values along a side";
            return Err(PlotError::TooLarge {
                what: what(),
                unit,
                limit: MAX_SIDE as u64,
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
                Err(PlotError::range(what(), "range", (low, high)))
            }
            _ => Ok(()),
        }
    }

    /// The values at the ends of the colour map.
    fn ends(&self) -> (f64, f64) {
        let values = self.values.iter().map(|v| f64::from(*v));
        let fitting = || widened(extent(values, self.scale), self.scale);
        let (low, high) = self.range.unwrap_or_else(fitting);
        if self.colors == ColorMap::Signed && self.scale != Scale::Log {
            let end = low.abs().max(high.abs());
            return (-end, end);
        }
        (low, high)
    }

    fn rgb(&self, ends: (f64, f64)) -> Vec<u8> {
        const MISSING: Color = Color::new(190, 190, 190);
        let color = |value: &f32| match f64::from(*value) {
            value if !value.is_finite() => MISSING,
            value => self.colors.at(self.scale.share(value, ends).unwrap_or(0.0)),
        };
        self.values
            .iter()
            .map(color)
            .flat_map(|c| [c.r, c.g, c.b])
            .collect()
    }
}

/// Points per value: whole or half points, so that all squares have the same number of pixels.
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
        let map_size = clamped(self.map_size, 40.0, 1000.0);
        let cell = cell(self.width.max(self.height), map_size);
        let (before, below) = axes::room(&self.labels);
        let (wide, high) = (self.width as f64 * cell, self.height as f64 * cell);
        let bar_height = high.max(160.0);
        let left = MARGIN + before;
        let bar_x = left + wide + 18.0;
        let mut scene = Scene::new(&self.title);
        // The map alone may be narrower than its title.
        let width = (bar_x + 62.0).max(420.0);

        let mut top = heading(&mut scene, &self.title, &self.subtitle, width);
        top += overlay::key(
            &self.overlays,
            &mut scene,
            (MARGIN, top),
            width - 2.0 * MARGIN,
        );
        let area = Area::new(left, top.round(), wide, high);
        let placement = Placement { area, cell };
        let ends = self.ends();
        scene.bitmap(Bitmap {
            area,
            width: self.width,
            height: self.height,
            rgb: self.rgb(ends),
        });
        scene.stroke(Outline::Rect(area), Stroke::new(RULE, 1.0));
        axes::draw(self, &mut scene, &placement);
        overlay::draw(&self.overlays, &mut scene, &placement, 1.0);
        let bar_area = Area::new(bar_x, area.y, 14.0, bar_height);
        let bar_width = axes::color_bar(self, &mut scene, bar_area, ends);
        let foot = (area.bottom() + below).max(bar_area.bottom());
        scene.resize(width.max(bar_x + bar_width + MARGIN), foot + MARGIN);
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
        let map = HeatMap {
            colors: ColorMap::Signed,
            ..HeatMap::new("", 2, 1, &[-1.0, 3.0])
        };
        assert_eq!(map.ends(), (-3.0, 3.0));
    }
}
