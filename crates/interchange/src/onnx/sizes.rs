//! Whether one graph computes the same as the network for images of any size.

use super::FORMAT;
use crate::InterchangeError;
use receptive_model::{Operation, Plan, PlannedLayer};

/// The largest number of sizes that are tried. The effect of the size is periodic in the product of
/// the strides.
const MAX_SIZES: usize = 256;

/// Checks that images of other sizes need neither other weights nor other paddings, which are
/// written into the graph in pixels.
///
/// # Errors
/// An error naming the layer that prevents it, and why.
pub(super) fn check_any_size(plan: &Plan) -> Result<(), InterchangeError> {
    let reject = |layer: &PlannedLayer, problem: String| {
        let (number, kind) = (&layer.number, layer.kind);
        InterchangeError::unwritable(
            FORMAT,
            format!("layer {number} ({kind}) does not take images of any size: {problem}"),
        )
    };
    let rows = plan.rows();
    let input = plan.input();
    for larger in 1..=period(&rows) {
        let mut config = plan.config.clone();
        (config.input.height, config.input.width) = (input.height + larger, input.width + larger);
        let (height, width) = (config.input.height, config.input.width);
        let other = config.plan().map_err(|error| {
            let problem = format!("it does not take images of any size: {error}");
            InterchangeError::unwritable(FORMAT, problem)
        })?;
        for (layer, other) in rows.iter().zip(other.rows()) {
            if layer.params != other.params {
                let problem = format!(
                    "its weights are for {} values, but images of {height}x{width} pixels give \
                     {}; use `global_avg_pool2d` instead of `flatten`",
                    layer.input, other.input
                );
                return Err(reject(layer, problem));
            }
            if let Operation::AdaptiveAvgPool2d(_) = layer.operation
                && layer.input != other.input
            {
                let problem = "its windows depend on the size, which ONNX pools do not support; \
                               use `global_avg_pool2d`"
                    .into();
                return Err(reject(layer, problem));
            }
            if layer.padding() != other.padding() {
                let problem =
                    "its stride is above 1 and its padding \"same\", or it has `ceil_mode`: the \
                               padding depends on the size; set the padding in pixels and train \
                               again"
                        .into();
                return Err(reject(layer, problem));
            }
        }
    }
    Ok(())
}

/// The product of the strides, if small.
fn period(rows: &[&PlannedLayer]) -> usize {
    let strides = rows.iter().filter_map(|layer| match &layer.operation {
        Operation::Conv2d(op) => Some(op.strides),
        Operation::MaxPool2d(op) => Some(op.strides),
        Operation::AvgPool2d(op) => Some(op.strides),
        Operation::GlobalAvgPool2d(_)
        | Operation::GlobalMaxPool2d(_)
        | Operation::AdaptiveAvgPool2d(_)
        | Operation::BatchNorm(_)
        | Operation::LayerNorm(_)
        | Operation::LocalResponseNorm(_)
        | Operation::Activation(_)
        | Operation::Prelu(_)
        | Operation::ChannelScale(_)
        | Operation::ChannelSlice(_)
        | Operation::ChannelShuffle(_)
        | Operation::Branches(_)
        | Operation::Flatten(_)
        | Operation::Linear(_)
        | Operation::Dropout(_)
        | Operation::StochasticDepth(_)
        | Operation::Crop(_) => None,
    });
    let product = strides.fold(1usize, |product, [down, right]| {
        product.saturating_mul(down.max(right))
    });
    product.min(MAX_SIZES)
}
