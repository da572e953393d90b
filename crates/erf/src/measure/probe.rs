//! The unit whose field is measured, and the units that can share a pass with it.

use crate::error::ErfError;
use crate::map::Region;
use receptive_core::text::counted;
use receptive_model::{Field, Plan, Shape};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A unit of a feature map, and its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// `[row, column]` in the feature map.
    pub unit: [usize; 2],
    /// The channels to differentiate.
    pub channels: Channels,
    /// The theoretical receptive fields of the map's rows and columns, if known: a gradient outside
    /// them is then detected, and one backward pass can serve several units.
    pub fields: Option<[Field; 2]>,
}

/// The channels of the unit to differentiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channels {
    /// The sum of all channels: one direction of the unit's output, as in published tools.
    #[default]
    Sum,
    /// One channel, counted from 0.
    One(usize),
    /// The sum with a random sign per channel and sample: its mean square is that of all channels
    /// together (Hutchinson's estimator of the diagonal of `J^T J`).
    RandomSigns,
}

impl Probe {
    /// A unit of a network with unknown layers.
    pub fn new(unit: [usize; 2]) -> Self {
        Self {
            unit,
            channels: Channels::Sum,
            fields: None,
        }
    }

    /// The unit of a layer with the theoretical receptive field centred nearest to the image's
    /// centre. That is not necessarily the middle of the map: strides and padding shift the fields.
    ///
    /// # Errors
    /// If the plan has no such layer.
    pub fn central(plan: &Plan, layer: &str) -> Result<Self, ErfError> {
        let layer = plan.find(layer)?;
        let input = plan.input();
        let size = layer.output.map_size();
        let image = [input.height, input.width];
        // Through a gate every unit sees the whole image; the rest of its field has a position.
        let place = &layer.ungated_trf;
        let unit = [0, 1].map(|axis| nearest(&place[axis], image[axis], size[axis]));
        // The values after a `flatten` see different parts of the image each, and together all of
        // it.
        let is_map = matches!(layer.output, Shape::Map { .. });
        Ok(Self {
            fields: is_map.then_some(layer.trf),
            ..Self::new(unit)
        })
    }

    /// The same probe with other channels.
    #[must_use]
    pub fn with_channels(self, channels: Channels) -> Self {
        Self { channels, ..self }
    }

    /// The same probe at another unit.
    #[must_use]
    pub fn with_unit(self, unit: [usize; 2]) -> Self {
        Self { unit, ..self }
    }

    /// The unit's theoretical receptive field, padding included.
    pub fn trf(&self) -> Option<Region> {
        Some(seen(self.fields.as_ref()?, self.unit))
    }

    /// The image's pixels that the unit can depend on.
    pub(super) fn readout(&self, image: &Region) -> Region {
        self.trf().map_or(*image, |trf| trf.intersection(image))
    }

    /// The units that may be seeded together with this one on a map of `units` rows and columns:
    /// their theoretical receptive fields are inside the image and do not overlap. This unit comes
    /// first; each comes with the pixels at which its gradient is read.
    pub(super) fn tiles(&self, units: [usize; 2], image: &Region) -> Vec<([usize; 2], Region)> {
        let whole = vec![(self.unit, self.readout(image))];
        let Some((fields, trf)) = self.fields.zip(self.trf()) else {
            return whole;
        };
        // Units near the border see fewer pixels than those inside, so they are not equivalent.
        if trf.intersection(image) != trf {
            return whole;
        }
        let along = |axis: usize| -> Vec<usize> {
            let field = &fields[axis];
            let apart = (field.size().max(1) as usize).div_ceil(field.stride.max(1) as usize);
            let first = self.unit[axis] % apart;
            let size = [image.height, image.width][axis] as i64;
            (first..units[axis])
                .step_by(apart)
                .filter(|unit| {
                    let shift = field.stride * *unit as i64;
                    field.first + shift >= 0 && field.last + shift < size
                })
                .collect()
        };
        let columns = along(1);
        let mut all: Vec<([usize; 2], Region)> = along(0)
            .into_iter()
            .flat_map(|row| columns.iter().map(move |column| [row, *column]))
            .map(|unit| (unit, self.clone().with_unit(unit).readout(image)))
            .collect();
        all.sort_by_key(|(unit, _)| *unit != self.unit);
        all
    }

