//! Which parts of an image support a class: Grad-CAM (Selvaraju et al. 2017) and the gradient of
//! the logit with respect to the pixels (Simonyan et al. 2013), plain and as the mean over noisy
//! copies (SmoothGrad, Smilkov et al. 2017).

use crate::cam::{default_cam_layer, over_image};
use crate::class_maps::{ClassMaps, class_maps};
use crate::error::InspectError;
use crate::features::require_map;
use crate::input::{InputImage, Prediction, probabilities, top};
use receptive_data::{did_you_mean, enumerate, same_name};
use receptive_erf::{Map, Region};
use receptive_model::{Artifact, InferenceDevice, InferenceNetwork};
use receptive_plot::{Color, ColorMap, Grid, PlotError, Tile};

/// The weight of the grey image under the colours of Grad-CAM.
const IMAGE_SHARE: f64 = 0.45;
/// The fraction of pixels within the colour scale of a gradient: a few outliers are clipped.
const GRADIENT_QUANTILE: f64 = 0.99;

/// Settings of [`attribute`].
#[derive(Debug, Clone, PartialEq)]
pub struct AttributionOptions {
    /// Grad-CAM's layer, by number or name; by default [`default_cam_layer`].
    pub layer: Option<String>,
    /// The number of most probable classes to explain, unless classes are named.
    pub classes: usize,
    /// The classes to explain, by name, in this order; empty for the most probable ones.
    pub named: Vec<String>,
    /// Number of noisy copies for SmoothGrad; 0 disables it.
    pub smooth: usize,
}

impl Default for AttributionOptions {
    fn default() -> Self {
        Self {
            layer: None,
            classes: 3,
            named: Vec::new(),
            smooth: 16,
        }
    }
}

/// The parts of one image that support each class.
#[derive(Debug, Clone)]
pub struct Attribution {
    /// Number and name of Grad-CAM's layer.
    pub layer: [String; 2],
    /// Rows and columns of pixels that a unit of this layer can depend on.
    pub field: [i64; 2],
    /// The most probable classes in decreasing order, or the named ones.
    pub classes: Vec<ClassAttribution>,
}

/// The parts of an image that support one class.
#[derive(Debug, Clone)]
pub struct ClassAttribution {
    /// The class and its probability.
    pub prediction: Prediction,
    /// The class's index.
    pub class: usize,
    /// Its logit and maps.
    pub maps: ClassMaps,
    /// Grad-CAM over the image's pixels: each unit at the centre of its receptive field, linearly
    /// interpolated.
    pub cam: Map,
}

/// Explains the most probable classes of an image, or the named ones. `device` is the model's.
///
/// # Errors
/// If the layer does not exist or outputs no feature maps, the image does not have the network's
/// size, `classes` is 0, a named class is not one of the model's, or a gradient is not finite.
pub fn attribute(
    artifact: &Artifact,
    image: &InputImage,
    options: &AttributionOptions,
    device: impl Into<InferenceDevice>,
) -> Result<Attribution, InspectError> {
    let device = &device.into();
    attribute_by(
        &artifact.model.prepare(device),
        artifact,
        image,
        options,
        device,
    )
}

/// Like [`attribute`], with the artifact's model prepared for many images.
///
/// # Errors
/// As [`attribute`].
pub fn attribute_by(
    network: &InferenceNetwork,
    artifact: &Artifact,
    image: &InputImage,
    options: &AttributionOptions,
    device: &InferenceDevice,
) -> Result<Attribution, InspectError> {
    if options.classes == 0 {
        return Err(InspectError::setting("classes", "it is 0; use 1 or more"));
    }
    let plan = artifact.model.plan();
    let layer = match &options.layer {
        Some(layer) => layer.clone(),
        None => default_cam_layer(plan)?,
    };
    let planned = plan.find(&layer)?;
    require_map(plan, planned)?;
    let [height, width, _] = image.size();
    let logits = image.logits_by(network, device);
    let probabilities = probabilities(&logits, artifact.temperature);
    let classes = match options.named.as_slice() {
        [] => top(&logits, options.classes),
        named => indices(named, &artifact.classes)?,
    };
    let classes = classes
        .into_iter()
        .map(|class| {
            let maps = class_maps(
                &artifact.model,
                image.values(),
                &planned.number,
                class,
                options.smooth,
                device,
            )?;
            Ok(ClassAttribution {
                prediction: Prediction {
                    class: artifact.classes.get(class).cloned().unwrap_or_default(),
                    probability: probabilities[class],
                },
                class,
                cam: over_image(&maps.cam, planned.trf, Region::image(height, width)),
                maps,
            })
        })
        .collect::<Result<_, InspectError>>()?;
    Ok(Attribution {
        layer: [planned.number.clone(), planned.name.clone()],
        field: planned.trf.map(|field| field.size()),
        classes,
    })
}

/// The indices of these classes, without duplicates.
fn indices(named: &[String], classes: &[String]) -> Result<Vec<usize>, InspectError> {
    let mut indices = Vec::new();
    for name in named {
        let Some(index) = classes.iter().position(|class| same_name(class, name)) else {
            let hint = did_you_mean(name, classes.iter().map(String::as_str));
            let list = enumerate(classes);
            let problem = format!(
                "`{name}` is not one of the model's {} classes ({list}){hint}",
                classes.len()
            );
            return Err(InspectError::setting("class", problem));
        };
        if !indices.contains(&index) {
            indices.push(index);
        }
    }
    Ok(indices)
}

