//! Linear layers, on rows and on each position of a map.

use super::super::graph::Node;
use super::super::network::{Kind, ValueId, Weight};
use super::super::view::Dim;
use super::super::vocabulary;
use super::{Lowering, Outputs};
use receptive_model::{Conv2dLayer, Shape};

impl Lowering {
    pub(super) fn gemm(&mut self, node: &Node) -> Result<Outputs, String> {
        if node.int("transA").unwrap_or(0) != 0 {
            return Err("it transposes the image's values, which no layer does".into());
        }
        let tensor = self.bare(node, 0)?;
        let (value, order) = self.rows(&tensor, node)?;
        let inputs = self.network.shape(value).channels();
        let is_transposed = node.int("transB").unwrap_or(0) != 0;
        let (units, mut weights) = self.matrix(node, inputs, is_transposed)?;
        let alpha = node.float("alpha").unwrap_or(1.0) as f32;
        weights.iter_mut().for_each(|weight| *weight *= alpha);
        let beta = node.float("beta").unwrap_or(1.0) as f32;
        let bias = match self.optional(node, 2)? {
            None => None,
            Some(constant) if constant.count() == 1 => Some(vec![beta * constant.float()?; units]),
            Some(_) => {
                let bias = self.row(node, 2, units)?;
                Some(bias.into_iter().map(|value| beta * value).collect())
            }
        };
        let weights = reordered(weights, order.as_deref());
        let value = self.linear(value, units, weights, bias, node);
        Ok(self.fresh_row(value))
    }

    /// The second input as `[units, inputs]`.
    fn matrix(
        &mut self,
        node: &Node,
        inputs: usize,
        is_transposed: bool,
    ) -> Result<(usize, Vec<f32>), String> {
        let (dims, values) = self.weights(node, 1)?;
        let (units, own) = match (dims.as_slice(), is_transposed) {
            (&[units, own], true) | (&[own, units], false) => (units, own),
            _ => {
                return Err(format!(
                    "its weights have the dimensions {dims:?}, expected a matrix"
                ));
            }
        };
        if own != inputs || units == 0 {
            return Err(format!("its weights {dims:?} do not fit {inputs} values"));
        }
        if is_transposed {
            return Ok((units, values));
        }
        // [inputs, units] -> [units, inputs]
        let row = |unit: usize| (0..inputs).map(move |input| input * units + unit);
        let values = (0..units)
            .flat_map(row)
            .map(|place| values[place])
            .collect();
        Ok((units, values))
    }

    /// A linear layer with weights `[units, inputs]`.
    pub(super) fn linear(
        &mut self,
        value: ValueId,
        units: usize,
        weights: Vec<f32>,
        bias: Option<Vec<f32>>,
        node: &Node,
    ) -> ValueId {
        let inputs = self.network.shape(value).channels();
        let weight = Weight {
            leaf: "weight",
            shape: vec![units, inputs],
            values: weights,
        };
        let bias = bias.map(|values| Weight::row("bias", values));
        let kind = Kind::Layer {
            config: vocabulary::linear(units, bias.is_some()).into(),
            weights: std::iter::once(weight).chain(bias).collect(),
        };
        self.network
            .push(kind, vec![value], Shape::Flat(units), node.name())
    }

    /// A linear layer along the last axis: on a row, or at each position of a channels-last map,
    /// where it is a 1x1 convolution.
    pub(super) fn matmul(&mut self, node: &Node) -> Result<Outputs, String> {
        if let Some(outputs) = self.adaptive_pool(node)? {
            return Ok(outputs);
        }
        let tensor = self.bare(node, 0)?;
        let depends = |input: usize| self.optional(node, input).is_err();
        if depends(1) {
            return Err(
                "it multiplies two tensors that depend on the image, as in attention, which no \
                 layer does"
                    .into(),
            );
        }
        let shape = self.base_shape(&tensor);
        let last = tensor.view.axes.len().saturating_sub(1);
        let channels = shape.channels();
        let is_row = last == 1 && tensor.view.row(1, shape).is_some();
        if is_row {
            let (value, order) = self.rows(&tensor, node)?;
            let inputs = self.network.shape(value).channels();
            let (units, weights) = self.matrix(node, inputs, false)?;
            let weights = reordered(weights, order.as_deref());
            let value = self.linear(value, units, weights, None, node);
            return Ok(self.fresh_row(value));
        }
        if !tensor.view.is_whole(last, Dim::Channels, channels) {
            return Err(format!(
                "it multiplies the last axis of {:?}, which is not the channel axis of a feature \
                 map {shape}",
                tensor.view.dims()
            ));
        }
        let value = self.value(&tensor, node)?;
        let (units, weights) = self.matrix(node, channels, false)?;
        let value = match shape {
            Shape::Flat(_) => self.linear(value, units, weights, None, node),
            Shape::Map { height, width, .. } => {
                let layer = Conv2dLayer::new(units, 1).with_bias(false);
                let weight = Weight {
                    leaf: "weight",
                    shape: vec![units, channels, 1, 1],
                    values: weights,
                };
                let kind = Kind::Layer {
                    config: layer.into(),
                    weights: vec![weight],
                };
                let output = Shape::Map {
                    channels: units,
                    height,
                    width,
                };
                self.network.push(kind, vec![value], output, node.name())
            }
        };
        let view = tensor.view.with_channels(last, units);
        Ok(vec![self.fresh(value, view)])
    }
}

/// Weights `[units, inputs]` for inputs in another order, given as the position of each in the row.
fn reordered(weights: Vec<f32>, order: Option<&[usize]>) -> Vec<f32> {
    let Some(order) = order else {
        return weights;
    };
    let mut sorted = vec![0.0; weights.len()];
    for (from, to) in weights
        .chunks(order.len())
        .zip(sorted.chunks_mut(order.len()))
    {
        for (weight, place) in from.iter().zip(order) {
            to[*place] = *weight;
        }
    }
    sorted
}
