//! Nodes that only change the view of a tensor's axes, or take a part of one.

use super::super::axes::{broadcast, cuts, index, order, position, resolved, squeezed, unsqueezed};
use super::super::constant::Constant;
use super::super::evaluate;
use super::super::graph::Node;
use super::super::view::{Dim, View};
use super::super::vocabulary;
use super::{Lowering, Outputs, Tensor, Value};
use receptive_model::Shape;

fn viewed(tensor: &Tensor, view: View) -> Outputs {
    vec![Value::Tensor(Tensor { view, ..*tensor })]
}

impl Lowering {
    /// The dimensions of a tensor, including its border.
    fn dims(tensor: &Tensor) -> Vec<usize> {
        let mut dims = tensor.view.dims();
        if let (Some(border), [_, _, height, width]) = (tensor.border, dims.as_mut_slice()) {
            let [top, left, bottom, right] = border.edges.array();
            *height += top + bottom;
            *width += left + right;
        }
        dims
    }

    pub(super) fn shape(&mut self, node: &Node) -> Result<Outputs, String> {
        let dims = Self::dims(&self.tensor(node, 0)?);
        let constant = match node.operator.as_str() {
            "Size" => Constant::from_integers(vec![], vec![dims.iter().product::<usize>() as i64]),
            _ => evaluate::shape(node, &dims),
        };
        Ok(vec![Value::Constant(constant)])
    }

    fn reshaped(tensor: &Tensor, dims: &[usize]) -> Result<Outputs, String> {
        match tensor.view.reshaped(dims) {
            Some(view) => Ok(viewed(tensor, view)),
            None => Err(format!(
                "it reshapes {:?} to {dims:?}, which mixes rows, columns and channels; no layer \
                 does that",
                tensor.view.dims()
            )),
        }
    }

    pub(super) fn reshape(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let wanted = match node.ints("shape") {
            Some(shape) => shape.to_vec(),
            None => self.constant(node, 1)?.integers()?,
        };
        let dims = tensor.view.dims();
        let dims = resolved(&dims, &wanted, node.int("allowzero") == Some(1))?;
        let outputs = Self::reshaped(&tensor, &dims)?;
        self.settled(outputs, node)
    }

    /// Makes a layer of a channel shuffle as soon as it is complete, so that later nodes see whole
    /// channels.
    fn settled(&mut self, outputs: Outputs, node: &Node) -> Result<Outputs, String> {
        let [Value::Tensor(tensor)] = outputs.as_slice() else {
            return Ok(outputs);
        };
        let shape = self.base_shape(tensor);
        let is_shuffled = tensor.view.is_map(self.batch, shape)
            && tensor.view.shuffle(1, shape.channels()).is_some();
        if !is_shuffled {
            return Ok(outputs);
        }
        let value = self.map(tensor, node)?;
        Ok(self.fresh_map(value))
    }

    pub(super) fn flatten(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = tensor.view.dims();
        let at = position(node.int("axis").unwrap_or(1), dims.len() + 1)?;
        let side = |dims: &[usize]| dims.iter().product();
        let dims = [side(&dims[..at]), side(&dims[at..])];
        Self::reshaped(&tensor, &dims)
    }

    pub(super) fn transpose(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let order = order(node.ints("perm"), tensor.view.axes.len())?;
        let view = tensor
            .view
            .transposed(&order)
            .ok_or("its order lists an axis twice")?;
        Ok(viewed(&tensor, view))
    }

    /// The axes given in an attribute or, in newer files, an input.
    fn given_axes(&self, node: &Node) -> Result<Option<Vec<i64>>, String> {
        match node.ints("axes") {
            Some(axes) => Ok(Some(axes.to_vec())),
            None => self.optional(node, 1)?.map(Constant::integers).transpose(),
        }
    }

    pub(super) fn squeeze(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = squeezed(&tensor.view.dims(), self.given_axes(node)?.as_deref())?;
        Self::reshaped(&tensor, &dims)
    }

    pub(super) fn unsqueeze(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let axes = self.given_axes(node)?.unwrap_or_default();
        let dims = unsqueezed(&tensor.view.dims(), &axes)?;
        Self::reshaped(&tensor, &dims)
    }

    pub(super) fn expand(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = tensor.view.dims();
        let wanted = broadcast(&dims, &self.constant(node, 1)?.sizes()?)?;
        if wanted.iter().product::<usize>() != dims.iter().product::<usize>() {
            return Err(format!(
                "it expands {dims:?} to {wanted:?}, which no layer does"
            ));
        }
        Self::reshaped(&tensor, &wanted)
    }

