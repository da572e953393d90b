//! Reduces the number of layers: sums and products with constants are merged into the layers before
//! them, activations into their convolutions, and a concatenation reuses one that is its beginning.

use super::network::{Kind, Layer, Network, ValueId, Weight};
use super::vocabulary;
use receptive_model::{Activation, BatchNormLayer, Join, LayerConfig};
use std::collections::HashMap;

/// The longest list of inputs that is compared with others.
const MAX_LIST: usize = 256;

/// Merges layers and drops those that the output does not depend on; returns the new id of the
/// output.
pub(super) fn merge(network: &mut Network, output: ValueId) -> ValueId {
    share_lists(network);
    let mut uses = uses(network, output);
    let mut place: Vec<ValueId> = (0..network.layers.len()).collect();
    for at in 1..network.layers.len() {
        if uses[at] == 0 {
            continue;
        }
        for input in &mut network.layers[at].inputs {
            *input = place[*input];
        }
        let &[before] = network.layers[at].inputs.as_slice() else {
            continue;
        };
        let is_alone = uses[before] == 1;
        let (earlier, later) = network.layers.split_at_mut(at);
        if absorbed(&mut earlier[before], &later[0], is_alone) {
            place[at] = before;
            uses[before] = uses[at];
            uses[at] = 0;
        }
    }
    compact(network, &uses, place[output])
}

/// The `scale` and `shift` of each channel of the image, if the image has no other use; the scaled
/// image then becomes the input.
pub(super) fn input_scale(network: &mut Network) -> Option<[Vec<f32>; 2]> {
    let users = network
        .layers
        .iter()
        .filter(|layer| layer.inputs.contains(&0))
        .count();
    let first = network.layers.get(1)?;
    let (Kind::Affine { scale, shift }, &[0], 1) = (&first.kind, first.inputs.as_slice(), users)
    else {
        return None;
    };
    let found = [scale.clone(), shift.clone()];
    network.layers.remove(1);
    for layer in &mut network.layers {
        layer
            .inputs
            .iter_mut()
            .for_each(|input| *input = input.saturating_sub(1));
    }
    Some(found)
}

/// Turns the remaining sums and products with constants into layers.
pub(super) fn settle(network: &mut Network) {
    network.layers.iter_mut().for_each(settle_one);
}

/// The number of layers that use each output; 0 for layers on which the network's output does not
/// depend.
fn uses(network: &Network, output: ValueId) -> Vec<usize> {
    let mut uses = vec![0; network.layers.len()];
    uses[output] = 1;
    for at in (0..network.layers.len()).rev() {
        if uses[at] > 0 {
            for input in &network.layers[at].inputs {
                uses[*input] += 1;
            }
        }
    }
    uses
}

/// Given `concat(x, a)`, rewrites `concat(x, a, b)` as `concat(concat(x, a), b)`, the form of
/// DenseNets.
fn share_lists(network: &mut Network) {
    let mut lists: HashMap<Vec<ValueId>, ValueId> = HashMap::new();
    for at in 0..network.layers.len() {
        if !matches!(network.layers[at].kind, Kind::Join(Join::Concat)) {
            continue;
        }
        let inputs = network.layers[at].inputs.clone();
        if inputs.len() > MAX_LIST {
            continue;
        }
        let known = (2..inputs.len())
            .rev()
            .find_map(|length| Some((length, *lists.get(&inputs[..length])?)));
        if let Some((length, earlier)) = known {
            let rest = inputs[length..].iter().copied();
            network.layers[at].inputs = std::iter::once(earlier).chain(rest).collect();
        }
        lists.entry(inputs).or_insert(at);
    }
}

/// Whether `layer` was merged into `before`; `is_alone` if no other layer uses the output of
/// `before`.
fn absorbed(before: &mut Layer, layer: &Layer, is_alone: bool) -> bool {
    match &layer.kind {
        Kind::Affine { scale, shift } => {
            let is_nothing = all(scale, 1.0) && all(shift, 0.0);
            is_nothing || is_alone && absorbed_affine(&mut before.kind, scale, shift)
        }
        Kind::Layer {
            config: LayerConfig::Activation(layer),
            ..
        } => match activation_of(&mut before.kind) {
            Some(own) if is_alone && own.is_none() => {
                *own = Some(layer.activation);
                true
            }
            _ => false,
        },
        Kind::Layer { .. } | Kind::Image | Kind::Join(_) => false,
    }
}

