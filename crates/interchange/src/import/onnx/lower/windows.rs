//! Convolutions and pools.

use super::super::axes::position;
use super::super::constant::Constant;
use super::super::graph::Node;
use super::super::network::{Kind, Weight};
use super::super::view::Dim;
use super::super::vocabulary::{self, Pool, Slide};
use super::border::{MAX_SIDE, grown, sum};
use super::{Lowering, Outputs, Tensor};
use receptive_model::{Activation, Conv2dLayer, Edges, GlobalAvgPool2dLayer, LayerConfig, Shape};

impl Lowering {
    pub(super) fn conv(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.tensor(node, 0)?;
        let value = self.map(&tensor, node)?;
        let shape = self.network.shape(value);
        let (dims, weights) = self.weights(node, 1)?;
        let &[filters, per_filter, height, width] = dims.as_slice() else {
            return Err(format!(
                "its weights have the dimensions {dims:?}, but only two-dimensional convolutions \
                 are supported"
            ));
        };
        let groups = node.int("group").unwrap_or(1);
        let groups = usize::try_from(groups).unwrap_or(0);
        let channels = shape.channels();
        if groups == 0
            || per_filter.checked_mul(groups) != Some(channels)
            || !filters.is_multiple_of(groups)
            || [filters, height, width].contains(&0)
        {
            return Err(format!(
                "its weights {dims:?} do not fit {channels} channels in {groups} groups"
            ));
        }
        let bias = match self.optional(node, 2)? {
            Some(_) => Some(self.row(node, 2, filters)?),
            None => None,
        };
        if let Some(window) = node.ints("kernel_shape")
            && window != [height as i64, width as i64]
        {
            return Err(format!(
                "its `kernel_shape` is {window:?}, but its weights are for {height} x {width}"
            ));
        }
        let mut slide = slide(node, [height, width], grown(shape, tensor.border))?;
        if let Some(border) = tensor.border {
            if border.value != 0.0 {
                return Err(format!(
                    "its input is padded with {}, not with zeros",
                    border.value
                ));
            }
            slide.edges = sum(slide.edges, border.edges);
        }
        if let Shape::Flat(_) = shape {
            return self.conv_of_row(node, &tensor, &slide, groups, (dims, weights), bias);
        }
        let output = slide.output(shape, filters, false)?;
        let layer = Conv2dLayer {
            strides: slide.strides.into(),
            dilation: slide.dilation.into(),
            padding: vocabulary::padding(&slide, shape),
            groups,
            bias: bias.is_some(),
            ..Conv2dLayer::new(filters, slide.kernel)
        };
        let weight = Weight {
            leaf: "weight",
            shape: dims,
            values: weights,
        };
        let bias = bias.map(|values| Weight::row("bias", values));
        let kind = Kind::Layer {
            config: layer.into(),
            weights: std::iter::once(weight).chain(bias).collect(),
        };
        let value = self.network.push(kind, vec![value], output, node.name());
        Ok(self.fresh_map(value))
    }

    /// A convolution of 1x1 maps, which are rows of values here.
    fn conv_of_row(
        &mut self,
        node: &Node,
        tensor: &Tensor,
        slide: &Slide,
        groups: usize,
        (dims, weights): (Vec<usize>, Vec<f32>),
        bias: Option<Vec<f32>>,
    ) -> Result<Outputs, String> {
        if dims[2..] != [1, 1] || groups != 1 || slide.edges != Edges::default() {
            return Err(
                "its input is a 1x1 feature map, for which only a 1x1 convolution of all channels \
                 is supported, as a linear layer"
                    .into(),
            );
        }
        let value = self.value(tensor, node)?;
        let value = self.linear(value, dims[0], weights, bias, node);
        Ok(self.fresh_map(value))
    }

