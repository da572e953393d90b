//! Tensors grouped by layer, and how they are described.

use super::names::Shaped;
use std::collections::{BTreeMap, HashMap};

/// The tensors of one layer: what is called `weight`, `bias` ... and how large it is.
pub(super) type Parts = BTreeMap<String, Vec<usize>>;

/// A layer's name and its tensors.
pub(super) type Layer = (String, Parts);

/// Tensors grouped by layer, in their order.
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

/// A tensor's layer and what it is called there; the layer of `weight` alone has no name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// A tensor's name from its layer's.
pub(super) fn join(layer: &str, part: &str) -> String {
    if layer.is_empty() {
        part.into()
    } else {
        format!("{layer}.{part}")
    }
}

/// A shape without the ones at its end, which say nothing of where a value belongs: a 1x1
/// convolution's `[n, c, 1, 1]` is a linear layer's `[n, c]`, a factor a channel `[c, 1, 1]` is `[c]`.
pub(super) fn trimmed(shape: &[usize]) -> &[usize] {
    let ones = shape.iter().rev().take_while(|side| **side == 1).count();
    &shape[..shape.len() - ones]
}

/// All shapes of a layer, trimmed: what layers are compared by where names say nothing.
pub(super) fn outline(parts: &Parts) -> Vec<(&str, &[usize])> {
    let trimmed = parts
        .iter()
        .map(|(part, shape)| (part.as_str(), trimmed(shape)));
    trimmed.collect()
}

/// Whether values of one shape are those of the other, in the same order. Beside trailing ones that
/// holds for a linear layer `[n, c * h * w]` on a flattened map and a convolution `[n, c, h, w]` that
/// covers the map.
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

/// The most layers that an error message lists.
const MAX_LISTED: usize = 6;

/// `conv2d_1 (weight 8x3x3x3), linear_1 (bias 10, weight 10x8)`.
pub(super) fn names_of(layers: &[Layer]) -> String {
    let names: Vec<String> = layers
        .iter()
        .map(|(name, parts)| format!("{name} ({})", words(parts)))
        .collect();
    listed(&names)
}

/// The first few, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    if names.len() <= MAX_LISTED + 1 {
        return names.join(", ");
    }
    let more = names.len() - MAX_LISTED;
    format!("{} and {more} more", names[..MAX_LISTED].join(", "))
}

/// `2 layers (conv2d_2, conv2d_3)`.
pub(super) fn counted(names: &[String]) -> String {
    let s = if names.len() == 1 { "" } else { "s" };
    if names.is_empty() {
        return "none".into();
    }
    format!("{} layer{s} ({})", names.len(), listed(names))
}

/// `bias 10, weight 10x8`.
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
