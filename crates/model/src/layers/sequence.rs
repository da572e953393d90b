//! Layers in sequence.

use super::features::Features;
#[cfg(feature = "flex")]
use super::fuse::fused;
use super::pass::Pass;
use super::{Layer, PlannedLayer};

/// The output of all `layers`, or of the requested layer as soon as it is computed.
pub(crate) fn through(
    layers: &[Layer],
    planned: &[PlannedLayer],
    mut signal: Features,
    pass: &mut Pass<'_>,
) -> Features {
    let count = layers.len().min(planned.len());
    let mut at = 0;
    while at < count && !pass.is_done() {
        (signal, at) = match fused(&layers[at..count], &planned[at..count], &signal, pass) {
            Some((output, layers)) => (output, at + layers),
            None => (layers[at].forward(signal, &planned[at], pass), at + 1),
        };
    }
    signal
}

/// Without kernels no layers are fused.
#[cfg(not(feature = "flex"))]
fn fused(
    _: &[Layer],
    _: &[PlannedLayer],
    _: &Features,
    _: &mut Pass<'_>,
) -> Option<(Features, usize)> {
    None
}

/// The layer with this number, also within branches.
pub(crate) fn find<'a>(
    layers: &'a [Layer],
    planned: &[PlannedLayer],
    number: &str,
) -> Option<&'a Layer> {
    layers.iter().zip(planned).find_map(|(layer, planned)| {
        if planned.number == number {
            return Some(layer);
        }
        let branches = layer.branches().into_iter().zip(planned.branches());
        let mut found =
            branches.filter_map(|(layers, branch)| find(layers, &branch.layers, number));
        found.next()
    })
}

/// The modules of the layers in `cone`, with its paddings.
pub(crate) fn cut_modules(
    layers: &[Layer],
    planned: &[PlannedLayer],
    cone: &[PlannedLayer],
) -> Vec<Layer> {
    cone.iter()
        .map(|cut| match find(layers, planned, &cut.number) {
            Some(layer) => layer.cut(cut, |branch| cut_modules(layers, planned, branch)),
            None => Layer::new_crop(),
        })
        .collect()
}
