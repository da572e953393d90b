//! Layers for which ONNX has no exactly corresponding node.

use super::graph::{GraphBuilder, float, int, ints};
use crate::InterchangeError;
use receptive_model::{AdaptiveAvgPool2dOp, LayerNormOp, LocalResponseNormOp, PlannedLayer, Shape};

/// `LayerNormalization` normalises the last axes, so a map's channels are moved to the end for it.
pub(super) fn layer_norm(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    op: &LayerNormOp,
    x: &str,
    [weight, bias]: [&str; 2],
) -> String {
    let name = planned.name.as_str();
    let attributes = vec![int("axis", 1), float("epsilon", op.epsilon as f32)];
    let Shape::Map { .. } = planned.input else {
        return graph.node("LayerNormalization", name, [x, weight, bias], attributes);
    };
    let attributes = [vec![int("axis", 3)], attributes[1..].to_vec()].concat();
    let order = vec![ints("perm", &[0, 2, 3, 1])];
    let last = graph.node("Transpose", format!("{name}/last"), [x], order);
    let normed = format!("{name}/normed");
    let normed = graph.node(
        "LayerNormalization",
        normed,
        [&last, weight, bias],
        attributes,
    );
    graph.node(
        "Transpose",
        name,
        [&normed],
        vec![ints("perm", &[0, 3, 1, 2])],
    )
}

/// ONNX centres an even number of channels differently.
pub(super) fn local_response_norm(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    op: &LocalResponseNormOp,
    x: &str,
) -> Result<String, InterchangeError> {
    if op.size.is_multiple_of(2) {
        let problem = format!(
            "layer {} is a local response norm over {} channels, and ONNX defines even numbers of channels \
             differently; use an odd number",
            planned.number, op.size
        );
        return Err(InterchangeError::unwritable("ONNX", problem));
    }
    let attributes = vec![
        int("size", op.size),
        float("alpha", op.alpha as f32),
        float("beta", op.beta as f32),
        float("bias", op.k as f32),
    ];
    Ok(graph.node("LRN", planned.name.as_str(), [x], attributes))
}

/// Windows of varying size along both axes: two products with tables of their weights.
pub(super) fn adaptive(
    graph: &mut GraphBuilder,
    planned: &PlannedLayer,
    op: &AdaptiveAvgPool2dOp,
    x: &str,
) -> String {
    let name = planned.name.as_str();
    let [height, width] = planned.input.map_size();
    let [rows, columns] = [op.windows[0].len(), op.windows[1].len()];
    let down = graph.floats(
        &format!("{name}.rows"),
        &[rows, height],
        &op.shares(0, height),
    );
    // [width, columns]: the transposed table of the columns.
    let table = op.shares(1, width);
    let turned: Vec<f32> = (0..width * columns)
        .map(|at| table[at % columns * width + at / columns])
        .collect();
    let across = graph.floats(&format!("{name}.columns"), &[width, columns], &turned);
    let narrow = graph.node("MatMul", format!("{name}/across"), [x, &across], vec![]);
    graph.node("MatMul", name, [&down, &narrow], vec![])
}
