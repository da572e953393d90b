//! Each kind of layer as ONNX nodes.

use super::graph::{GraphBuilder, float, int, ints};
use super::{activations, norms};
use crate::{InterchangeError, NamedTensor};
use receptive_model::{
    AvgPool2dOp, BatchNormOp, BranchesOp, ChannelShuffleOp, ChannelSliceOp, Conv2dOp, Edges, Join,
    LinearOp, MaxPool2dOp, Operation, PlannedLayer, Shape,
};
use std::collections::BTreeMap;

/// The tensors by name.
pub(super) type Weights<'a> = BTreeMap<&'a str, &'a NamedTensor>;

/// Appends the layers and returns the name of the last one's output.
pub(super) fn chain(
    graph: &mut GraphBuilder,
    layers: &[PlannedLayer],
    input: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    layers.iter().try_fold(input.to_string(), |x, planned| {
        layer(graph, planned, &x, weights)
    })
}

/// Reshapes `x` to rows, whatever its shape.
pub(super) fn flat(graph: &mut GraphBuilder, name: &str, x: &str, shape: &Shape) -> String {
    match shape {
        Shape::Map { .. } => graph.node("Flatten", name, [x], vec![int("axis", 1)]),
        Shape::Flat(_) => x.into(),
    }
}

fn layer(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let name = planned.name.as_str();
    Ok(match &planned.operation {
        Operation::Conv2d(op) => return conv2d(graph, name, op, x, weights),
        Operation::MaxPool2d(op) => max_pool2d(graph, name, op, x),
        Operation::AvgPool2d(op) => avg_pool2d(graph, name, op, x),
        Operation::GlobalAvgPool2d(_) => {
            let mean = graph.node("GlobalAveragePool", format!("{name}/mean"), [x], vec![]);
            graph.node("Flatten", name, [&mean], vec![int("axis", 1)])
        }
        Operation::BatchNorm(op) => return batch_norm(graph, name, op, x, weights),
        Operation::GlobalMaxPool2d(_) => {
            let max = graph.node("GlobalMaxPool", format!("{name}/max"), [x], vec![]);
            graph.node("Flatten", name, [&max], vec![int("axis", 1)])
        }
        Operation::AdaptiveAvgPool2d(op) => norms::adaptive(graph, planned, op, x),
        Operation::LayerNorm(op) => {
            let weight = tensor(graph, name, "weight", weights)?;
            let bias = tensor(graph, name, "bias", weights)?;
            norms::layer_norm(graph, planned, op, x, [&weight, &bias])
        }
        Operation::LocalResponseNorm(op) => {
            return norms::local_response_norm(graph, planned, op, x);
        }
        Operation::Prelu(_) => channel_factors(graph, "PRelu", planned, x, weights)?,
        Operation::ChannelScale(_) => channel_factors(graph, "Mul", planned, x, weights)?,
        Operation::ChannelSlice(op) => channel_slice(graph, name, op, x),
        Operation::ChannelShuffle(op) => channel_shuffle(graph, planned, op, x),
        Operation::Activation(op) => activations::activate(graph, name, x, op.activation),
        Operation::Branches(op) => return branches(graph, planned, op, x, weights),
        Operation::Flatten(_) => flat(graph, name, x, &planned.input),
        Operation::Linear(op) => return linear(graph, name, op, x, weights),
        // Not needed in inference.
        Operation::Dropout(_) | Operation::StochasticDepth(_) => x.into(),
        Operation::Crop(_) => {
            return Err(InterchangeError::unwritable(
                "ONNX",
                format!(
                    "layer {} crops its input, which is not exported",
                    planned.number
                ),
            ));
        }
    })
}

fn tensor(
    graph: &mut GraphBuilder,
    name: &str,
    leaf: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let full = format!("{name}.{leaf}");
    let tensor = weights.get(full.as_str()).ok_or_else(|| missing(&full))?;
    Ok(graph.floats(&full, &tensor.shape, &tensor.values))
}

fn missing(full: &str) -> InterchangeError {
    InterchangeError::unwritable("ONNX", format!("`{full}` is missing"))
}

fn conv2d(
    graph: &mut GraphBuilder,
    name: &str,
    op: &Conv2dOp,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let weight = tensor(graph, name, "weight", weights)?;
    let attributes = vec![
        ints("kernel_shape", &op.kernel_size),
        ints("strides", &op.strides),
        ints("dilations", &op.dilation),
        int("group", op.groups),
        ints("pads", &op.edges.array()),
    ];
    let y = if op.bias {
        let bias = tensor(graph, name, "bias", weights)?;
        graph.node("Conv", name, [x, &weight, &bias], attributes)
    } else {
        graph.node("Conv", name, [x, &weight], attributes)
    };
    Ok(activations::activated(graph, name, y, op.activation))
}

fn linear(
    graph: &mut GraphBuilder,
    name: &str,
    op: &LinearOp,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let weight = tensor(graph, name, "weight", weights)?;
    let transposed = vec![int("transB", 1)];
    let y = if op.bias {
        let bias = tensor(graph, name, "bias", weights)?;
        graph.node("Gemm", name, [x, &weight, &bias], transposed)
    } else {
        graph.node("Gemm", name, [x, &weight], transposed)
    };
    Ok(activations::activated(graph, name, y, op.activation))
}

