//! Feature maps of one picture.

use super::tile::tile;
use crate::predict::Input;
use crate::{Prediction, TrainError};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::Sample;
use receptive_model::{Artifact, PlannedLayer, Shape};
use receptive_plot::{ColourMap, Grid, PlotError, Tile};
use serde::Serialize;
use std::path::Path;

/// One layer's maps of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// The layer's number, such as `4.2`.
    pub number: String,
    /// Its name, such as `conv2d_2`.
    pub name: String,
    /// The maps' height and width.
    pub size: [usize; 2],
    /// Channel by channel, row by row.
    pub values: Vec<f32>,
}

/// What one channel came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Strength {
    /// Counted from 0.
    pub channel: usize,
    /// The mean absolute value.
    pub mean: f64,
    /// The largest value.
    pub max: f32,
}

/// A picture as the network saw it, and what it made of it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The picture's bytes, resized, channels last.
    pub pixels: Vec<u8>,
    /// Its height, width and channels.
    pub size: [usize; 3],
    /// The layers asked for, in the network's order.
    pub layers: Vec<FeatureMaps>,
    /// The most probable classes.
    pub top: Vec<Prediction>,
}

/// Shows a picture to the network and keeps what these layers (by number or name) give.
///
/// # Errors
/// When the file is no image, or a layer is not there or gives rows instead of maps.
pub fn look(
    artifact: &Artifact,
    path: &Path,
    layers: &[String],
    device: &Device,
) -> Result<Seen, TrainError> {
    see(
        artifact,
        Input::read(path, &artifact.input)?,
        layers,
        device,
    )
}

/// The same for an image of a data set, which has the network's size already.
///
/// # Errors
/// When the pixels are not of that size, or a layer is not there or gives rows instead of maps.
pub fn look_at(
    artifact: &Artifact,
    sample: &Sample,
    layers: &[String],
    device: &Device,
) -> Result<Seen, TrainError> {
    let input = Input::of_pixels(sample.pixels.to_vec(), &artifact.input)?;
    see(artifact, input, layers, device)
}

fn see(
    artifact: &Artifact,
    input: Input,
    layers: &[String],
    device: &Device,
) -> Result<Seen, TrainError> {
    let shape = input.batch.shape;
    let images = || {
        let data = TensorData::new(input.batch.images.to_vec(), shape);
        Tensor::<4>::from_data(data, device)
    };
    let mut seen = Vec::with_capacity(layers.len());
    for layer in layers {
        let planned = artifact.model.plan().find(layer)?;
        maps_only(artifact, planned)?;
        let maps = artifact.model.forward_until(images(), &planned.number)?;
        let Some(maps) = maps.into_map() else {
            continue;
        };
        let [_, _, height, width] = maps.dims();
        seen.push(FeatureMaps {
            number: planned.number.clone(),
            name: planned.name.clone(),
            size: [height, width],
            values: maps.into_data().iter().collect(),
        });
    }
    Ok(Seen {
        top: input.predict(artifact, 3, device),
        size: [shape[2], shape[3], shape[1]],
        pixels: input.pixels,
        layers: seen,
    })
}

/// Refuses a layer that gives rows, with those that give maps.
pub(crate) fn maps_only(artifact: &Artifact, planned: &PlannedLayer) -> Result<(), TrainError> {
    if matches!(planned.output, Shape::Map { .. }) {
        return Ok(());
    }
    Err(TrainError::setting(
        "--layer",
        format!(
            "layer {} ({}) gives {} values in a row, no maps; layers with maps are {}",
            planned.number,
            planned.name,
            planned.output,
            map_layers(artifact).join(", ")
        ),
    ))
}

/// The numbers of all layers that give maps.
pub fn map_layers(artifact: &Artifact) -> Vec<String> {
    let rows = artifact.model.plan().rows().into_iter();
    rows.filter(|layer| matches!(layer.output, Shape::Map { .. }))
        .map(|layer| layer.number.clone())
        .collect()
}

/// The layer to look at where none is named: the last one as fine as the first convolution's.
pub fn usual_layer(artifact: &Artifact) -> Option<String> {
    let rows = artifact.model.plan().rows();
    let size = rows.iter().find_map(|layer| match layer.output {
        Shape::Map { height, width, .. } => Some((height, width)),
        Shape::Flat(_) => None,
    })?;
    let same = |shape: &Shape| matches!(shape, Shape::Map { height, width, .. } if (*height, *width) == size);
    let first = rows.iter().take_while(|layer| same(&layer.output));
    first.last().map(|layer| layer.number.clone())
}

impl FeatureMaps {
    /// How many maps there are.
    pub fn channels(&self) -> usize {
        self.values.len() / (self.size[0] * self.size[1]).max(1)
    }

    fn channel(&self, channel: usize) -> &[f32] {
        let values = self.size[0] * self.size[1];
        &self.values[channel * values..(channel + 1) * values]
    }

    /// All channels, the strongest first.
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

    /// The largest absolute value, and whether there are negative ones.
    fn range(&self) -> (f32, bool) {
        let values = self.values.iter();
        let largest = values.fold(0.0f32, |most, value| most.max(value.abs()));
        (largest, self.values.iter().any(|value| *value < 0.0))
    }

    /// What the colours of [`draw`](Self::draw) mean, in words.
    pub fn scale(&self) -> String {
        let (largest, signed) = self.range();
        if signed {
            format!("blue -{largest:.2}, white 0, red {largest:.2}")
        } else {
            format!("black 0, pale yellow {largest:.2}")
        }
    }

    /// The `most` strongest maps as a grid, all on one scale: from black (0) to pale yellow (the
    /// largest value of all), or from blue over white (0) to red where values are signed.
    ///
    /// # Errors
    /// As [`Draw::scene`](receptive_plot::Draw::scene).
    pub fn draw(&self, title: &str, seen: &Seen, most: usize) -> Result<Grid, PlotError> {
        let (largest, signed) = self.range();
        let [height, width] = self.size;
        let strengths = self.strengths();
        let mut grid = Grid::new(title)
            .subtitle(&format!(
                "{} of {} channels of layer {} ({height}x{width}), the strongest first, with their mean \
                 absolute values; {}",
                strengths.len().min(most),
                strengths.len(),
                self.number,
                self.scale()
            ))
            .fitted()
            .tile(tile(&seen.pixels, seen.size).caption("the picture"));
        for strength in strengths.into_iter().take(most) {
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
    let colour = if signed {
        ColourMap::Signed.at(0.5 + 0.5 * share)
    } else {
        ColourMap::Magma.at(share)
    };
    [colour.r, colour.g, colour.b]
}
