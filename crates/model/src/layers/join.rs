//! How the outputs of branches are joined.

use super::channel_weights::scaled;
use super::features::Features;
use crate::geometry::Shape;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How the outputs of branches are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The sum; all have the same shape.
    Add,
    /// Concatenation along the channels; all have the same height and width, or are rows of values.
    Concat,
    /// The product; where others output maps `[channels, height, width]`, a branch may output one
    /// value per channel, `[channels]` or `[channels, 1, 1]`, which scales the channel's whole map.
    Multiply,
}

impl Join {
    /// The name in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Concat => "concat",
            Self::Multiply => "multiply",
        }
    }

    /// The shape of the joined outputs; `None` if they cannot be joined.
    pub(super) fn shape(self, outputs: &[Shape]) -> Option<Shape> {
        let first = *outputs.first()?;
        match self {
            Self::Add => outputs.iter().all(|shape| *shape == first).then_some(first),
            Self::Concat => {
                let channels = outputs.iter().map(Shape::channels).sum();
                match first {
                    Shape::Map { height, width, .. } => outputs
                        .iter()
                        .all(|shape| matches!(shape, Shape::Map { .. }))
                        .then_some(())
                        .filter(|()| outputs.iter().all(|s| s.map_size() == [height, width]))
                        .map(|()| Shape::Map {
                            channels,
                            height,
                            width,
                        }),
                    Shape::Flat(_) => outputs
                        .iter()
                        .all(|shape| matches!(shape, Shape::Flat(_)))
                        .then_some(Shape::Flat(channels)),
                }
            }
            Self::Multiply => {
                let is_gate = |shape: &Shape| shape.map_size() == [1, 1];
                let whole = outputs.iter().find(|shape| !is_gate(shape));
                let maps = || outputs.iter().find(|s| matches!(s, Shape::Map { .. }));
                let joined = *whole.or_else(maps).unwrap_or(&first);
                let fits = |shape: &Shape| {
                    *shape == joined || is_gate(shape) && shape.channels() == joined.channels()
                };
                outputs.iter().all(fits).then_some(joined)
            }
        }
    }

    /// The outputs of two branches or more, joined.
    ///
    /// # Shapes
    /// - output: `[batch, channels, height, width]` if any branch outputs maps, else `[batch,
    ///   values]`
    pub(super) fn of(self, outputs: Vec<Features>) -> Features {
        let is_flat = |x: &Features| matches!(x, Features::Flat(_));
        if outputs.iter().all(is_flat) {
            let rows = outputs.into_iter().map(Features::into_flat).collect();
            return Features::Flat(joined(self, rows));
        }
        // Next to maps, a row [batch, channels] becomes [batch, channels, 1, 1].
        let maps = outputs.into_iter().map(Features::maps);
        Features::Map(match self {
            Join::Multiply => maps.reduce(scaled).unwrap_or_else(none),
            _ => joined(self, maps.collect()),
        })
    }
}

fn none<T>() -> T {
    unreachable!("a plan has two branches or more")
}

fn joined<const D: usize>(join: Join, outputs: Vec<Tensor<D>>) -> Tensor<D> {
    let outputs = outputs.into_iter();
    match join {
        Join::Add => outputs.reduce(|a, b| a + b).unwrap_or_else(none),
        Join::Multiply => outputs.reduce(|a, b| a * b).unwrap_or_else(none),
        Join::Concat => Tensor::cat(outputs.collect(), 1), // along the channels
    }
}
