//! Networks of inverted residuals (Sandler et al. 2018, "MobileNetV2"): blocks that expand the
//! channels, convolve each one separately, and project them back. MobileNet, MNASNet and
//! EfficientNet consist of them.

use super::stack::Stack;
use crate::geometry::Padding;
use crate::layers::{
    Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, GlobalAvgPool2dLayer, LinearLayer,
    SqueezeExciteLayer, StochasticDepthLayer,
};

/// One block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) kernel: usize,
    pub(super) strides: usize,
    /// Channels of the depthwise convolution; equal to the input's if the block does not expand.
    pub(super) wide: usize,
    pub(super) filters: usize,
    /// Hidden units of the gate; 0 for none.
    pub(super) gate: usize,
    pub(super) activation: Activation,
}

/// What the blocks of a network have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) epsilon: f64,
    /// TensorFlow's padding, which is asymmetric with stride 2.
    pub(super) is_same: bool,
    /// Activations of the gates' hidden units and of the gates themselves.
    pub(super) gate: [Activation; 2],
}

impl Style {
    pub(super) fn norm(&self) -> BatchNormLayer {
        BatchNormLayer {
            epsilon: self.epsilon,
            ..BatchNormLayer::default()
        }
    }

    pub(super) fn conv(&self, filters: usize, kernel: usize, strides: usize) -> Conv2dLayer {
        let padding = match self.is_same {
            true => Padding::Same,
            false => Padding::from(kernel / 2),
        };
        Conv2dLayer::new(filters, kernel)
            .with_strides(strides)
            .with_padding(padding)
            .with_bias(false)
    }
}

/// The position of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) stage: usize,
    /// Within its stage.
    pub(super) block: usize,
    /// Among all blocks.
    pub(super) index: usize,
    pub(super) widens: bool,
    pub(super) is_gated: bool,
}

/// A block's layer names in a file: each convolution with its batch norm, and the two layers of the
/// gate.
#[derive(Debug, Clone)]
pub(super) struct BlockNames {
    pub(super) widen: [String; 2],
    pub(super) depthwise: [String; 2],
    pub(super) gate: [String; 2],
    pub(super) narrow: [String; 2],
}

/// A network's layer names in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) stem: [&'static str; 2],
    pub(super) block: fn(&Place) -> BlockNames,
    /// The last convolution.
    pub(super) last: [&'static str; 2],
    /// The dense layer before the classifier, if there is one.
    pub(super) hidden: &'static str,
    pub(super) classifier: &'static str,
}

/// A network of such blocks.
#[derive(Debug, Clone)]
pub(super) struct InvertedNetwork {
    pub(super) style: Style,
    pub(super) stem: (usize, Activation),
    pub(super) stages: Vec<Vec<Block>>,
    pub(super) last: (usize, Activation),
    /// Units of the dense layer before the classifier.
    pub(super) hidden: Option<(usize, Activation)>,
    pub(super) dropout: f64,
    /// The rate of stochastic depth in the last block; it grows linearly up to there.
    pub(super) stochastic_depth: f64,
}

/// A stage of blocks: repeats, kernel size, stride, expansion factor, filters.
pub(super) type Row = [usize; 5];

impl InvertedNetwork {
    /// Stages between a stem of 32 filters and a convolution of 1280. `gate` maps the number of a
    /// block's input channels to the hidden units of its gate.
    pub(super) fn from_rows(
        style: Style,
        rows: &[Row],
        activation: Activation,
        gate: impl Fn(usize) -> usize,
    ) -> Self {
        const STEM: usize = 32;
        let mut channels = STEM;
        let mut stages = Vec::new();
        for &[repeats, kernel, strides, factor, filters] in rows {
            let mut blocks = Vec::new();
            for block in 0..repeats {
                blocks.push(Block {
                    kernel,
                    strides: if block == 0 { strides } else { 1 },
                    wide: factor * channels,
                    filters,
                    gate: gate(channels),
                    activation,
                });
                channels = filters;
            }
            stages.push(blocks);
        }
        Self {
            style,
            stem: (STEM, activation),
            stages,
            last: (1280, activation),
            hidden: None,
            dropout: 0.2,
            stochastic_depth: 0.0,
        }
    }