    /// A range of a tensor's channels.
    fn part(
        &mut self,
        tensor: &Tensor,
        axis: usize,
        [start, end]: [usize; 2],
        node: &Node,
    ) -> Result<Tensor, String> {
        let dims = tensor.view.dims();
        if [start, end] == [0, dims[axis]] {
            return Ok(tensor.clone());
        }
        let shape = self.base_shape(tensor);
        let channels = shape.channels();
        if !tensor.view.is_whole(axis, Dim::Channels, channels) || start >= end {
            return Err(format!(
                "it takes {start} to {end} of axis {axis} of {dims:?}; only channels can be \
                 sliced; a part of each feature map would need a crop"
            ));
        }
        let value = self.value(tensor, node)?;
        let layer = vocabulary::slice(start, end);
        let part = match shape {
            Shape::Flat(_) => Shape::Flat(end - start),
            Shape::Map { height, width, .. } => Shape::Map {
                channels: end - start,
                height,
                width,
            },
        };
        let value = self.network.plain(layer, value, part, node.name());
        Ok(Tensor {
            function: self.functions.value(value),
            view: tensor.view.with_channels(axis, end - start),
            border: None,
        })
    }

    pub(super) fn slice(&mut self, node: &Node) -> Result<Outputs, String> {
        let mut tensor = self.bare(node, 0)?;
        let mut inputs = vec![None];
        for input in 1..node.inputs.len() {
            inputs.push(self.optional(node, input)?);
        }
        for cut in cuts(node, &inputs, &tensor.view.dims())? {
            let range = cut.range().ok_or_else(|| {
                format!(
                    "it takes every {}th value of axis {}, which no layer does",
                    cut.step, cut.axis
                )
            })?;
            tensor = self.part(&tensor, cut.axis, range, node)?;
        }
        Ok(vec![Value::Tensor(tensor)])
    }

    pub(super) fn split(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = tensor.view.dims();
        let axis = position(node.int("axis").unwrap_or(0), dims.len())?;
        let side = dims[axis];
        let given = match node.ints("split") {
            Some(sizes) => Some(sizes.to_vec()),
            None => self
                .optional(node, 1)?
                .map(Constant::integers)
                .transpose()?,
        };
        let sizes: Vec<usize> = match given {
            Some(sizes) => sizes
                .into_iter()
                .map(|size| usize::try_from(size).unwrap_or(0))
                .collect(),
            None => {
                // The last part may be smaller.
                let parts = node.outputs.len().max(1);
                let size = side.div_ceil(parts);
                (0..parts)
                    .map(|part| size.min(side.saturating_sub(part * size)))
                    .collect()
            }
        };
        let total = sizes
            .iter()
            .try_fold(0usize, |sum, size| sum.checked_add(*size));
        if total != Some(side) || sizes.len() != node.outputs.len() {
            return Err(format!(
                "it splits an axis of {side} into {sizes:?} for {} outputs",
                node.outputs.len()
            ));
        }
        let mut start = 0;
        let mut outputs = Vec::with_capacity(sizes.len());
        for size in sizes {
            let part = self.part(&tensor, axis, [start, start + size], node)?;
            outputs.push(Value::Tensor(part));
            start += size;
        }
        Ok(outputs)
    }

    /// One channel, or several adjacent ones.
    pub(super) fn gather(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let dims = tensor.view.dims();
        let axis = position(node.int("axis").unwrap_or(0), dims.len())?;
        let indices = self.constant(node, 1)?;
        let (given, is_one) = (indices.integers()?, indices.dims.is_empty());
        let given = given
            .into_iter()
            .map(|at| index(at, dims[axis]))
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(first), true) = (given.first(), indices.dims.len() <= 1) else {
            return Err(vocabulary::needed("Gather"));
        };
        if let Some(groups) = shuffle_groups(&given) {
            let shape = self.base_shape(&tensor);
            let is_map = tensor.view.is_map(self.batch, shape)
                && tensor.view.is_whole(axis, Dim::Channels, given.len());
            if is_map && !is_one {
                let value = self.value(&tensor, node)?;
                let layer = vocabulary::shuffle(groups);
                let value = self.network.plain(layer, value, shape, node.name());
                return Ok(self.fresh_map(value));
            }
        }
        let end = first + given.len();
        if !given.iter().copied().eq(*first..end) {
            return Err("it reorders channels, which no layer does".into());
        }
        let part = self.part(&tensor, axis, [*first, end], node)?;
        let mut dims = part.view.dims();
        if is_one {
            dims.remove(axis);
        }
        Self::reshaped(&part, &dims)
    }
}

/// The number of groups that these channels interleave: `0, n, 2n ... 1, n + 1 ...`.
fn shuffle_groups(channels: &[usize]) -> Option<usize> {
    let each = *channels.get(1)?;
    if each < 2 || !channels.len().is_multiple_of(each) {
        return None;
    }
    let groups = channels.len() / each;
    let shuffled = (0..channels.len()).map(|channel| channel % groups * each + channel / groups);
    channels.iter().copied().eq(shuffled).then_some(groups)
}
