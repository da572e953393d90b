//! ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s"): depthwise 7x7 convolutions, layer norms and
//! GELU.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, ChannelScaleLayer, Conv2dLayer, GlobalAvgPool2dLayer, LayerNormLayer, LinearLayer,
    StochasticDepthLayer,
};

const WIDTHS: [usize; 4] = [96, 192, 384, 768];
const BLOCKS: [usize; 4] = [3, 3, 9, 3];

/// The layers' names in files.
struct Names {
    stem: [&'static str; 2],
    /// The layer norm and the convolution before a stage, which is counted from 0.
    halving: fn(usize) -> [String; 2],
    /// The depthwise convolution, the layer norm, both dense layers and the layer scale of a block.
    block: fn(usize, usize) -> [String; 5],
    norm: &'static str,
    head: &'static str,
}

const TIMM: Names = Names {
    stem: ["stem.0", "stem.1"],
    halving: |stage| [0, 1].map(|part| format!("stages.{stage}.downsample.{part}")),
    block: |stage, block| {
        let parts = ["conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma"];
        parts.map(|part| format!("stages.{stage}.blocks.{block}.{part}"))
    },
    norm: "head.norm",
    head: "head.fc",
};

const TORCHVISION: Names = Names {
    stem: ["features.0.0", "features.0.1"],
    halving: |stage| [0, 1].map(|part| format!("features.{}.{part}", 2 * stage)),
    block: |stage, block| {
        let parts = ["block.0", "block.2", "block.3", "block.5", "layer_scale"];
        parts.map(|part| format!("features.{}.{block}.{part}", 2 * stage + 1))
    },
    norm: "classifier.0",
    head: "classifier.2",
};

pub(super) fn convnext_tiny() -> Vec<PublishedForm> {
    let timm = KnownWeights::timm(
        "timm/convnext_tiny.in12k_ft_in1k",
        "",
        Preparation::BICUBIC.with_crop(0.95),
    );
    let torchvision = KnownWeights::torchvision(
        "convnext_tiny-983f1562",
        "983f1562",
        Preparation::BILINEAR.with_crop(224.0 / 236.0),
    );
    vec![
        PublishedForm::new(Scheme::Timm, network(&TIMM), [timm]),
        PublishedForm::new(Scheme::Torchvision, network(&TORCHVISION), [torchvision]),
    ]
}

const NORM: LayerNormLayer = LayerNormLayer { epsilon: 1e-6 };

fn network(names: &Names) -> Stack {
    let stem = Conv2dLayer::new(WIDTHS[0], 4).with_strides(4);
    let mut stack = Stack::new()
        .named(names.stem[0], stem)
        .named(names.stem[1], NORM);
    let all: usize = BLOCKS.iter().sum();
    let mut before = 0;
    for (stage, (width, blocks)) in WIDTHS.into_iter().zip(BLOCKS).enumerate() {
        if stage > 0 {
            let [norm, conv] = (names.halving)(stage);
            let halving = Conv2dLayer::new(width, 2).with_strides(2);
            stack = stack.named(norm, NORM).named(conv, halving);
        }
        for block in 0..blocks {
            // Up to 0.1 for the last block, as in the paper for the smallest network.
            let rate = 0.1 * before as f64 / (all - 1) as f64;
            let body = body((names.block)(stage, block), width, rate);
            stack = stack.residual(body, Stack::new(), None);
            before += 1;
        }
    }
    stack
        .layer(GlobalAvgPool2dLayer::default())
        .named(names.norm, NORM)
        .named(names.head, LinearLayer::classes())
}

fn body([depthwise, norm, wide, narrow, scale]: [String; 5], width: usize, rate: f64) -> Stack {
    let kernel = Conv2dLayer::new(width, 7)
        .with_padding(3)
        .with_groups(width);
    let gelu = Conv2dLayer::new(4 * width, 1).with_activation(Activation::Gelu);
    let stack = Stack::new()
        .named(depthwise, kernel)
        .named(norm, NORM)
        .named(wide, gelu)
        .named(narrow, Conv2dLayer::new(width, 1))
        .named(scale, ChannelScaleLayer { initial: 1e-6 });
    if rate > 0.0 {
        stack.layer(StochasticDepthLayer { rate })
    } else {
        stack
    }
}
