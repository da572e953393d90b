//! Layers one after the other; runs of them that one of this project's kernels computes at once: a
//! batch norm with the ReLU after it, and outside training with the convolution before it; a convolution
//! or a batch norm with the max pool after it.

use super::Features;
use super::kernels;
use super::layer::{Layer, Pass};
use crate::config::Activation;
use crate::plan::{Operation, PlannedLayer};

/// The output of all `layers`, or of the one that was asked for as soon as it is found.
pub(super) fn through(
    layers: &[Layer],
    planned: &[PlannedLayer],
    mut signal: Features,
    pass: &mut Pass<'_>,
) -> Features {
    let count = layers.len().min(planned.len());
    let mut at = 0;
    while at < count && !pass.is_found() {
        (signal, at) = match fused(&layers[at..count], &planned[at..count], &signal, pass) {
            Some((output, layers)) => (output, at + layers),
            None => (layers[at].forward(signal, &planned[at], pass), at + 1),
        };
    }
    signal
}

/// The output of the first few layers, and how many; `None` where they are computed one by one.
fn fused(
    layers: &[Layer],
    planned: &[PlannedLayer],
    signal: &Features,
    pass: &mut Pass<'_>,
) -> Option<(Features, usize)> {
    // The output between two of them may be the one that is asked for.
    let Features::Map(x) = signal else {
        return None;
    };
    if pass.is_searching() {
        return None;
    }
    let operation = |at: usize| planned.get(at).map(|layer| &layer.operation);
    let relu = |at| matches!(operation(at), Some(Operation::Activation(Activation::Relu)));
    // The max pool at this place.
    let pool = |at: usize| match (layers.get(at), operation(at)) {
        (Some(Layer::MaxPool2d(pool)), Some(Operation::MaxPool2d { edges, .. })) => {
            Some((pool, edges))
        }
        _ => None,
    };
    match (layers, operation(0)?) {
        (
            [Layer::Conv2d(conv), Layer::BatchNorm(norm), ..],
            Operation::Conv2d {
                edges,
                activation: None,
                ..
            },
        ) => {
            let y = kernels::conv2d_normalised(conv, norm, x, edges, relu(2))?;
            Some((Features::Map(y), 2 + usize::from(relu(2))))
        }
        (
            [Layer::Conv2d(conv), ..],
            Operation::Conv2d {
                edges, activation, ..
            },
        ) => {
            let own = match activation {
                None => false,
                Some(Activation::Relu) => true,
                Some(_) => return None,
            };
            let after = 1 + usize::from(!own && relu(1));
            let (pool, pool_edges) = pool(after)?;
            let relu = own || after > 1;
            let y = kernels::conv2d_pooled(conv, pool, x, [edges, pool_edges], relu)?;
            Some((Features::Map(y), after + 1))
        }
        ([Layer::BatchNorm(norm), ..], _) if norm.training.is_enabled() => {
            let statistics = pass.statistics()?;
            let after = 1 + usize::from(relu(1));
            let pool = pool(after);
            let (y, seen) = kernels::batch_norm_train(norm, x, relu(1), pool)?;
            statistics.push(seen);
            Some((Features::Map(y), after + usize::from(pool.is_some())))
        }
        _ => None,
    }
}