impl ClassAttribution {
    /// Row and column of the pixel where Grad-CAM is largest, the first of several; `None` if it is
    /// positive nowhere.
    pub fn peak(&self) -> Option<[usize; 2]> {
        peak(&self.cam)
    }

    /// The smallest fraction of the pixels that contains half of Grad-CAM's sum.
    pub fn half_area(&self) -> f64 {
        half_area(&self.cam)
    }
}

fn peak(map: &Map) -> Option<[usize; 2]> {
    let largest = map.peak();
    map.pixels()
        .find(|(_, _, value)| *value > 0.0 && *value == largest)
        .map(|(row, column, _)| [row as usize, column as usize])
}

fn half_area(map: &Map) -> f64 {
    let mut values = map.values().to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    let goal = map.total() / 2.0;
    let mut sum = 0.0;
    let needed = values.iter().take_while(|value| {
        let more = sum < goal;
        sum += **value;
        more
    });
    needed.count() as f64 / values.len().max(1) as f64
}

impl Attribution {
    /// One row per class: the image, Grad-CAM over it, the gradient, and SmoothGrad. Every map has
    /// its own scale, from 0 to its largest value, or, for gradients, to the 99th percentile.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene).
    pub fn draw(&self, title: &str, image: &InputImage) -> Result<Grid, PlotError> {
        let [height, width, _] = image.size();
        let has_smooth = self.classes.iter().any(|class| class.maps.smooth.is_some());
        let mut names = vec!["image", "Grad-CAM", "gradient"];
        if has_smooth {
            names.push("SmoothGrad");
        }
        let rows = self.classes.iter().map(|class| {
            let percent = 100.0 * class.prediction.probability;
            format!("{percent:.1} %  ")
        });
        let named = |one: &ClassAttribution| (one.prediction.class.clone(), one.class);
        let row_classes = self.classes.iter().map(named);
        let [number, name] = &self.layer;
        let [_, across] = self.field;
        let subtitle = format!(
            "Grad-CAM of layer {number} ({name}), whose units see {across} pixels: from dark \
             purple (nothing) to yellow (most)"
        );
        let mut grid = Grid {
            subtitle,
            columns: names.len(),
            tile_size: 150.0,
            fitted: true,
            column_names: names.into_iter().map(str::to_owned).collect(),
            row_names: rows.collect(),
            row_classes: row_classes.collect(),
            ..Grid::new(title)
        };
        for class in &self.classes {
            grid = grid.tile(image.tile());
            let caption = if class.cam.peak() > 0.0 {
                at_most(class.cam.peak())
            } else {
                "no evidence for it".into()
            };
            grid =
                grid.tile(Tile::rgb(width, height, &overlay(&class.cam, image)).caption(&caption));
            let gradients = std::iter::once(&class.maps.saliency).chain(&class.maps.smooth);
            for map in gradients {
                let top = upper_end(map);
                let caption = at_most(map.peak());
                grid = grid.tile(Tile::rgb(width, height, &heat(map, top)).caption(&caption));
            }
        }
        Ok(grid)
    }
}

/// The largest value, shown so that a small one is not mistaken for 0.
fn at_most(peak: f64) -> String {
    match peak {
        0.01.. | 0.0 => format!("at most {peak:.2}"),
        _ => format!("at most {peak:.1e}"),
    }
}

/// The map's colours, blended with the image's brightness.
fn overlay(map: &Map, image: &InputImage) -> Vec<u8> {
    let [_, _, channels] = image.size();
    let top = map.peak().max(f64::MIN_POSITIVE);
    image
        .pixels()
        .chunks(channels.max(1))
        .zip(map.values())
        .flat_map(|(pixel, value)| {
            let bright = pixel.iter().map(|byte| f64::from(*byte)).sum::<f64>();
            let grey = (bright / pixel.len() as f64).round() as u8;
            let color = ColorMap::Viridis.at(value / top);
            let mixed = color.mix(Color::new(grey, grey, grey), IMAGE_SHARE);
            [mixed.r, mixed.g, mixed.b]
        })
        .collect()
}

fn heat(map: &Map, top: f64) -> Vec<u8> {
    let color = |value: &f64| {
        let color = ColorMap::Magma.at(value / top);
        [color.r, color.g, color.b]
    };
    map.values().iter().flat_map(color).collect()
}

/// The upper end of the colour scale, below which most pixels are.
fn upper_end(map: &Map) -> f64 {
    let mut values = map.values().to_vec();
    values.sort_by(f64::total_cmp);
    let place = (GRADIENT_QUANTILE * values.len().saturating_sub(1) as f64).round() as usize;
    let value = values.get(place).copied().unwrap_or(0.0);
    if value > 0.0 {
        value
    } else {
        map.peak().max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_largest_value_is_not_written_as_0() {
        let said = [0.0, 0.000_012, 0.009_9, 0.01, 12.345].map(at_most);
        let expected = ["0.00", "1.2e-5", "9.9e-3", "0.01", "12.35"];
        assert_eq!(said, expected.map(|value| format!("at most {value}")));
    }

    #[test]
    fn the_peak_and_the_area_of_half_are_found() {
        let map = Map::from_fn(Region::image(2, 5), |row, column| {
            if (row, column) == (1, 3) { 6.0 } else { 0.5 }
        });
        assert_eq!(peak(&map), Some([1, 3]));
        assert_eq!(half_area(&map), 0.1);
        let even = Map::from_fn(Region::image(2, 5), |_, _| 1.0);
        assert_eq!(half_area(&even), 0.5);
        let nothing = Map::zeros(Region::image(2, 2));
        assert_eq!((peak(&nothing), half_area(&nothing)), (None, 0.0));
    }
}
