//! The picture, and over it where the network looked.

use super::Attended;
use crate::look::tile;
use receptive_erf::Map;
use receptive_plot::{Colour, ColourMap, Grid, PlotError, Tile};

/// How much of the picture, in grey, shows through the colours of Grad-CAM.
const PICTURE: f64 = 0.45;
/// The share of pixels that lie within the colours of a gradient: a few are far above the others.
const SHOWN: f64 = 0.99;

impl Attended {
    /// A row for each class: the picture, Grad-CAM over it, the gradient, and SmoothGrad. Every map
    /// has its own scale, from 0 to its largest value, of gradients to the value that 99 % of the
    /// pixels lie below.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene).
    pub fn draw(&self, title: &str) -> Result<Grid, PlotError> {
        let [height, width, _] = self.size;
        let has_smooth = self.classes.iter().any(|class| class.maps.smooth.is_some());
        let mut names = vec!["picture", "Grad-CAM", "gradient"];
        if has_smooth {
            names.push("SmoothGrad");
        }
        let rows: Vec<String> = self
            .classes
            .iter()
            .map(|class| {
                let percent = 100.0 * class.answer.probability;
                format!("{} {percent:.1} %", class.answer.class)
            })
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let [number, name] = &self.layer;
        let [_, across] = self.field;
        let mut grid = Grid::new(title)
            .subtitle(&format!(
                "Grad-CAM of layer {number} ({name}), whose units see {across} pixels: from dark \
                 purple (nothing) to yellow (most)"
            ))
            .columns(names.len())
            .tile_size(150.0)
            .fitted()
            .names(&names, &rows);
        for class in &self.classes {
            grid = grid.tile(tile(&self.pixels, self.size));
            let caption = if class.cam.peak() > 0.0 {
                format!("at most {:.2}", class.cam.peak())
            } else {
                "nothing speaks for it here".into()
            };
            grid = grid.tile(Tile::rgb(width, height, &self.overlay(&class.cam)).caption(&caption));
            let gradients = std::iter::once(&class.maps.saliency).chain(&class.maps.smooth);
            for map in gradients {
                let top = shown_up_to(map);
                let caption = format!("at most {:.2}", map.peak());
                grid = grid.tile(Tile::rgb(width, height, &heat(map, top)).caption(&caption));
            }
        }
        Ok(grid)
    }

    /// Colours of the map, the picture's brightness through them.
    fn overlay(&self, map: &Map) -> Vec<u8> {
        let channels = self.size[2].max(1);
        let top = map.peak().max(f64::MIN_POSITIVE);
        self.pixels
            .chunks(channels)
            .zip(map.values())
            .flat_map(|(pixel, value)| {
                let bright = pixel.iter().map(|byte| f64::from(*byte)).sum::<f64>();
                let grey = (bright / pixel.len() as f64).round() as u8;
                let colour = ColourMap::Viridis.at(value / top);
                let mixed = colour.mix(Colour::new(grey, grey, grey), PICTURE);
                [mixed.r, mixed.g, mixed.b]
            })
            .collect()
    }
}

fn heat(map: &Map, top: f64) -> Vec<u8> {
    let colour = |value: &f64| {
        let colour = ColourMap::Magma.at(value / top);
        [colour.r, colour.g, colour.b]
    };
    map.values().iter().flat_map(colour).collect()
}

/// The value that most pixels lie below.
fn shown_up_to(map: &Map) -> f64 {
    let mut values = map.values().to_vec();
    values.sort_by(f64::total_cmp);
    let place = (SHOWN * values.len().saturating_sub(1) as f64).round() as usize;
    let value = values.get(place).copied().unwrap_or(0.0);
    if value > 0.0 {
        value
    } else {
        map.peak().max(f64::MIN_POSITIVE)
    }
}
