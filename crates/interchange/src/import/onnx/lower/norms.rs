//! Normalisation, and activations with trained parameters.

use super::super::axes::position;
use super::super::graph::Node;
use super::super::network::{Kind, Weight};
use super::super::view::Dim;
use super::super::vocabulary;
use super::arithmetic::channel_axis;
use super::{Lowering, Outputs, Value};
use receptive_model::{BatchNormLayer, Shape};

impl Lowering {
    pub(super) fn batch_norm(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let shape = self.base_shape(&tensor);
        let channels = shape.channels();
        // Before version 14 of the operators, further outputs mean training.
        let outputs = node.outputs.iter().filter(|output| !output.is_empty());
        if node.int("training_mode") == Some(1) || outputs.count() > 1 {
            return Err(
                "it uses the batch's own statistics; export the network in evaluation mode \
                 (`eval()`)"
                    .into(),
            );
        }
        if !tensor.view.is_whole(1, Dim::Channels, channels) {
            return Err(format!(
                "axis 1 of {:?} is not the channels",
                tensor.view.dims()
            ));
        }
        let mut weights = Vec::with_capacity(4);
        for (input, leaf) in ["weight", "bias", "running_mean", "running_var"]
            .into_iter()
            .enumerate()
        {
            weights.push(Weight::row(leaf, self.row(node, input + 1, channels)?));
        }
        let layer = BatchNormLayer {
            epsilon: short(node.float("epsilon").unwrap_or(1e-5)),
            // ONNX's momentum is the weight of the old statistics.
            momentum: short(1.0 - short(node.float("momentum").unwrap_or(0.9))),
        };
        let value = self.value(&tensor, node)?;
        let kind = Kind::Layer {
            config: layer.into(),
            weights,
        };
        let value = self.network.push(kind, vec![value], shape, node.name());
        Ok(vec![self.fresh(value, tensor.view)])
    }

    /// Normalises over the channels at each position; they must be the last axis.
    pub(super) fn layer_norm(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let shape = self.base_shape(&tensor);
        let (channels, rank) = (shape.channels(), tensor.view.axes.len());
        let axis = super::super::axes::position(node.int("axis").unwrap_or(-1), rank)?;
        let is_last = axis + 1 == rank;
        if !is_last || !tensor.view.is_whole(axis, Dim::Channels, channels) {
            return Err(format!(
                "it normalises from axis {axis} of {:?}; a layer norm over the channels of each \
                 position is supported, one over whole feature maps is not",
                tensor.view.dims()
            ));
        }
        let scale = Weight::row("weight", self.row(node, 1, channels)?);
        let shift = match self.optional(node, 2)? {
            Some(_) => self.row(node, 2, channels)?,
            None => vec![0.0; channels],
        };
        let layer = vocabulary::layer_norm(short(node.float("epsilon").unwrap_or(1e-5)));
        let value = self.value(&tensor, node)?;
        let kind = Kind::Layer {
            config: layer.into(),
            weights: vec![scale, Weight::row("bias", shift)],
        };
        let value = self.network.push(kind, vec![value], shape, node.name());
        Ok(vec![self.fresh(value, tensor.view)])
    }

    pub(super) fn local_response_norm(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let value = self.map(&tensor, node)?;
        let shape = self.network.shape(value);
        let number =
            |attribute: &str, default: f64| short(node.float(attribute).unwrap_or(default));
        let size = node.int("size").and_then(|size| usize::try_from(size).ok());
        let settings = [
            number("alpha", 1e-4),
            number("beta", 0.75),
            number("bias", 1.0),
        ];
        let layer = vocabulary::local_response_norm(size.ok_or("its `size` is missing")?, settings);
        if let Shape::Flat(_) = shape {
            return Err("its input is a 1x1 feature map".into());
        }
        let value = self.network.plain(layer, value, shape, node.name());
        Ok(self.fresh_map(value))
    }

    pub(super) fn prelu(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let shape = self.base_shape(&tensor);
        let channels = shape.channels();
        let (dims, slopes) = self.weights(node, 1)?;
        let per_channel = slopes.len() > 1;
        // As in NumPy, dimensions are compared from the last: [C] is one slope per column of a map.
        if per_channel && channel_axis(&dims, &tensor.view, channels).is_none() {
            return Err(format!(
                "its slopes {dims:?} for an input {:?} are not one per channel",
                tensor.view.dims()
            ));
        }
        let layer = vocabulary::prelu(per_channel);
        let value = self.value(&tensor, node)?;
        let kind = Kind::Layer {
            config: layer.into(),
            weights: vec![Weight::row("weight", slopes)],
        };
        let value = self.network.push(kind, vec![value], shape, node.name());
        Ok(vec![self.fresh(value, tensor.view)])
    }

    /// Softmax, which is left out if it is the last node.
    pub(super) fn softmax(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = tensor.view.dims();
        // Before version 13 it was over all axes from this one on.
        let is_older = self.opset < 13;
        let given = node.int("axis").unwrap_or(if is_older { 1 } else { -1 });
        let axis = position(given, dims.len())?;
        let of_image: usize = dims.iter().skip(1).product();
        let over = match is_older {
            true => dims[axis..].iter().product(),
            false => dims[axis],
        };
        // Otherwise leaving it out would change what the network computes.
        if axis == 0 || over != of_image {
            return Err(format!(
                "it is over axis {given} of {dims:?}, not over the classes of each image"
            ));
        }
        Ok(vec![Value::Probabilities(tensor, node.label())])
    }
}

/// The decimal number that the file stores rounded to 32 bits: 1e-5 instead of
/// 9.999999747378752e-6.
fn short(number: f64) -> f64 {
    (number as f32).to_string().parse().unwrap_or(number)
}
