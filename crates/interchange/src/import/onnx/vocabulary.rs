//! The layers that correspond to a graph's operations, and the messages for operations without one.

use receptive_model::{
    AvgPool2dLayer, ChannelScaleLayer, ChannelShuffleLayer, ChannelSliceLayer, Edges,
    GlobalMaxPool2dLayer, LayerConfig, LayerNormLayer, LinearLayer, LocalResponseNormLayer,
    MaxPool2dLayer, Padding, PreluLayer, Shape,
};

/// How a window slides over a map.
#[derive(Debug, Clone)]
pub(super) struct Slide {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) edges: Edges,
    /// Whether a last window may reach beyond the end.
    pub(super) ceil: bool,
}

impl Slide {
    fn span(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The padding for an output of size `ceil(n / stride)`, an odd pixel at the end.
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

    /// The shape of the output with this many channels.
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
            let stride = self.strides[axis];
            // As in PyTorch, a window that would start in the padding after the map is dropped.
            let room = padded + if ceil { stride - 1 } else { 0 };
            let free = room.checked_sub(self.span(axis)).ok_or_else(|| {
                format!(
                    "its window spans {} pixels, but its input has {padded} with its padding",
                    self.span(axis)
                )
            })?;
            output[axis] = free / stride + 1;
            if ceil && (output[axis] - 1) * stride >= size[axis] + before[axis] {
                output[axis] -= 1;
            }
            if output[axis] == 0 {
                return Err("none of its windows starts within its input".into());
            }
        }
        Ok(Shape::Map {
            channels,
            height: output[0],
            width: output[1],
        })
    }
}

/// The padding of a window as a config setting.
pub(super) fn padding(slide: &Slide, shape: Shape) -> Padding {
    let edges = slide.edges;
    if edges == Edges::default() {
        return Padding::Valid;
    }
    let is_even = edges.top == edges.bottom && edges.left == edges.right;
    // The file has TensorFlow's `same` in pixels, which would be wrong for another image size.
    if !is_even && edges == slide.same(shape) {
        return Padding::Same;
    }
    edges.into()
}

/// The two kinds of pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pool {
    Max,
    Average { counts_padding: bool },
}

pub(super) fn pool(pool: Pool, slide: &Slide, shape: Shape) -> LayerConfig {
    let padding = padding(slide, shape);
    match pool {
        Pool::Max => MaxPool2dLayer {
            ceil_mode: slide.ceil,
            ..MaxPool2dLayer::new(slide.kernel)
                .with_strides(slide.strides)
                .with_padding(padding)
                .with_dilation(slide.dilation)
        }
        .into(),
        Pool::Average { counts_padding } => AvgPool2dLayer {
            ceil_mode: slide.ceil,
            count_include_pad: counts_padding,
            ..AvgPool2dLayer::new(slide.kernel)
                .with_strides(slide.strides)
                .with_padding(padding)
        }
        .into(),
    }
}

pub(super) fn linear(units: usize, has_bias: bool) -> LinearLayer {
    LinearLayer::new(units).with_bias(has_bias)
}

pub(super) fn shuffle(groups: usize) -> ChannelShuffleLayer {
    ChannelShuffleLayer::new(groups)
}

pub(super) fn slice(start: usize, end: usize) -> ChannelSliceLayer {
    ChannelSliceLayer::new(start, end)
}

pub(super) fn global_max_pool() -> GlobalMaxPool2dLayer {
    GlobalMaxPool2dLayer::default()
}

pub(super) fn layer_norm(epsilon: f64) -> LayerNormLayer {
    LayerNormLayer { epsilon }
}

/// ONNX's `bias` is PyTorch's `k`.
pub(super) fn local_response_norm(
    size: usize,
    [alpha, beta, bias]: [f64; 3],
) -> LocalResponseNormLayer {
    LocalResponseNormLayer {
        alpha,
        beta,
        k: bias,
        ..LocalResponseNormLayer::new(size)
    }
}

pub(super) fn prelu(per_channel: bool) -> PreluLayer {
    PreluLayer {
        per_channel,
        ..PreluLayer::default()
    }
}

/// A trained factor per channel.
pub(super) fn channel_scale() -> ChannelScaleLayer {
    ChannelScaleLayer::default()
}

/// What would be needed to support this operator.
pub(super) fn needed(operator: &str) -> String {
    let need = match operator {
        "InstanceNormalization" | "GroupNormalization" => "a group norm",
        "ConvTranspose" => "a transposed convolution",
        "Resize" | "Upsample" => "an upsampling layer",
        "ReduceL2" | "ReduceSum" | "ReduceMax" | "ReduceMin" => "a reduction over an axis",
        "Einsum" => "a product of two tensors, as in attention",
        "If" | "Loop" | "Scan" => "control flow; export the network by tracing it with an example",
        "DepthToSpace" | "SpaceToDepth" => "a space-to-depth or depth-to-space layer",
        "QLinearConv" | "QuantizeLinear" | "DequantizeLinear" | "ConvInteger" | "MatMulInteger" => {
            "integer weights; export the network without quantisation"
        }
        "ArgMax" | "TopK" => "its logits; export the network without argmax or top-k",
        "Gather" => "a gather layer",
        _ => return format!("there is no layer for the operator {operator}"),
    };
    format!("it would need {need}")
}