    /// The layers, named according to one scheme.
    pub(super) fn stack(&self, names: &Names) -> Stack {
        let style = &self.style;
        let (filters, activation) = self.stem;
        let mut stack = Stack::new()
            .named(names.stem[0], style.conv(filters, 3, 2))
            .named(names.stem[1], style.norm())
            .layer(activation);
        let (mut channels, mut index) = (filters, 0);
        let depth: usize = self.stages.iter().map(Vec::len).sum();
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (within, block) in blocks.iter().enumerate() {
                let place = Place {
                    stage,
                    block: within,
                    index,
                    widens: block.wide != channels,
                    is_gated: block.gate > 0,
                };
                let mut body = self.block(block, &place, &(names.block)(&place));
                stack = if block.strides == 1 && block.filters == channels {
                    let rate = self.stochastic_depth * index as f64 / depth as f64;
                    if rate > 0.0 {
                        body = body.layer(StochasticDepthLayer { rate });
                    }
                    stack.residual(body, Stack::new(), None)
                } else {
                    stack.then(body)
                };
                channels = block.filters;
                index += 1;
            }
        }
        let (filters, activation) = self.last;
        stack = stack
            .named(names.last[0], style.conv(filters, 1, 1))
            .named(names.last[1], style.norm())
            .layer(activation)
            .layer(GlobalAvgPool2dLayer::default());
        if let Some((units, activation)) = self.hidden {
            let dense = LinearLayer::new(units).with_activation(activation);
            stack = stack.named(names.hidden, dense);
        }
        stack
            .layer(DropoutLayer { rate: self.dropout })
            .named(names.classifier, LinearLayer::classes())
    }

    fn block(&self, block: &Block, place: &Place, names: &BlockNames) -> Stack {
        let style = &self.style;
        let [convolution, norm] = &names.widen;
        let mut body = Stack::new();
        if place.widens {
            body = body
                .named(convolution, style.conv(block.wide, 1, 1))
                .named(norm, style.norm())
                .layer(block.activation);
        }
        let depthwise = style.conv(block.wide, block.kernel, block.strides);
        let [convolution, norm] = &names.depthwise;
        body = body
            .named(convolution, depthwise.with_groups(block.wide))
            .named(norm, style.norm())
            .layer(block.activation);
        if place.is_gated {
            let [activation, gate] = style.gate;
            let gate = SqueezeExciteLayer {
                units: Some(block.gate),
                activation,
                gate,
            };
            body = body.gate(names.gate.clone(), gate);
        }
        let [convolution, norm] = &names.narrow;
        body.named(convolution, style.conv(block.filters, 1, 1))
            .named(norm, style.norm())
    }
}

fn pair(prefix: &str, names: [&str; 2]) -> [String; 2] {
    names.map(|name| format!("{prefix}.{name}"))
}

/// timm's names, the same for all these networks.
pub(super) const TIMM: Names = Names {
    stem: ["conv_stem", "bn1"],
    block: timm_block,
    last: ["conv_head", "bn2"],
    hidden: "",
    classifier: "classifier",
};

pub(super) fn timm_block(place: &Place) -> BlockNames {
    let block = format!("blocks.{}.{}", place.stage, place.block);
    let [depthwise, narrow] = match place.widens {
        true => [["conv_dw", "bn2"], ["conv_pwl", "bn3"]],
        false => [["conv_dw", "bn1"], ["conv_pw", "bn2"]],
    };
    BlockNames {
        widen: pair(&block, ["conv_pw", "bn1"]),
        depthwise: pair(&block, depthwise),
        gate: pair(&block, ["se.conv_reduce", "se.conv_expand"]),
        narrow: pair(&block, narrow),
    }
}

/// torchvision's names for a block that it lists as one sequence.
pub(super) fn torchvision_block(prefix: &str, place: &Place) -> BlockNames {
    let depthwise = usize::from(place.widens);
    let gate = depthwise + 1;
    let narrow = gate + usize::from(place.is_gated);
    let at = |step: usize| pair(&format!("{prefix}.{step}"), ["0", "1"]);
    BlockNames {
        widen: at(0),
        depthwise: at(depthwise),
        gate: pair(&format!("{prefix}.{gate}"), ["fc1", "fc2"]),
        narrow: at(narrow),
    }
}

/// Luke Melas-Kyriazi's names.
pub(super) const LUKEMELAS: Names = Names {
    stem: ["_conv_stem", "_bn0"],
    block: lukemelas_block,
    last: ["_conv_head", "_bn1"],
    hidden: "",
    classifier: "_fc",
};

fn lukemelas_block(place: &Place) -> BlockNames {
    let block = format!("_blocks.{}", place.index);
    BlockNames {
        widen: pair(&block, ["_expand_conv", "_bn0"]),
        depthwise: pair(&block, ["_depthwise_conv", "_bn1"]),
        gate: pair(&block, ["_se_reduce", "_se_expand"]),
        narrow: pair(&block, ["_project_conv", "_bn2"]),
    }
}