    /// Checks that a map `[channels, height, width]` has the unit and the channel.
    pub(crate) fn check(&self, [channels, height, width]: [usize; 3]) -> Result<(), ErfError> {
        let [row, column] = self.unit;
        if row >= height || column >= width {
            return Err(ErfError::setting(
                "unit",
                format!(
                    "the feature map has {} and {}, counted from 0, so there is no unit ({row}, \
                     {column}); choose an existing one",
                    counted(height, "row"),
                    counted(width, "column"),
                ),
            ));
        }
        match self.channels {
            Channels::One(channel) if channel >= channels => Err(ErfError::setting(
                "channels",
                format!(
                    "the feature map has {}, counted from 0, so there is no channel {channel}; \
                     choose an existing one",
                    counted(channels, "channel"),
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unit ({}, {})", self.unit[0], self.unit[1])
    }
}

/// The pixels that a unit with these fields sees, padding included.
pub(crate) fn seen([rows, columns]: &[Field; 2], unit: [usize; 2]) -> Region {
    let first = |field: &Field, unit: usize| {
        field
            .first
            .saturating_add(field.stride.saturating_mul(unit as i64))
    };
    Region {
        top: first(rows, unit[0]),
        left: first(columns, unit[1]),
        height: rows.size() as usize,
        width: columns.size() as usize,
    }
}

/// The unit whose field's centre is nearest to the middle of `image` pixels; the later of two that
/// are equally near, as with `size / 2`.
fn nearest(field: &Field, image: usize, units: usize) -> usize {
    let middle = (image as f64 - 1.0) / 2.0;
    let position = (middle - field.centre()) / field.stride.max(1) as f64;
    let last = units.saturating_sub(1) as f64;
    (position + 0.5).floor().clamp(0.0, last) as usize
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
        // The last stage of a ResNet on 224 pixels: 7 units with stride 32, unit u centred on pixel
        // 32 u. Pixel 111.5 is between unit 3 (96) and unit 4 (128), and unit 3 is nearer.
        assert_eq!(nearest(&field(-241, 241, 32), 224, 7), 3);
        // On 1024 pixels unit 16 is exactly in the middle.
        assert_eq!(nearest(&field(-241, 241, 32), 1024, 32), 16);
        // Valid convolutions: unit u of a 3x3 layer is centred on pixel u + 1.
        assert_eq!(nearest(&field(0, 2, 1), 7, 5), 2);
        assert_eq!(nearest(&field(-5, 5, 1), 128, 128), 64);
        // No unit is near, so the last one.
        assert_eq!(nearest(&field(-500, -400, 1), 10, 3), 2);
    }

    #[test]
    fn tiles_do_not_overlap_and_lie_inside() {
        let field = field(-20, 20, 1);
        let probe = Probe {
            fields: Some([field; 2]),
            ..Probe::new([64, 64])
        };
        let image = Region::image(128, 128);
        let tiles = probe.tiles([128, 128], &image);
        assert_eq!(tiles.len(), 9);
        assert_eq!(tiles[0].0, [64, 64]);
        for (index, (_, a)) in tiles.iter().enumerate() {
            assert_eq!((a.height, a.width, a.intersection(&image)), (41, 41, *a));
            for (_, b) in &tiles[index + 1..] {
                assert_eq!(a.intersection(b).area(), 0);
            }
        }
    }

    #[test]
    fn a_unit_at_the_border_stays_alone() {
        let field = field(-2, 2, 1);
        let probe = Probe {
            fields: Some([field; 2]),
            ..Probe::new([1, 10])
        };
        let tiles = probe.tiles([20, 20], &Region::image(20, 20));
        assert_eq!(tiles.len(), 1);
        assert_eq!((tiles[0].1.top, tiles[0].1.height), (0, 4));
    }
}
