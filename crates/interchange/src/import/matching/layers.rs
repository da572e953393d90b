//! Groups tensors by layer and describes them.

use super::names::Shaped;
use std::collections::{BTreeMap, HashMap};

/// The tensors of one layer: the shape of each by its name, such as `weight` or `bias`.
pub(super) type Parts = BTreeMap<String, Vec<usize>>;

/// A layer's name and its tensors.
pub(super) type Layer = (String, Parts);

/// Groups tensors by layer, preserving their order.
pub(super) fn layers<'a>(tensors: impl IntoIterator<Item = &'a Shaped>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for tensor in tensors {
        let (layer, part) = split(&tensor.name);
        let place = *places.entry(layer).or_insert_with(|| {
            layers.push((layer.into(), Parts::new()));
            layers.len() - 1
        });
        layers[place].1.insert(part.into(), tensor.shape.clone());
    }
    layers
}

/// Splits a tensor's name into its layer's name and its own; a plain `weight` has an empty layer
/// name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// The inverse of [`split`].
pub(super) fn join(layer: &str, part: &str) -> String {
    if layer.is_empty() {
        part.into()
    } else {
        format!("{layer}.{part}")
    }
}

/// A shape without trailing ones, which do not affect where a value belongs: a 1x1 convolution's
/// `[n, c, 1, 1]` equals a linear layer's `[n, c]`, and a factor per channel `[c, 1, 1]` equals
/// `[c]`.
pub(super) fn trimmed(shape: &[usize]) -> &[usize] {
    let ones = shape.iter().rev().take_while(|side| **side == 1).count();
    &shape[..shape.len() - ones]
}

/// All shapes of a layer, trimmed: the basis for comparing layers with unknown names.
pub(super) fn outline(parts: &Parts) -> Vec<(&str, &[usize])> {
    let trimmed = parts
        .iter()
        .map(|(part, shape)| (part.as_str(), trimmed(shape)));
    trimmed.collect()
}

/// Whether tensors of the two shapes contain the same values in the same order. Besides differing
/// in trailing ones, they may be a linear layer `[n, c * h * w]` on a flattened map and a
/// convolution `[n, c, h, w]` that covers the map.
pub(super) fn same_values(wanted: &[usize], found: &[usize]) -> bool {
    let flattens = |flat: &[usize], map: &[usize]| match (flat, map) {
        ([n, inputs], [filters, channels, height, width]) => {
            n == filters && Some(*inputs) == product(&[*channels, *height, *width])
        }
        _ => false,
    };
    trimmed(wanted) == trimmed(found) || flattens(wanted, found) || flattens(found, wanted)
}

fn product(factors: &[usize]) -> Option<usize> {
    factors
        .iter()
        .try_fold(1usize, |product, factor| product.checked_mul(*factor))
}

/// The largest number of layers listed in an error message.
const MAX_LISTED: usize = 6;

/// Such as `conv2d_1 (weight 8x3x3x3), linear_1 (bias 10, weight 10x8)`.
pub(super) fn names_of(layers: &[Layer]) -> String {
    let names: Vec<String> = layers
        .iter()
        .map(|(name, parts)| format!("{name} ({})", words(parts)))
        .collect();
    listed(&names)
}

/// The first few names and the number of the others.
pub(super) fn listed(names: &[String]) -> String {
    if names.len() <= MAX_LISTED + 1 {
        return names.join(", ");
    }
    let more = names.len() - MAX_LISTED;
    format!("{} and {more} more", names[..MAX_LISTED].join(", "))
}

/// Such as `2 layers (conv2d_2, conv2d_3)`.
pub(super) fn counted(names: &[String]) -> String {
    let s = if names.len() == 1 { "" } else { "s" };
    if names.is_empty() {
        return "none".into();
    }
    format!("{} layer{s} ({})", names.len(), listed(names))
}

/// Such as `bias 10, weight 10x8`.
pub(super) fn words(parts: &Parts) -> String {
    let words: Vec<String> = parts
        .iter()
        .map(|(part, shape)| {
            let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
            format!("{part} {}", sides.join("x"))
        })
        .collect();
    words.join(", ")
}