    pub(super) fn max_pool(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.tensor(node, 0)?;
        if node.outputs.len() > 1 {
            return Err("it outputs the positions of the maxima, which no layer does".into());
        }
        let mut value = self.map(&tensor, node)?;
        let shape = self.network.shape(value);
        let mut slide = slide(node, kernel(node)?, grown(shape, tensor.border))?;
        let mut shape = shape;
        if let Some(border) = tensor.border {
            let is_neutral =
                border.value == f32::NEG_INFINITY || border.value == 0.0 && self.is_positive(value);
            // Rounded up, a window may begin in the border, but not in the pool's own padding.
            if is_neutral && !slide.ceil {
                slide.edges = sum(slide.edges, border.edges);
            } else if border.value == 0.0 {
                value = self.padded(value, border.edges, node);
                shape = self.network.shape(value);
            } else {
                return Err(format!(
                    "its input is padded with {}; a layer pads with zeros, and a max pool, unless its size is \
                     rounded up, with negative infinity",
                    border.value
                ));
            }
        }
        if let Shape::Flat(_) = shape {
            return Err("it pools a map of 1x1".into());
        }
        let output = slide.output(shape, shape.channels(), slide.ceil)?;
        let layer = vocabulary::pool(Pool::Max, &slide, shape);
        value = self.network.plain(layer, value, output, node.name());
        Ok(self.fresh_map(value))
    }

    /// Whether no value is negative, as after a ReLU.
    fn is_positive(&self, value: usize) -> bool {
        let Kind::Layer { config, .. } = &self.network.layers[value].kind else {
            return false;
        };
        matches!(config, LayerConfig::Activation(layer) if matches!(
            layer.activation,
            Activation::Relu | Activation::Relu6 | Activation::Sigmoid | Activation::HardSigmoid
        ))
    }

    pub(super) fn average_pool(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.tensor(node, 0)?;
        let mut value = self.map(&tensor, node)?;
        let shape = self.network.shape(value);
        let mut slide = slide(node, kernel(node)?, grown(shape, tensor.border))?;
        let mut shape = shape;
        let mut counts_padding = node.int("count_include_pad") == Some(1);
        if let Some(border) = tensor.border {
            if border.value != 0.0 {
                return Err(format!(
                    "its input is padded with {}, not with zeros",
                    border.value
                ));
            }
            let own = slide.edges != Edges::default();
            if slide.ceil || own && !counts_padding {
                value = self.padded(value, border.edges, node);
                shape = self.network.shape(value);
            } else {
                slide.edges = sum(slide.edges, border.edges);
                counts_padding = true;
            }
        }
        let has_padding = slide.edges != Edges::default();
        if slide.kernel == shape.map_size() && !has_padding {
            return Ok(self.whole(value, node));
        }
        if let Shape::Flat(_) = shape {
            return Err("it pools a map of 1x1".into());
        }
        if slide.dilation != [1, 1] {
            return Err("it is a dilated average pool, which is not supported".into());
        }
        let pool = Pool::Average {
            counts_padding: counts_padding && has_padding,
        };
        let output = slide.output(shape, shape.channels(), slide.ceil)?;
        let layer = vocabulary::pool(pool, &slide, shape);
        value = self.network.plain(layer, value, output, node.name());
        Ok(self.fresh_map(value))
    }

    /// The mean of each channel, as a 1x1 map.
    fn whole(&mut self, value: usize, node: &Node) -> Outputs {
        let mean = match self.network.shape(value) {
            Shape::Flat(_) => value,
            Shape::Map { channels, .. } => {
                let layer = GlobalAvgPool2dLayer::default();
                self.network
                    .plain(layer, value, Shape::Flat(channels), node.name())
            }
        };
        self.fresh_map(mean)
    }

    pub(super) fn global_average_pool(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let value = self.map(&tensor, node)?;
        Ok(self.whole(value, node))
    }

    pub(super) fn global_max_pool(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let mut value = self.map(&tensor, node)?;
        if let Shape::Map { channels, .. } = self.network.shape(value) {
            let layer = vocabulary::global_max_pool();
            value = self
                .network
                .plain(layer, value, Shape::Flat(channels), node.name());
        }
        Ok(self.fresh_map(value))
    }

