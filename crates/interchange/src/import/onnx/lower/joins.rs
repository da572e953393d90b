//! Joining several tensors: sums, products, concatenations.

use super::super::axes::position;
use super::super::graph::Node;
use super::super::network::{Kind, ValueId};
use super::super::view::{Axis, Dim};
use super::{Lowering, Outputs, Tensor, Value};
use receptive_model::{Join, Shape};

impl Lowering {
    /// The sum or the product of two tensors.
    pub(super) fn joined(&mut self, node: &Node, a: &Tensor, b: &Tensor) -> Result<Value, String> {
        let join = match node.operator.as_str() {
            "Add" | "Sum" | "Sub" => Join::Add,
            "Mul" => Join::Multiply,
            operator => {
                return Err(format!(
                    "{operator} of two tensors is not supported: branches are joined by sums, \
                     products and concatenations"
                ));
            }
        };
        let rank = a.view.axes.len().max(b.view.axes.len());
        let [one, other] = [a, b].map(|tensor| aligned(&tensor.view.axes, rank));
        let is_gate = |gate: &[Axis], whole: &[Axis]| {
            gate.iter()
                .zip(whole)
                .all(|(gate, whole)| gate.is_empty() || gate == whole)
        };
        let larger = if is_gate(&other, &one) {
            a
        } else if is_gate(&one, &other) {
            b
        } else {
            let [one, other] = [a, b].map(|tensor| tensor.view.dims());
            return Err(format!(
                "its inputs {one:?} and {other:?} have their axes in different orders or sizes"
            ));
        };
        let mut values = [self.value(a, node)?, self.value(b, node)?];
        if node.operator == "Sub" {
            values[1] = self.negative(values[1], node);
        }
        let [first, second] = values.map(|value| self.network.shape(value));
        let is_one = |shape: Shape| shape.map_size() == [1, 1];
        let shape = if first == second {
            first
        } else if is_one(first) && is_one(second) && first.channels() == second.channels() {
            // A row next to 1x1 maps.
            values = values.map(|value| self.flat(value, node));
            Shape::Flat(first.channels())
        } else if join == Join::Multiply && first.channels() == second.channels() {
            match (is_one(first), is_one(second)) {
                (false, true) => first,
                (true, false) => second,
                _ => {
                    return Err(format!(
                        "its inputs are feature maps of {first} and {second}"
                    ));
                }
            }
        } else {
            let need = match join {
                Join::Multiply => "a gate of one value per position for all channels",
                _ => "a sum with one value per channel or position",
            };
            return Err(format!(
                "its inputs are feature maps of {first} and {second}; it would need {need}"
            ));
        };
        let view = larger.view.clone();
        let value = self
            .network
            .push(Kind::Join(join), values.to_vec(), shape, node.name());
        Ok(self.fresh(value, view))
    }

    fn negative(&mut self, value: ValueId, node: &Node) -> ValueId {
        let shape = self.network.shape(value);
        let kind = Kind::Affine {
            scale: vec![-1.0; shape.channels()],
            shift: vec![0.0; shape.channels()],
        };
        self.network.push(kind, vec![value], shape, node.name())
    }

    pub(super) fn concat(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensors = (0..node.inputs.len())
            .map(|input| self.bare(node, input))
            .collect::<Result<Vec<_>, _>>()?;
        let first = tensors.first().ok_or("it has no inputs")?.clone();
        if tensors.len() == 1 {
            return Ok(vec![Value::Tensor(first)]);
        }
        let rank = first.view.axes.len();
        let at = position(node.int("axis").unwrap_or(1), rank)?;
        let fits = |tensor: &Tensor| {
            let channels = self.base_shape(tensor).channels();
            let others = |axes: &[Axis]| {
                let others = axes.iter().enumerate().filter(|(axis, _)| *axis != at);
                others.map(|(_, axis)| axis.clone()).collect::<Vec<_>>()
            };
            tensor.view.axes.len() == rank
                && tensor.view.is_whole(at, Dim::Channels, channels)
                && others(&tensor.view.axes) == others(&first.view.axes)
        };
        let mut values = Vec::with_capacity(tensors.len());
        if tensors.iter().all(fits) {
            for tensor in &tensors {
                values.push(self.value(tensor, node)?);
            }
        } else if rank == 2 && at == 1 {
            for tensor in &tensors {
                match self.rows(tensor, node)? {
                    (value, None) => values.push(value),
                    (_, Some(_)) => {
                        return Err(
                            "it concatenates rows of feature maps with channels last".into()
                        );
                    }
                }
            }
        } else {
            let dims: Vec<Vec<usize>> = tensors.iter().map(|tensor| tensor.view.dims()).collect();
            return Err(format!(
                "it concatenates {dims:?} along axis {at}, but only channels of feature maps of \
                 one size can be concatenated"
            ));
        }
        let is_row = |value: &ValueId| matches!(self.network.shape(*value), Shape::Flat(_));
        if values.iter().any(is_row) && !values.iter().all(is_row) {
            values = values
                .into_iter()
                .map(|value| self.flat(value, node))
                .collect();
        }
        let channels = values
            .iter()
            .map(|value| self.network.shape(*value).channels())
            .sum();
        let shape = match self.network.shape(values[0]) {
            Shape::Flat(_) => Shape::Flat(channels),
            Shape::Map { height, width, .. } => Shape::Map {
                channels,
                height,
                width,
            },
        };
        let value = self
            .network
            .push(Kind::Join(Join::Concat), values, shape, node.name());
        Ok(vec![
            self.fresh(value, first.view.with_channels(at, channels)),
        ])
    }
}

/// The axes preceded by axes of length 1, up to this rank.
fn aligned(axes: &[Axis], rank: usize) -> Vec<Axis> {
    let ones = rank.saturating_sub(axes.len());
    let mut aligned = vec![Axis::new(); ones];
    aligned.extend(axes.iter().cloned());
    aligned
}
