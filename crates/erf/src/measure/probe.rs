//! Which unit is asked what it sees.

use crate::{ErfError, Region};
use receptive_model::{Field, Plan, Shape};
use serde::Serialize;
use std::fmt;

/// A unit of a feature map, and which of its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// `[row, column]` in the feature map.
    pub unit: [usize; 2],
    /// Which channels' gradients are taken.
    pub channels: Channels,
    /// The theoretical receptive fields of the map's rows and columns, where they are known: then a
    /// gradient outside them is seen, and one backward pass can serve several units.
    pub fields: Option<[Field; 2]>,
}

/// Which channels of the unit are differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channels {
    /// The sum of all: one direction of the unit's output, as the published tools take it.
    #[default]
    Sum,
    /// One channel, counted from 0.
    One(usize),
    /// The sum with a random sign for each channel and sample: the mean square is then that of
    /// all channels together (Hutchinson's estimator of the diagonal of `J^T J`).
    RandomSigns,
}

impl Probe {
    /// A unit of a network of which nothing else is known.
    pub fn at(unit: [usize; 2]) -> Self {
        Self {
            unit,
            channels: Channels::Sum,
            fields: None,
        }
    }

    /// The unit of a layer whose theoretical receptive field has its centre nearest the image's.
    /// That is not the middle of the map: strides and padding shift the fields.
    ///
    /// # Errors
    /// When the plan has no such layer.
    pub fn central(plan: &Plan, layer: &str) -> Result<Self, ErfError> {
        let layer = plan.find(layer)?;
        let input = plan.input();
        let size = layer.output.map_size();
        let image = [input.height, input.width];
        let unit = [0, 1].map(|axis| nearest(&layer.trf[axis], image[axis], size[axis]));
        // The values behind a `flatten` each see another part of the image; together, all of it.
        let is_map = matches!(layer.output, Shape::Map { .. });
        Ok(Self {
            fields: is_map.then_some(layer.trf),
            ..Self::at(unit)
        })
    }

    /// The same probe of other channels.
    #[must_use]
    pub fn with_channels(self, channels: Channels) -> Self {
        Self { channels, ..self }
    }

    /// The same probe of another unit.
    #[must_use]
    pub fn with_unit(self, unit: [usize; 2]) -> Self {
        Self { unit, ..self }
    }

    /// The unit's theoretical receptive field, padding included.
    pub fn trf(&self) -> Option<Region> {
        let [rows, columns] = self.fields.as_ref()?;
        let first = |field: &Field, unit: usize| {
            field
                .first
                .saturating_add(field.stride.saturating_mul(unit as i64))
        };
        Some(Region {
            top: first(rows, self.unit[0]),
            left: first(columns, self.unit[1]),
            height: rows.size() as usize,
            width: columns.size() as usize,
        })
    }

    /// Refuses a unit or a channel that a map of `[channels, height, width]` does not have.
    pub(crate) fn check(&self, [channels, height, width]: [usize; 3]) -> Result<(), ErfError> {
        let [row, column] = self.unit;
        if row >= height || column >= width {
            return Err(self.refused(format!(
                "the feature map has {height} rows and {width} columns, counted from 0; choose a \
                 unit among them"
            )));
        }
        match self.channels {
            Channels::One(channel) if channel >= channels => Err(self.refused(format!(
                "the feature map has {channels} channels, counted from 0, so there is no channel \
                 {channel}"
            ))),
            _ => Ok(()),
        }
    }

    fn refused(&self, problem: String) -> ErfError {
        ErfError::Probe {
            probe: self.to_string(),
            problem,
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unit ({}, {})", self.unit[0], self.unit[1])
    }
}

/// The unit whose field's centre is nearest the middle of `image` pixels; of two equally near the
/// later, as `size / 2` has it.
fn nearest(field: &Field, image: usize, units: usize) -> usize {
    let middle = (image as f64 - 1.0) / 2.0;
    let wanted = (middle - field.centre()) / field.stride.max(1) as f64;
    let last = units.saturating_sub(1) as f64;
    (wanted + 0.5).floor().clamp(0.0, last) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(first: i64, last: i64, stride: i64) -> Field {
        Field {
            first,
            last,
            stride,
        }
    }

    #[test]
    fn the_central_unit_is_not_always_the_middle_of_the_map() {
        // A ResNet's last stage on 224 pixels: 7 units of stride 32, unit u centred on pixel 32 u.
        // Pixel 111.5 lies between unit 3 (96) and unit 4 (128), and unit 3 is nearer by a half.
        assert_eq!(nearest(&field(-241, 241, 32), 224, 7), 3);
        // On 1024 pixels unit 16 is exactly right.
        assert_eq!(nearest(&field(-241, 241, 32), 1024, 32), 16);
        // Valid convolutions: unit u of 3x3 is centred on pixel u + 1.
        assert_eq!(nearest(&field(0, 2, 1), 7, 5), 2);
        assert_eq!(nearest(&field(-5, 5, 1), 128, 128), 64);
        // Nothing there is near: the last unit.
        assert_eq!(nearest(&field(-500, -400, 1), 10, 3), 2);
    }
}
