//! Each kind of layer as ONNX nodes.

use super::graph::{Graph, float, int, ints};
use crate::{InterchangeError, NamedTensor};
use receptive_model::{
    Activation, BranchesOp, Conv2dOp, Edges, Join, MaxPool2dOp, Operation, PlannedLayer, Shape,
};
use std::collections::BTreeMap;

/// The tensors by name.
pub(super) type Weights<'a> = BTreeMap<&'a str, &'a NamedTensor>;

/// Appends the layers and returns the name of the last one's output.
pub(super) fn chain(
    graph: &mut Graph,
    layers: &[PlannedLayer],
    input: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    layers.iter().try_fold(input.to_string(), |x, planned| {
        layer(graph, planned, &x, weights)
    })
}

/// `x` as rows, whatever its shape is.
pub(super) fn flat(graph: &mut Graph, name: &str, x: &str, shape: &Shape) -> String {
    match shape {
        Shape::Map { .. } => graph.node("Flatten", name, [x], vec![int("axis", 1)]),
        Shape::Flat(_) => x.into(),
    }
}

fn layer(
    graph: &mut Graph,
    planned: &PlannedLayer,
    x: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let name = planned.name.as_str();
    Ok(match &planned.operation {
        Operation::Conv2d(op) => return conv2d(graph, name, op, x, weights),
        Operation::MaxPool2d(op) => max_pool2d(graph, name, op, x),
        Operation::AvgPool2d(op) => {
            let attributes = vec![
                ints("kernel_shape", &op.pool_size),
                ints("strides", &op.strides),
                ints("pads", &op.edges.array()),
                int("count_include_pad", 0),
            ];
            graph.node("AveragePool", name, [x], attributes)
        }
        Operation::GlobalAvgPool2d(_) => {
            let mean = graph.node("GlobalAveragePool", format!("{name}/mean"), [x], vec![]);
            graph.node("Flatten", name, [&mean], vec![int("axis", 1)])
        }
        Operation::BatchNorm(op) => {
            let [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
                .map(|leaf| tensor(graph, name, leaf, weights));
            let attributes = vec![float("epsilon", op.epsilon as f32)];
            let inputs = [x, &scale?, &shift?, &mean?, &variance?];
            graph.node("BatchNormalization", name, inputs, attributes)
        }
        Operation::Activation(op) => activate(graph, name, x, op.activation),
        Operation::Branches(op) => return branches(graph, planned, op, x, weights),
        Operation::Flatten(_) => flat(graph, name, x, &planned.input),
        Operation::Linear(op) => {
            let weight = tensor(graph, name, "weight", weights)?;
            let bias = tensor(graph, name, "bias", weights)?;
            let y = graph.node("Gemm", name, [x, &weight, &bias], vec![int("transB", 1)]);
            activated(graph, name, y, op.activation)
        }
        // Nothing to do once training is over.
        Operation::Dropout(_) => x.into(),
        Operation::Crop(_) => {
            return Err(InterchangeError::unwritable(
                "ONNX",
                format!("layer {} is a part of a map", planned.number),
            ));
        }
    })
}

fn tensor(
    graph: &mut Graph,
    name: &str,
    leaf: &str,
    weights: &Weights<'_>,
) -> Result<String, InterchangeError> {
    let full = format!("{name}.{leaf}");
    let tensor = weights
        .get(full.as_str())
        .ok_or_else(|| InterchangeError::unwritable("ONNX", format!("`{full}` is missing")))?;
    Ok(graph.floats(&full, &tensor.shape, &tensor.values))
}

fn conv2d(
    graph: &mut Graph,
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
    Ok(activated(graph, name, y, op.activation))
}

fn max_pool2d(graph: &mut Graph, name: &str, op: &MaxPool2dOp, x: &str) -> String {
    // ONNX has no window that may lie wholly in the padding, so a wide one is laid out.
    let wide = op.edges.array().iter().max() >= op.pool_size.iter().min();
    let (x, pads) = if wide {
        (padded(graph, name, x, &op.edges), [0; 4])
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
    graph: &mut Graph,
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
            // A value a channel: [batch, channels] -> [batch, channels, 1, 1].
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
    Ok(activated(graph, name, joined, op.activation))
}

fn padded(graph: &mut Graph, name: &str, x: &str, edges: &Edges) -> String {
    let [top, left, bottom, right] = edges.array().map(|pixels| pixels as i64);
    let pads = graph.integers(
        &format!("{name}.pads"),
        &[0, 0, top, left, 0, 0, bottom, right],
    );
    let least = graph.floats(&format!("{name}.least"), &[], &[f32::NEG_INFINITY]);
    graph.node("Pad", format!("{name}/pad"), [x, &pads, &least], vec![])
}

fn activated(graph: &mut Graph, name: &str, x: String, kind: Option<Activation>) -> String {
    match kind {
        Some(kind) => activate(graph, &format!("{name}/{}", kind.name()), &x, kind),
        None => x,
    }
}

fn activate(graph: &mut Graph, name: &str, x: &str, kind: Activation) -> String {
    match kind {
        Activation::Relu => graph.node("Relu", name, [x], vec![]),
        Activation::LeakyRelu => {
            let slope = float("alpha", Activation::LEAKY_SLOPE as f32);
            graph.node("LeakyRelu", name, [x], vec![slope])
        }
        Activation::Tanh => graph.node("Tanh", name, [x], vec![]),
        Activation::Sigmoid => graph.node("Sigmoid", name, [x], vec![]),
        Activation::Gelu => gelu(graph, name, x),
        Activation::Relu6 => {
            let low = graph.floats(&format!("{name}.low"), &[], &[0.0]);
            let high = graph.floats(&format!("{name}.high"), &[], &[6.0]);
            graph.node("Clip", name, [x, &low, &high], vec![])
        }
        Activation::HardSwish => graph.node("HardSwish", name, [x], vec![]),
        Activation::HardSigmoid => {
            let slope = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
            graph.node("HardSigmoid", name, [x], slope)
        }
    }
}

/// `x / 2 (1 + erf(x / sqrt 2))`, since `Gelu` came only with operator set 20.
fn gelu(graph: &mut Graph, name: &str, x: &str) -> String {
    let mut number =
        |word: &str, value: f32| graph.floats(&format!("{name}.{word}"), &[], &[value]);
    let root = number("root", std::f32::consts::SQRT_2);
    let one = number("one", 1.0);
    let half = number("half", 0.5);
    let scaled = graph.node("Div", format!("{name}/scaled"), [x, &root], vec![]);
    let erf = graph.node("Erf", format!("{name}/erf"), [&scaled], vec![]);
    let share = graph.node("Add", format!("{name}/share"), [&erf, &one], vec![]);
    let twice = graph.node("Mul", format!("{name}/twice"), [x, &share], vec![]);
    graph.node("Mul", name, [&twice, &half], vec![])
}