    /// The mean over all rows and columns, whatever the order of the axes.
    pub(super) fn reduce_mean(&mut self, node: &Node) -> Result<Outputs, String> {
        let tensor = self.bare(node, 0)?;
        let rank = tensor.view.axes.len();
        let given = match node.ints("axes") {
            Some(axes) => axes.to_vec(),
            None => match self
                .optional(node, 1)?
                .map(Constant::integers)
                .transpose()?
            {
                Some(axes) => axes,
                None => (0..rank as i64).collect(),
            },
        };
        let gone = given
            .iter()
            .map(|axis| position(*axis, rank))
            .collect::<Result<Vec<_>, _>>()?;
        let holds = |axis: &usize, dim| tensor.view.holds(*axis, dim);
        let spatial = |axis: &usize| holds(axis, Dim::Height) || holds(axis, Dim::Width);
        let kept = (0..rank)
            .filter(|axis| !gone.contains(axis))
            .any(|axis| spatial(&axis));
        let mixed = |axis: &usize| holds(axis, Dim::Batch) || holds(axis, Dim::Channels);
        if kept || gone.iter().any(mixed) {
            return Err(format!(
                "it takes the mean over the axes {given:?} of {:?}; only the mean of whole feature \
                 maps is supported",
                tensor.view.dims()
            ));
        }
        let mut value = self.value(&tensor, node)?;
        if let Shape::Map { channels, .. } = self.network.shape(value) {
            let layer = GlobalAvgPool2dLayer::default();
            value = self
                .network
                .plain(layer, value, Shape::Flat(channels), node.name());
        }
        let mut view = tensor.view;
        for axis in &gone {
            view.axes[*axis].clear();
        }
        if node.int("keepdims") == Some(0) {
            let mut axis = 0;
            view.axes.retain(|_| {
                axis += 1;
                !gone.contains(&(axis - 1))
            });
        }
        Ok(vec![self.fresh(value, view)])
    }
}

fn kernel(node: &Node) -> Result<[usize; 2], String> {
    pair(node, "kernel_shape", None)
}

/// An attribute of two sizes.
fn pair(node: &Node, attribute: &str, default: Option<usize>) -> Result<[usize; 2], String> {
    let found = node.ints(attribute).unwrap_or_default();
    let sizes: Vec<usize> = found
        .iter()
        .filter_map(|side| usize::try_from(*side).ok())
        .filter(|side| (1..=MAX_SIDE).contains(side))
        .collect();
    match (sizes.as_slice(), found, default) {
        ([height, width], [_, _], _) => Ok([*height, *width]),
        (_, [], Some(side)) => Ok([side; 2]),
        _ => Err(format!(
            "its `{attribute}` is {found:?}; expected two sizes from 1 to {MAX_SIDE}: height and \
             width"
        )),
    }
}

fn slide(node: &Node, kernel: [usize; 2], shape: Shape) -> Result<Slide, String> {
    if kernel.iter().any(|side| *side > MAX_SIDE) {
        return Err(format!("its window is {kernel:?}"));
    }
    let mut slide = Slide {
        kernel,
        strides: pair(node, "strides", Some(1))?,
        dilation: pair(node, "dilations", Some(1))?,
        edges: Edges::default(),
        ceil: node.int("ceil_mode") == Some(1),
    };
    match node.string("auto_pad").as_deref() {
        None | Some("" | "NOTSET") => {
            let found = node.ints("pads").unwrap_or_default();
            let sides: Vec<usize> = found
                .iter()
                .filter_map(|side| usize::try_from(*side).ok())
                .filter(|side| *side <= MAX_SIDE)
                .collect();
            match (sides.as_slice(), found) {
                (_, []) => {}
                (&[top, left, bottom, right], [_, _, _, _]) => {
                    slide.edges = Edges {
                        top,
                        left,
                        bottom,
                        right,
                    };
                }
                _ => {
                    return Err(format!("its `pads` are {found:?}; expected four sides"));
                }
            }
        }
        Some("VALID") => {}
        Some("SAME_UPPER") => slide.edges = slide.same(shape),
        Some("SAME_LOWER") => {
            let edges = slide.same(shape);
            slide.edges = Edges {
                top: edges.bottom,
                left: edges.right,
                bottom: edges.top,
                right: edges.left,
            };
        }
        Some(other) => return Err(format!("its `auto_pad` is `{other}`")),
    }
    Ok(slide)
}
