//! The layers there are for what a graph computes, and the sentences for what there is none.

use super::network::Weight;
use receptive_model::{
    AvgPool2dLayer, Edges, LayerConfig, LinearLayer, MaxPool2dLayer, Padding, Pair, Shape,
};

/// How a window moves.
#[derive(Debug, Clone)]
pub(super) struct Slide {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) edges: Edges,
    /// Whether a last window may stand over the end.
    pub(super) ceil: bool,
}

impl Slide {
    fn span(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The padding with which the output is `ceil(n / stride)` long, the odd pixel last.
    pub(super) fn same(&self, shape: Shape) -> Edges {
        let size = shape.map_size();
        let [vertical, horizontal] = [0, 1].map(|axis| {
            let windows = size[axis].div_ceil(self.strides[axis]);
            let reach = windows.saturating_sub(1) * self.strides[axis] + self.span(axis);
            reach.saturating_sub(size[axis])
        });
        Edges {
            top: vertical / 2,
            left: horizontal / 2,
            bottom: vertical - vertical / 2,
            right: horizontal - horizontal / 2,
        }
    }

    /// The shape of the output, with so many channels.
    pub(super) fn output(
        &self,
        shape: Shape,
        channels: usize,
        ceil: bool,
    ) -> Result<Shape, String> {
        let size = shape.map_size();
        let [top, left, bottom, right] = self.edges.array();
        let before = [top, left];
        let padding = [top + bottom, left + right];
        let mut output = [0; 2];
        for axis in 0..2 {
            let padded = size[axis] + padding[axis];
            let free = padded.checked_sub(self.span(axis)).ok_or_else(|| {
                format!(
                    "its window spans {} pixels, but its input has {padded} with its padding",
                    self.span(axis)
                )
            })?;
            let stride = self.strides[axis];
            output[axis] = free / stride + 1;
            // A window that would start in the padding after the map is left out, as in PyTorch.
            let further = free.div_ceil(stride);
            if ceil && further >= output[axis] && further * stride < size[axis] + before[axis] {
                output[axis] = further + 1;
            }
        }
        Ok(Shape::Map {
            channels,
            height: output[0],
            width: output[1],
        })
    }
}

/// The padding of a window in the config's terms.
pub(super) fn padding(slide: &Slide, shape: Shape) -> Result<Padding, String> {
    let Edges {
        top,
        left,
        bottom,
        right,
    } = slide.edges;
    if slide.edges == Edges::default() {
        return Ok(Padding::Valid);
    }
    if [top, left] == [bottom, right] {
        return Ok(Padding::Pixels(Pair::from([top, left])));
    }
    if slide.edges == slide.same(shape) {
        return Ok(Padding::Same);
    }
    Err(format!(
        "its padding is {top} above, {left} left, {bottom} below and {right} right, which is neither \
         \"same\" nor equal on opposite sides"
    ))
}

/// The two kinds of pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pool {
    Max,
    Average { counts_padding: bool },
}

pub(super) fn pool(pool: Pool, slide: &Slide, shape: Shape) -> Result<LayerConfig, String> {
    let channels = shape.channels();
    let plain = slide.output(shape, channels, false)?;
    if slide.ceil && slide.output(shape, channels, true)? != plain {
        return Err("its last windows stand over the map's end (`ceil_mode`)".into());
    }
    let padding = padding(slide, shape)?;
    Ok(match pool {
        Pool::Max => MaxPool2dLayer::new(slide.kernel)
            .with_strides(slide.strides)
            .with_padding(padding)
            .with_dilation(slide.dilation)
            .into(),
        Pool::Average {
            counts_padding: false,
        } => AvgPool2dLayer::new(slide.kernel)
            .with_strides(slide.strides)
            .with_padding(padding)
            .into(),
        Pool::Average {
            counts_padding: true,
        } => return Err("its padding counts in the mean (`count_include_pad`)".into()),
    })
}

/// A linear layer, and its bias as it needs it.
pub(super) fn linear(units: usize, bias: Option<Weight>) -> (LayerConfig, Option<Weight>) {
    let bias = bias.unwrap_or_else(|| Weight::row("bias", vec![0.0; units]));
    (LinearLayer::new(units).into(), Some(bias))
}

pub(super) fn shuffle(groups: usize) -> Result<LayerConfig, String> {
    Err(format!("it shuffles channels in {groups} groups"))
}

pub(super) fn slice(start: usize, end: usize) -> Result<LayerConfig, String> {
    Err(format!("it takes the channels {start} to {end}"))
}

pub(super) fn global_max_pool() -> Result<LayerConfig, String> {
    Err("it takes the largest value of whole maps".into())
}

pub(super) fn layer_norm(_epsilon: f64) -> Result<LayerConfig, String> {
    Err("it normalises over channels".into())
}

/// The settings of a local response norm, as ONNX and PyTorch count them.
pub(super) struct ResponseNorm {
    pub(super) size: usize,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) bias: f64,
}

pub(super) fn local_response_norm(norm: ResponseNorm) -> Result<LayerConfig, String> {
    let ResponseNorm {
        size,
        alpha,
        beta,
        bias,
    } = norm;
    Err(format!(
        "it normalises over {size} channels ({alpha}, {beta}, {bias})"
    ))
}

pub(super) fn prelu() -> Result<LayerConfig, String> {
    Err("its slope has weights".into())
}

/// A learnt factor for each channel.
pub(super) fn channel_scale() -> Option<LayerConfig> {
    None
}

/// What an operator without a layer would need.
pub(super) fn needed(operator: &str) -> String {
    let need = match operator {
        "InstanceNormalization" | "GroupNormalization" => {
            "a norm over groups of channels (group norm)"
        }
        "ConvTranspose" => "a transposed convolution",
        "Resize" | "Upsample" => "a layer that enlarges maps",
        "ReduceL2" | "ReduceSum" | "ReduceMax" | "ReduceMin" => {
            "a layer that sums or compares over an axis"
        }
        "Einsum" => "a product of two tensors, as attention does",
        "If" | "Loop" | "Scan" => "control flow; export the network by tracing it with an example",
        "DepthToSpace" | "SpaceToDepth" => "a layer that moves pixels into channels",
        "QLinearConv" | "QuantizeLinear" | "DequantizeLinear" | "ConvInteger" | "MatMulInteger" => {
            "integer weights; export the network without quantisation"
        }
        "ArgMax" | "TopK" => "its logits; export the network without the choice of a class",
        "Gather" => "a layer that takes channels in any order",
        _ => return format!("there is no layer for the operator {operator}"),
    };
    format!("it would need {need}")
}

/// Gives a linear layer a bias.
pub(super) fn set_bias(_layer: &mut LinearLayer) {}
