//! The inputs of a node: tensors that depend on the image, and constants.

use super::super::constant::Constant;
use super::super::graph::Node;
use super::{Lowering, Tensor, Value};
use receptive_core::text::Printable;

impl Lowering {
    pub(super) fn tensor(&self, node: &Node, input: usize) -> Result<Tensor, String> {
        let name = node.inputs.get(input).map_or("", String::as_str);
        match self.values.get(name) {
            Some(Value::Tensor(tensor)) => Ok(tensor.clone()),
            Some(Value::Constant(_)) => Err(format!(
                "its input `{}` is a constant; expected values of the image",
                name.printable()
            )),
            Some(Value::Probabilities(_, softmax)) => Err(format!(
                "it takes the probabilities of {softmax}; a Softmax is supported only as the last \
                 node"
            )),
            None => Err(format!("it has no input {}", input + 1)),
        }
    }

    /// A tensor that has no pending border.
    pub(super) fn bare(&self, node: &Node, input: usize) -> Result<Tensor, String> {
        let tensor = self.tensor(node, input)?;
        match tensor.border {
            None => Ok(tensor),
            Some(_) => Err("its input is padded, which only convolutions and pools support".into()),
        }
    }

    /// A constant, if the node has this input.
    pub(super) fn optional(&self, node: &Node, input: usize) -> Result<Option<&Constant>, String> {
        let name = node.inputs.get(input).map_or("", String::as_str);
        match self.values.get(name) {
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            None if name.is_empty() => Ok(None),
            _ => Err(format!(
                "its input `{}` depends on the image; expected a constant",
                name.printable()
            )),
        }
    }

    pub(super) fn constant(&self, node: &Node, input: usize) -> Result<&Constant, String> {
        self.optional(node, input)?
            .ok_or_else(|| format!("it has no input {}", input + 1))
    }

    /// A layer's weights: dimensions and values.
    pub(super) fn weights(
        &mut self,
        node: &Node,
        input: usize,
    ) -> Result<(Vec<usize>, Vec<f32>), String> {
        let constant = self.constant(node, input)?.clone();
        self.spend(constant.count())?;
        Ok((constant.dims.clone(), constant.floats()?))
    }

    /// A weight for each of this many channels, along its last axis.
    pub(super) fn row(
        &mut self,
        node: &Node,
        input: usize,
        channels: usize,
    ) -> Result<Vec<f32>, String> {
        let (dims, values) = self.weights(node, input)?;
        let is_row = channels == 1 || dims.last() == Some(&channels);
        if values.len() == channels && is_row {
            Ok(values)
        } else {
            Err(format!(
                "its input {} has the dimensions {dims:?}, but there are {channels} channels",
                input + 1
            ))
        }
    }
}
