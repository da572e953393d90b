//! A validated config: every layer's shape, cost and receptive field, before any tensor exists.

use crate::ModelError;
use crate::config::ModelConfig;
use crate::geometry::{Shape, Units};
use crate::layers::{MAX_SIDE, PlannedLayer, Planner, Signal, Total, cut};
use receptive_core::{ImageSize, did_you_mean, nearest};
use std::ops::Range;

/// A config with all layers validated; the only thing a [`Classifier`](crate::Classifier) is built
/// from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The config it was made from, with its classes filled in.
    pub config: ModelConfig,
    /// Number of logits.
    pub classes: usize,
    /// The layers, in order; nested ones are in their layer's [`Operation`](crate::Operation).
    pub layers: Vec<PlannedLayer>,
    /// Sums over all layers.
    pub total: Total,
}

/// The layers that some units of one layer depend on, each restricted to the units needed.
#[derive(Debug, Clone)]
pub(crate) struct ConePlan {
    /// The input pixels that are needed.
    pub(crate) pixels: Units,
    /// In order; of their paddings only what the units need at the image's borders is left.
    pub(crate) layers: Vec<PlannedLayer>,
}

impl ModelConfig {
    /// Checks every layer and computes its shape, cost and receptive field. No memory is allocated
    /// according to sizes in the config.
    ///
    /// # Errors
    /// [`ModelError::Layer`] for a layer that cannot be built on its input, and
    /// [`ModelError::Model`] if the whole is not a classifier.
    pub fn plan(&self) -> Result<Plan, ModelError> {
        check_sizes(self)?;
        let mut planner = Planner::new(self.strict_shapes, self.classes);
        let input = self.input;
        let image = Signal::image(input.channels, input.height, input.width);
        let (layers, last) = planner.sequence(&self.layers, "", image, 0)?;
        let classes = match (last.shape, self.classes) {
            (Shape::Flat(outputs), None) => outputs,
            (Shape::Flat(outputs), Some(classes)) if outputs == classes => classes,
            (Shape::Flat(outputs), Some(classes)) => {
                return Err(ModelError::model(
                    format!(
                        "its last layer outputs {outputs} values but there are {classes} classes"
                    ),
                    "leave `units` out of the last `linear` layer",
                ));
            }
            (map, _) => {
                return Err(ModelError::model(
                    format!("its last layer outputs a feature map {map}, not one value per class"),
                    "end it with `flatten` or `global_avg_pool2d`, then `linear` without `units`",
                ));
            }
        };
        let config = ModelConfig {
            classes: Some(classes),
            ..self.clone()
        };
        Ok(Plan {
            config,
            classes,
            layers,
            total: planner.total,
        })
    }
}

impl Plan {
    /// The size of the input images.
    pub fn input(&self) -> ImageSize {
        self.config.input
    }

    /// All layers; nested ones come right before the layer that joins them.
    pub fn rows(&self) -> Vec<&PlannedLayer> {
        let mut rows = Vec::new();
        collect(&self.layers, &mut rows);
        rows
    }

    /// The layer with this number (`3`, `4.2`) or name (`conv2d_2`).
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant.
    pub fn find(&self, layer: &str) -> Result<&PlannedLayer, ModelError> {
        let rows = self.rows();
        let found = rows
            .iter()
            .copied()
            .find(|row| row.number == layer || row.name == layer);
        found.ok_or_else(|| ModelError::UnknownLayer {
            layer: layer.into(),
            known: others(layer, &rows),
        })
    }

    /// The layers from the image to this one, in order; of branches, only the one that leads there.
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant.
    pub fn path(&self, layer: &str) -> Result<Vec<&PlannedLayer>, ModelError> {
        let mut path = Vec::new();
        lead(&self.layers, &self.find(layer)?.number, &mut path);
        Ok(path)
    }