fn batch_norm(
    graph: &mut GraphBuilder,
    name: &str,
    op: &BatchNormOp,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
        .map(|leaf| tensor(graph, name, leaf, weights));
    let attributes = vec![
        float("epsilon", op.epsilon as f32),
        // ONNX's momentum is the weight of the old statistics.
        float("momentum", (1.0 - op.momentum) as f32),
    ];
    let inputs = [x, &scale?, &shift?, &mean?, &variance?];
    Ok(graph.node("BatchNormalization", name, inputs, attributes))
}

/// Applies `operation` to each channel's values with the channel's factor.
fn channel_factors(
    graph: &mut GraphBuilder,
    operation: &'static str,
    planned: &PlannedLayer,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let name = planned.name.as_str();
    let full = format!("{name}.weight");
    let weight = weights.get(full.as_str()).ok_or_else(|| missing(&full))?;
    let mut shape = weight.shape.clone();
    if matches!(planned.input, Shape::Map { .. }) {
        shape.extend([1, 1]); // [channels] -> [channels, 1, 1]
    }
    let weight = graph.floats(&full, &shape, &weight.values);
    Ok(graph.node(operation, name, [x, &weight], vec![]))
}

fn channel_slice(graph: &mut GraphBuilder, name: &str, op: &ChannelSliceOp, x: &str) -> String {
    let mut row =
        |word: &str, value: usize| graph.integers(&format!("{name}.{word}"), &[value as i64]);
    let bounds = [row("start", op.start), row("end", op.end), row("axis", 1)];
    let [start, end, axis] = &bounds;
    graph.node("Slice", name, [x, start, end, axis], vec![])
}

fn channel_shuffle(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    op: &ChannelShuffleOp,
    x: &str,
) -> String {
    let name = planned.name.as_str();
    let channels = planned.input.channels();
    let order: Vec<i64> = op.sources(channels).map(|at| at as i64).collect();
    let order = graph.integers(&format!("{name}.order"), &order);
    graph.node("Gather", name, [x, &order], vec![int("axis", 1)])
}

fn avg_pool2d(graph: &mut GraphBuilder, name: &str, op: &AvgPool2dOp, x: &str) -> String {
    let padded;
    let x = if op.zeros.is_none() {
        x
    } else {
        padded = pad(graph, name, x, &op.zeros, 0.0);
        &padded
    };
    let attributes = vec![
        ints("kernel_shape", &op.pool_size),
        ints("strides", &op.strides),
        ints("pads", &op.edges.array()),
        int("count_include_pad", 0),
    ];
    graph.node("AveragePool", name, [x], attributes)
}

fn max_pool2d(graph: &mut GraphBuilder, name: &str, op: &MaxPool2dOp, x: &str) -> String {
    // ONNX allows no window that covers only padding, so such padding becomes a separate node.
    let wide = op.edges.array().iter().max() >= op.pool_size.iter().min();
    let (x, pads) = if wide {
        (pad(graph, name, x, &op.edges, f32::NEG_INFINITY), [0; 4])
    } else {
        (x.to_string(), op.edges.array())
    };
    let attributes = vec![
        ints("kernel_shape", &op.pool_size),
        ints("strides", &op.strides),
        ints("dilations", &op.dilation),
        ints("pads", &pads),
    ];
    graph.node("MaxPool", name, [&x], attributes)
}

fn branches(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    op: &BranchesOp,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let name = planned.name.as_str();
    let mut outputs = Vec::new();
    for branch in &op.branches {
        let mut y = chain(graph, &branch.layers, x, weights)?;
        if let (Shape::Map { .. }, Shape::Flat(_)) = (planned.output, branch.output) {
            // One value per channel: [batch, channels] -> [batch, channels, 1, 1].
            let label = &branch.label;
            let axes = graph.integers(&format!("{name}.{label}.axes"), &[2, 3]);
            y = graph.node("Unsqueeze", format!("{name}/{label}"), [&y, &axes], vec![]);
        }
        outputs.push(y);
    }
    let last = outputs.len().saturating_sub(2);
    let mut joined = String::new();
    for (index, next) in outputs.into_iter().enumerate() {
        let Some(pair) = index.checked_sub(1) else {
            joined = next;
            continue;
        };
        let node = if pair == last {
            name.to_string()
        } else {
            format!("{name}/{pair}")
        };
        let inputs = [joined.as_str(), next.as_str()];
        joined = match op.join {
            Join::Add => graph.node("Add", node, inputs, vec![]),
            Join::Concat => graph.node("Concat", node, inputs, vec![int("axis", 1)]),
            Join::Multiply => graph.node("Mul", node, inputs, vec![]),
        };
    }
    Ok(activations::activated(graph, name, joined, op.activation))
}

/// Pads `x` with `value`.
fn pad(graph: &mut GraphBuilder, name: &str, x: &str, edges: &Edges, value: f32) -> String {
    let [top, left, bottom, right] = edges.array().map(|pixels| pixels as i64);
    let pads = graph.integers(
        &format!("{name}.pads"),
        &[0, 0, top, left, 0, 0, bottom, right],
    );
    let around = graph.floats(&format!("{name}.around"), &[], &[value]);
    graph.node("Pad", format!("{name}/pad"), [x, &pads, &around], vec![])
}