fn all(values: &[f32], number: f32) -> bool {
    values.iter().all(|value| *value == number)
}

/// The activation setting of a convolution or a linear layer.
fn activation_of(kind: &mut Kind) -> Option<&mut Option<Activation>> {
    match kind {
        Kind::Layer { config, .. } => match config {
            LayerConfig::Conv2d(layer) => Some(&mut layer.activation),
            LayerConfig::Linear(layer) => Some(&mut layer.activation),
            _ => None,
        },
        _ => None,
    }
}

fn absorbed_affine(before: &mut Kind, scale: &[f32], shift: &[f32]) -> bool {
    match before {
        Kind::Affine {
            scale: own_scale,
            shift: own_shift,
        } => {
            multiply(own_scale, scale);
            multiply(own_shift, scale);
            add(own_shift, shift);
            true
        }
        Kind::Layer {
            config: LayerConfig::BatchNorm(_),
            weights,
        } => {
            for weight in weights {
                match weight.leaf {
                    "weight" => multiply(&mut weight.values, scale),
                    "bias" => {
                        multiply(&mut weight.values, scale);
                        add(&mut weight.values, shift);
                    }
                    _ => {}
                }
            }
            true
        }
        Kind::Layer { config, weights } if all(scale, 1.0) => {
            match config {
                LayerConfig::Conv2d(layer) if layer.activation.is_none() => layer.bias = true,
                LayerConfig::Linear(layer) if layer.activation.is_none() => layer.bias = true,
                _ => return false,
            }
            match weights.iter_mut().find(|weight| weight.leaf == "bias") {
                Some(bias) => add(&mut bias.values, shift),
                None => weights.push(Weight::row("bias", shift.to_vec())),
            }
            true
        }
        Kind::Layer { .. } | Kind::Image | Kind::Join(_) => false,
    }
}

fn multiply(values: &mut [f32], factors: &[f32]) {
    values
        .iter_mut()
        .zip(factors)
        .for_each(|(value, factor)| *value *= factor);
}

fn add(values: &mut [f32], terms: &[f32]) {
    values
        .iter_mut()
        .zip(terms)
        .for_each(|(value, term)| *value += term);
}

/// Turns a product with constants into a channel scale or, together with a sum, into a batch norm
/// with mean 0 and variance `1 - epsilon`, which has no other effect.
fn settle_one(layer: &mut Layer) {
    let Kind::Affine { scale, shift } = &mut layer.kind else {
        return;
    };
    let (scale, shift) = (std::mem::take(scale), std::mem::take(shift));
    let channels = scale.len();
    layer.kind = if all(&shift, 0.0) {
        Kind::Layer {
            config: vocabulary::channel_scale().into(),
            weights: vec![Weight::row("weight", scale)],
        }
    } else {
        let norm = BatchNormLayer::default();
        let variance = (1.0 - norm.epsilon) as f32;
        Kind::Layer {
            config: norm.into(),
            weights: vec![
                Weight::row("weight", scale),
                Weight::row("bias", shift),
                Weight::row("running_mean", vec![0.0; channels]),
                Weight::row("running_var", vec![variance; channels]),
            ],
        }
    };
}

/// Drops unused layers; returns the new id of the output.
fn compact(network: &mut Network, uses: &[usize], output: ValueId) -> ValueId {
    let mut place = vec![0; uses.len()];
    let layers = std::mem::take(&mut network.layers);
    for (at, mut layer) in layers.into_iter().enumerate() {
        if at == 0 || uses[at] > 0 {
            place[at] = network.layers.len();
            layer
                .inputs
                .iter_mut()
                .for_each(|input| *input = place[*input]);
            network.layers.push(layer);
        }
    }
    place[output]
}
