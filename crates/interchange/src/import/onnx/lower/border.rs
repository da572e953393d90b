//! Padding before a layer: part of the layer's own, or a layer.

use super::super::axes::position;
use super::super::constant::Constant;
use super::super::graph::Node;
use super::super::network::{Kind, Weight};
use super::{Border, Lowering, Outputs, Tensor, Value};
use receptive_model::{Conv2dLayer, Edges, Shape};

/// The largest window side, stride, dilation and padding.
pub(super) const MAX_SIDE: usize = 1 << 20;

impl Lowering {
    pub(super) fn pad(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let mode = node.string("mode").unwrap_or("constant".into());
        let pads = match node.ints("pads").or(node.ints("paddings")) {
            Some(pads) => pads.to_vec(),
            None => self.constant(node, 1)?.integers()?,
        };
        let axes = match node.ints("axes") {
            Some(axes) => Some(axes.to_vec()),
            None => self
                .optional(node, 3)?
                .map(Constant::integers)
                .transpose()?,
        };
        let pads = match axes {
            Some(axes) => spread(&pads, &axes, tensor.view.axes.len())?,
            None => pads,
        };
        if pads.iter().all(|side| *side == 0) {
            return Ok(vec![Value::Tensor(tensor)]);
        }
        if mode != "constant" {
            return Err(format!("it pads in mode `{mode}`; layers pad with zeros"));
        }
        let value = match self.optional(node, 2)? {
            Some(value) => value.float()?,
            None => node.float("value").unwrap_or(0.0) as f32,
        };
        let is_map = tensor.view.is_map(self.batch, self.base_shape(&tensor));
        let sides: Vec<usize> = pads
            .iter()
            .filter_map(|side| usize::try_from(*side).ok().filter(|side| *side <= MAX_SIDE))
            .collect();
        let &[0, 0, top, left, 0, 0, bottom, right] = sides.as_slice() else {
            return Err(format!(
                "it pads by {pads:?}; only rows and columns of feature maps can be padded, by at \
                 most {MAX_SIDE}"
            ));
        };
        if !is_map {
            return Err("its input is not a feature map [batch, channels, height, width]".into());
        }
        let edges = Edges {
            top,
            left,
            bottom,
            right,
        };
        Ok(vec![Value::Tensor(Tensor {
            border: Some(Border { edges, value }),
            ..tensor
        })])
    }

    /// Pads a map with zeros, by a depthwise convolution with a single weight of 1.
    pub(super) fn padded(&mut self, value: usize, edges: Edges, node: &Node) -> usize {
        let shape = self.network.shape(value);
        let channels = shape.channels();
        let layer = Conv2dLayer::new(channels, 1)
            .with_groups(channels)
            .with_padding(edges)
            .with_bias(false);
        let weight = Weight {
            leaf: "weight",
            shape: vec![channels, 1, 1, 1],
            values: vec![1.0; channels],
        };
        let kind = Kind::Layer {
            config: layer.into(),
            weights: vec![weight],
        };
        let border = Border { edges, value: 0.0 };
        let output = grown(shape, Some(border));
        self.network.push(kind, vec![value], output, node.name())
    }
}

/// The pads of all axes, from those of some: first all at the beginning, then all at the end.
fn spread(pads: &[i64], axes: &[i64], rank: usize) -> Result<Vec<i64>, String> {
    if pads.len() != 2 * axes.len() {
        return Err(format!(
            "it pads {} axes by {pads:?}; expected two sizes per axis",
            axes.len()
        ));
    }
    let mut all = vec![0; 2 * rank];
    for (at, axis) in axes.iter().enumerate() {
        let axis = position(*axis, rank)?;
        all[axis] = pads[at];
        all[rank + axis] = pads[axes.len() + at];
    }
    Ok(all)
}

/// The shape of a map with its border, over which a window slides.
pub(super) fn grown(shape: Shape, border: Option<Border>) -> Shape {
    match (shape, border) {
        (
            Shape::Map {
                channels,
                height,
                width,
            },
            Some(Border { edges, .. }),
        ) => Shape::Map {
            channels,
            height: height + edges.top + edges.bottom,
            width: width + edges.left + edges.right,
        },
        _ => shape,
    }
}

pub(super) fn sum(a: Edges, b: Edges) -> Edges {
    Edges {
        top: a.top + b.top,
        left: a.left + b.left,
        bottom: a.bottom + b.bottom,
        right: a.right + b.right,
    }
}
