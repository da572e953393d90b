//! The part of each layer that some units depend on, from the last layer back to the image.

use super::PlannedLayer;
use super::crop::crop;
use crate::geometry::Units;

/// Restricts each layer to what these units of the last one depend on; returns the input units
/// needed.
pub(crate) fn cut<'a>(
    layers: impl DoubleEndedIterator<Item = &'a PlannedLayer>,
    mut units: Units,
) -> (Vec<PlannedLayer>, Units) {
    let mut all = Vec::new();
    for layer in layers.rev() {
        let (cut, needed) = cut_layer(layer, &units);
        all.extend(cut.into_iter().rev());
        units = needed;
    }
    all.reverse();
    (all, units)
}

fn cut_layer(layer: &PlannedLayer, units: &Units) -> (Vec<PlannedLayer>, Units) {
    let mut cut = layer.clone();
    cut.output = layer.output.cut(units);
    let area = |units: &Units| units[0].len().max(1) * units[1].len().max(1);
    cut.macs = layer.macs / area(&layer.output.units()) * area(&cut.output.units());
    // Windows that cover padding only have no input to keep: the layer stays whole, and its output
    // is cropped.
    let Some(needed) = cut.operation.cut(layer, units) else {
        let after = crop(layer, layer.output, units, &layer.output.units());
        return (vec![layer.clone(), after], layer.input.units());
    };
    let within = cut.branches();
    if !within.is_empty() {
        let layers = within.iter().flat_map(|branch| &branch.layers);
        cut.macs = layers.map(|layer| layer.macs).sum();
    }
    cut.input = layer.input.cut(&needed);
    (vec![cut], needed)
}
