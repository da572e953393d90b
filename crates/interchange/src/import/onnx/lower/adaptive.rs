//! Recognises an adaptive average pool in the form in which it is exported: products with tables of
//! window weights.

use super::super::constant::Constant;
use super::super::graph::Node;
use super::{Lowering, Outputs, Value};
use receptive_model::{AdaptiveAvgPool2dLayer, Shape};

/// The tolerance for a weight, 1 over the window's size, which the file stores in 32 bits.
const TOLERANCE: f32 = 1e-6;
/// The largest number of windows along an axis.
const MAX_WINDOWS: usize = 1 << 12;

impl Lowering {
    /// A map times a table `[width, columns]`, or a table `[rows, height]` times a map, if the
    /// table contains the weights of such a pool's windows along that axis. `None` for any other
    /// product.
    pub(super) fn adaptive_pool(&mut self, node: &Node) -> Result<Option<Outputs>, String> {
        let table = |input: usize| match self.values.get(node.inputs.get(input)?) {
            Some(Value::Constant(constant)) => Some(constant),
            _ => None,
        };
        let (map, table, is_rows) = match (table(0), table(1)) {
            (Some(table), None) => (1, table, true),
            (None, Some(table)) => (0, table, false),
            _ => return Ok(None),
        };
        let tensor = self.bare(node, map)?;
        let Shape::Map {
            channels,
            height,
            width,
        } = self.base_shape(&tensor)
        else {
            return Ok(None);
        };
        let is_map = tensor.view.is_map(self.batch, self.base_shape(&tensor));
        let side = if is_rows { height } else { width };
        let outputs = match is_map {
            true => windows(table, side, is_rows)?,
            false => None,
        };
        let Some(outputs) = outputs else {
            return Ok(None);
        };
        let [height, width] = match is_rows {
            true => [outputs, width],
            false => [height, outputs],
        };
        let value = self.map(&tensor, node)?;
        let layer = AdaptiveAvgPool2dLayer::new([height, width]);
        let output = Shape::Map {
            channels,
            height,
            width,
        };
        let value = self.network.plain(layer, value, output, node.name());
        Ok(Some(self.fresh_map(value)))
    }
}

/// The number of windows over `side` pixels, if the table contains the weights of an adaptive pool:
/// one row per window if `is_rows`, else one column.
fn windows(table: &Constant, side: usize, is_rows: bool) -> Result<Option<usize>, String> {
    let (outputs, steps) = match (table.dims.as_slice(), is_rows) {
        ([outputs, inputs], true) if *inputs == side => (*outputs, [*inputs, 1]),
        ([inputs, outputs], false) if *inputs == side => (*outputs, [1, *outputs]),
        _ => return Ok(None),
    };
    // With one pixel the table does not identify a pool.
    if side < 2 || outputs == 0 || outputs > MAX_WINDOWS || !table.is_float() {
        return Ok(None);
    }
    let shares = table.floats()?;
    let is_share = |window: usize, pixel: usize| {
        let (from, end) = (
            window * side / outputs,
            ((window + 1) * side).div_ceil(outputs),
        );
        let expected = match (from..end).contains(&pixel) {
            true => 1.0 / (end - from) as f32,
            false => 0.0,
        };
        let found = shares.get(window * steps[0] + pixel * steps[1]);
        found.is_some_and(|found| (found - expected).abs() <= TOLERANCE)
    };
    let is_pool = (0..outputs).all(|window| (0..side).all(|pixel| is_share(window, pixel)));
    Ok(is_pool.then_some(outputs))
}
