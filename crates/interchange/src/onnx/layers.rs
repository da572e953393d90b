//! Each kind of layer in ONNX's words.

use super::graph::{Graph, float, int, ints};
use crate::{InterchangeError, NamedTensor};
use receptive_model::{Activation, Edges, Operation, PlannedLayer, Shape};
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
    let tensor = |graph: &mut Graph, leaf: &str| {
        let full = format!("{name}.{leaf}");
        let tensor = weights
            .get(full.as_str())
            .ok_or_else(|| InterchangeError::unwritable("ONNX", format!("`{full}` is missing")))?;
        Ok::<_, InterchangeError>(graph.floats(&full, &tensor.shape, &tensor.values))
    };
    Ok(match &planned.operation {
        Operation::Conv2d {
            kernel_size,
            strides,
            dilation,
            groups,
            bias,
            edges,
            activation,
            ..
        } => {
            let weight = tensor(graph, "weight")?;
            let attributes = vec![
                ints("kernel_shape", kernel_size),
                ints("strides", strides),
                ints("dilations", dilation),
                int("group", *groups),
                ints("pads", &edges.array()),
            ];
            let y = if *bias {
                let bias = tensor(graph, "bias")?;
                graph.node("Conv", name, [x, &weight, &bias], attributes)
            } else {
                graph.node("Conv", name, [x, &weight], attributes)
            };
            activated(graph, name, y, *activation)
        }
        Operation::MaxPool2d {
            pool_size,
            strides,
            dilation,
            edges,
        } => {
            // ONNX has no window that may lie wholly in the padding, so a wide one is laid out.
            let wide = edges.array().iter().max() >= pool_size.iter().min();
            let (x, pads) = if wide {
                (padded(graph, name, x, edges), [0; 4])
            } else {
                (x.to_string(), edges.array())
            };
            let attributes = vec![
                ints("kernel_shape", pool_size),
                ints("strides", strides),
                ints("dilations", dilation),
                ints("pads", &pads),
            ];
            graph.node("MaxPool", name, [&x], attributes)
        }
        Operation::AvgPool2d {
            pool_size,
            strides,
            edges,
        } => {
            let attributes = vec![
                ints("kernel_shape", pool_size),
                ints("strides", strides),
                ints("pads", &edges.array()),
                int("count_include_pad", 0),
            ];
            graph.node("AveragePool", name, [x], attributes)
        }
        Operation::GlobalAvgPool2d => {
            let mean = graph.node("GlobalAveragePool", format!("{name}/mean"), [x], vec![]);
            graph.node("Flatten", name, [&mean], vec![int("axis", 1)])
        }
        Operation::BatchNorm { epsilon, .. } => {
            let scale = tensor(graph, "weight")?;
            let shift = tensor(graph, "bias")?;
            let mean = tensor(graph, "running_mean")?;
            let variance = tensor(graph, "running_var")?;
            let attributes = vec![float("epsilon", *epsilon as f32)];
            let inputs = [x, &scale, &shift, &mean, &variance];
            graph.node("BatchNormalization", name, inputs, attributes)
        }
        Operation::Activation(kind) => activate(graph, name, x, *kind),
        Operation::Residual {
            body,
            projection,
            activation,
        } => {
            let sum = chain(graph, body, x, weights)?;
            let shortcut = chain(graph, projection, x, weights)?;
            let y = graph.node("Add", name, [&sum, &shortcut], vec![]);
            activated(graph, name, y, *activation)
        }
        Operation::Flatten => flat(graph, name, x, &planned.input),
        Operation::Linear { activation, .. } => {
            let weight = tensor(graph, "weight")?;
            let bias = tensor(graph, "bias")?;
            let y = graph.node("Gemm", name, [x, &weight, &bias], vec![int("transB", 1)]);
            activated(graph, name, y, *activation)
        }
        // Nothing to do once training is over.
        Operation::Dropout { .. } => x.into(),
        Operation::Crop { .. } => {
            return Err(InterchangeError::unwritable(
                "ONNX",
                format!("layer {} is a part of a map", planned.number),
            ));
        }
    })
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