    pub(crate) fn cone(&self, layer: &str, units: &Units) -> Result<ConePlan, ModelError> {
        let path = self.path(layer)?;
        let target = self.find(layer)?;
        let [height, width] = target.output.map_size();
        let fits = |range: &Range<usize>, size| range.start < range.end && range.end <= size;
        if !fits(&units[0], height) || !fits(&units[1], width) {
            return Err(ModelError::Units {
                layer: target.name.clone(),
                rows: units[0].clone(),
                columns: units[1].clone(),
                height,
                width,
            });
        }
        let (layers, pixels) = cut(path.into_iter(), units.clone());
        Ok(ConePlan { pixels, layers })
    }

    /// All remarks and warnings, each with its layer.
    pub fn notes(&self) -> Vec<String> {
        let rows = self.rows();
        // The same note on several layers becomes one.
        let mut notes: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for row in &rows {
            for note in &row.notes {
                let known = notes
                    .iter_mut()
                    .find(|(kind, text, _)| *kind == row.kind && *text == note.as_str());
                match known {
                    Some((_, _, numbers)) => numbers.push(&row.number),
                    None => notes.push((row.kind, note, vec![&row.number])),
                }
            }
        }
        let sentence = |(kind, note, numbers): &(&str, &str, Vec<&str>)| match numbers.as_slice() {
            [number] => format!("layer {number} ({kind}): {note}"),
            [first, .., last] if numbers.len() > MAX_LISTED => format!(
                "{} layers from {first} to {last} ({kind}): {note}",
                numbers.len()
            ),
            _ => format!("layers {} ({kind}): {note}", numbers.join(", ")),
        };
        notes.iter().map(sentence).collect()
    }
}

/// If more layers share a note, only the first and the last are named.
const MAX_LISTED: usize = 5;

fn check_sizes(config: &ModelConfig) -> Result<(), ModelError> {
    let input = config.input;
    let sizes = [
        ("channels", Some(input.channels)),
        ("height", Some(input.height)),
        ("width", Some(input.width)),
        ("classes", config.classes),
    ];
    for (name, value) in sizes {
        if let Some(value) = value
            && !(1..=MAX_SIDE).contains(&value)
        {
            return Err(ModelError::model(
                format!("{name} is {value}"),
                format!("set `{name}` to a number from 1 to {MAX_SIDE}"),
            ));
        }
    }
    Ok(())
}

/// Maximum number of layers listed in an error.
const MAX_SUGGESTED: usize = 8;

/// Layers that may be meant by a name that none has: those of that kind, or those with similar names;
/// or else the first ones and the last one.
fn others(name: &str, rows: &[&PlannedLayer]) -> String {
    let is_kind = |row: &&&PlannedLayer| {
        let parts = row.name.rsplit_once('_');
        parts.is_some_and(|(kind, _)| kind == name)
    };
    let of_kind: Vec<&PlannedLayer> = rows.iter().filter(is_kind).copied().collect();
    if !of_kind.is_empty() {
        return format!("its {name} layers are {}", listed(&of_kind));
    }
    let known = rows.iter().flat_map(|row| [&*row.number, &*row.name]);
    did_you_mean(&nearest(name, known))
        .unwrap_or_else(|| format!("its layers are {}", listed(rows)))
}

/// Numbers and names, without those in the middle if there are many.
fn listed(rows: &[&PlannedLayer]) -> String {
    let mut all: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row.number, row.name))
        .collect();
    if all.len() > MAX_SUGGESTED {
        all.splice(MAX_SUGGESTED - 2..all.len() - 1, ["...".to_string()]);
    }
    all.join(", ")
}

fn collect<'a>(layers: &'a [PlannedLayer], rows: &mut Vec<&'a PlannedLayer>) {
    for layer in layers {
        for branch in layer.branches() {
            collect(&branch.layers, rows);
        }
        rows.push(layer);
    }
}

/// The layers from the image to the one with this number; of branches, only the one that leads
/// there.
fn lead<'a>(layers: &'a [PlannedLayer], number: &str, path: &mut Vec<&'a PlannedLayer>) -> bool {
    for layer in layers {
        if layer.number != number {
            for branch in layer.branches() {
                let before = path.len();
                if lead(&branch.layers, number, path) {
                    return true;
                }
                path.truncate(before);
            }
        }
        path.push(layer);
        if layer.number == number {
            return true;
        }
    }
    false
}
