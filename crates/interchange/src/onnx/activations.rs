//! Each activation as ONNX nodes.

use super::graph::{GraphBuilder, float};
use receptive_model::Activation;

pub(super) fn activated(
    graph: &mut GraphBuilder,
    name: &str,
    x: String,
    kind: Option<Activation>,
) -> String {
    match kind {
        Some(kind) => activate(graph, &format!("{name}/{}", kind.name()), &x, kind),
        None => x,
    }
}

pub(super) fn activate(graph: &mut GraphBuilder, name: &str, x: &str, kind: Activation) -> String {
    match kind {
        Activation::Relu => graph.node("Relu", name, [x], vec![]),
        Activation::LeakyRelu(slope) => {
            let slope = float("alpha", slope as f32);
            graph.node("LeakyRelu", name, [x], vec![slope])
        }
        Activation::Elu(alpha) => {
            let alpha = float("alpha", alpha as f32);
            graph.node("Elu", name, [x], vec![alpha])
        }
        Activation::Silu => {
            let gate = graph.node("Sigmoid", format!("{name}/gate"), [x], vec![]);
            graph.node("Mul", name, [x, &gate], vec![])
        }
        // `Mish` requires operator set 18.
        Activation::Mish => {
            let soft = graph.node("Softplus", format!("{name}/softplus"), [x], vec![]);
            let gate = graph.node("Tanh", format!("{name}/gate"), [&soft], vec![]);
            graph.node("Mul", name, [x, &gate], vec![])
        }
        Activation::Tanh => graph.node("Tanh", name, [x], vec![]),
        Activation::Sigmoid => graph.node("Sigmoid", name, [x], vec![]),
        Activation::Gelu => gelu(graph, name, x),
        Activation::Relu6 => clip(graph, name, x, [0.0, 6.0]),
        Activation::Clip(bounds) => clip(graph, name, x, bounds.map(|bound| bound as f32)),
        Activation::HardSwish => graph.node("HardSwish", name, [x], vec![]),
        Activation::HardSigmoid => {
            let slope = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
            graph.node("HardSigmoid", name, [x], slope)
        }
    }
}

fn clip(graph: &mut GraphBuilder, name: &str, x: &str, [low, high]: [f32; 2]) -> String {
    let low = graph.floats(&format!("{name}.low"), &[], &[low]);
    let high = graph.floats(&format!("{name}.high"), &[], &[high]);
    graph.node("Clip", name, [x, &low, &high], vec![])
}

/// `x / 2 (1 + erf(x / sqrt 2))`, because `Gelu` requires operator set 20.
fn gelu(graph: &mut GraphBuilder, name: &str, x: &str) -> String {
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
