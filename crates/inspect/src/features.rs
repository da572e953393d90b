//! Feature maps of one image.

use crate::error::InspectError;
use crate::input::InputImage;
use receptive_model::{Artifact, InferenceDevice, Plan, PlannedLayer, Shape};
use receptive_plot::{ColorMap, Grid, PlotError, Tile};
use serde::Serialize;

/// One layer's maps of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// The layer's number, such as `4.2`.
    pub number: String,
    /// Its name, such as `conv2d_2`.
    pub name: String,
    /// The maps' height and width.
    pub size: [usize; 2],
    /// The values, channel by channel, row-major.
    pub values: Vec<f32>,
}

/// The strength of one channel's response.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Strength {
    /// The channel, counted from 0.
    pub channel: usize,
    /// The mean absolute value.
    pub mean: f64,
    /// The largest value.
    pub max: f32,
}

/// The outputs of these layers (given by number or name) for an image, in that order. `device` is
/// the model's.
///
/// # Errors
/// If a layer does not exist or outputs a flat vector instead of feature maps.
pub fn feature_maps(
    artifact: &Artifact,
    image: &InputImage,
    layers: &[String],
    device: impl Into<InferenceDevice>,
) -> Result<Vec<FeatureMaps>, InspectError> {
    let device = &device.into();
    let plan = artifact.model.plan();
    let mut all = Vec::with_capacity(layers.len());
    for layer in layers {
        let planned = plan.find(layer)?;
        require_map(plan, planned)?;
        let output = artifact
            .model
            .forward_until(image.tensor(device), &planned.number)?;
        let Some(maps) = output.into_map() else {
            continue;
        };
        let [_, _, height, width] = maps.dims();
        all.push(FeatureMaps {
            number: planned.number.clone(),
            name: planned.name.clone(),
            size: [height, width],
            values: maps.into_data().iter().collect(),
        });
    }
    Ok(all)
}

/// Rejects a layer that outputs a flat vector; the error lists those that output feature maps.
pub(crate) fn require_map(plan: &Plan, layer: &PlannedLayer) -> Result<(), InspectError> {
    if is_map(layer) {
        return Ok(());
    }
    Err(InspectError::setting(
        "layer",
        format!(
            "layer {} ({}) outputs a flat vector of {} values, not feature maps; layers with \
             feature maps are {}",
            layer.number,
            layer.name,
            layer.output,
            map_layers(plan).join(", ")
        ),
    ))
}

pub(crate) fn is_map(layer: &PlannedLayer) -> bool {
    matches!(layer.output, Shape::Map { .. })
}

/// The numbers of all layers that output feature maps.
pub fn map_layers(plan: &Plan) -> Vec<String> {
    let rows = plan.rows().into_iter();
    rows.filter(|layer| is_map(layer))
        .map(|layer| layer.number.clone())
        .collect()
}

/// The default layer: the last one whose maps have the resolution of the first convolution's. `None`
/// if no layer outputs feature maps.
pub fn default_feature_layer(plan: &Plan) -> Option<String> {
    let rows = plan.rows();
    let size = rows.iter().find_map(|layer| match layer.output {
        Shape::Map { height, width, .. } => Some((height, width)),
        Shape::Flat(_) => None,
    })?;
    let same = |shape: &Shape| matches!(shape, Shape::Map { height, width, .. } if (*height, *width) == size);
    let first = rows.iter().take_while(|layer| same(&layer.output));
    first.last().map(|layer| layer.number.clone())
}

impl FeatureMaps {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.values.len() / (self.size[0] * self.size[1]).max(1)
    }

    fn channel(&self, channel: usize) -> &[f32] {
        let values = self.size[0] * self.size[1];
        &self.values[channel * values..(channel + 1) * values]
    }

    /// All channels, in decreasing order of strength.
    pub fn strengths(&self) -> Vec<Strength> {
        let mut strengths: Vec<Strength> = (0..self.channels())
            .map(|channel| {
                let values = self.channel(channel);
                let sum: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
                Strength {
                    channel,
                    mean: sum / values.len() as f64,
                    max: values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                }
            })
            .collect();
        strengths.sort_by(|a, b| b.mean.total_cmp(&a.mean));
        strengths
    }

    /// The largest absolute value, and whether there are negative values.
    fn range(&self) -> (f32, bool) {
        let values = self.values.iter();
        let largest = values.fold(0.0f32, |most, value| most.max(value.abs()));
        (largest, self.values.iter().any(|value| *value < 0.0))
    }

    /// A description of the colours of [`draw`](Self::draw).
    pub fn scale(&self) -> String {
        let (largest, signed) = self.range();
        if signed {
            format!("blue -{largest:.2}, white 0, red {largest:.2}")
        } else {
            format!("black 0, pale yellow {largest:.2}")
        }
    }

    /// The `max_maps` strongest maps as a grid, all on one scale: from black (0) to pale yellow
    /// (the largest value of all maps), or from blue through white (0) to red if there are negative
    /// values.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene).
    pub fn draw(
        &self,
        title: &str,
        image: &InputImage,
        max_maps: usize,
    ) -> Result<Grid, PlotError> {
        let (largest, signed) = self.range();
        let [height, width] = self.size;
        let strengths = self.strengths();
        let subtitle = format!(
            "{} of {} channels of layer {} ({height}x{width}), the strongest first, with their mean \
                 absolute values; {}",
            strengths.len().min(max_maps),
            strengths.len(),
            self.number,
            self.scale()
        );
        let mut grid = Grid {
            subtitle,
            fitted: true,
            ..Grid::new(title)
        }
        .tile(image.tile().caption("the image"));
        for strength in strengths.into_iter().take(max_maps) {
            let bytes: Vec<u8> = self
                .channel(strength.channel)
                .iter()
                .flat_map(|value| colour(*value, largest, signed))
                .collect();
            let caption = format!("channel {}: {:.2}", strength.channel, strength.mean);
            grid = grid.tile(Tile::rgb(width, height, &bytes).caption(&caption));
        }
        Ok(grid)
    }
}

fn colour(value: f32, largest: f32, signed: bool) -> [u8; 3] {
    let share = f64::from(value / largest.max(f32::MIN_POSITIVE));
    let color = if signed {
        ColorMap::Signed.at(0.5 + 0.5 * share)
    } else {
        ColorMap::Magma.at(share)
    };
    [color.r, color.g, color.b]
}
