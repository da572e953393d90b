//! RegNet X and Y (Radosavovic et al. 2020, "Designing network design spaces"): residual
//! bottlenecks with grouped convolutions; Y has gates.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer, SqueezeExciteLayer,
};

struct Family {
    widths: [usize; 4],
    blocks: [usize; 4],
    /// Channels in each group of the 3x3 convolutions.
    group: usize,
    is_gated: bool,
}

/// The layers' names in files.
struct Names {
    /// The suffixes of a convolution and of its batch norm.
    norm: [&'static str; 2],
    stem: &'static str,
    /// The prefix of a block, whose stage and index are counted from 1.
    block: fn(usize, usize) -> String,
    /// The three convolutions, the gate and the projection of a block.
    parts: [&'static str; 5],
    head: &'static str,
}

const TIMM: Names = Names {
    norm: ["conv", "bn"],
    stem: "stem",
    block: |stage, block| format!("s{stage}.b{block}"),
    parts: ["conv1", "conv2", "conv3", "se", "downsample"],
    head: "head.fc",
};

const TORCHVISION: Names = Names {
    norm: ["0", "1"],
    stem: "stem",
    block: |stage, block| format!("trunk_output.block{stage}.block{stage}-{}", block - 1),
    parts: ["f.a", "f.b", "f.c", "f.se", "proj"],
    head: "fc",
};

/// torchvision's first weights, and its second ones from a longer training.
const FIRST: Preparation = Preparation::BILINEAR;
const SECOND: Preparation = Preparation::BILINEAR.with_crop(0.965);

pub(super) fn regnetx_004() -> Vec<PublishedForm> {
    // torchvision rounds the last stage's width differently from the authors.
    let family = |last: usize| Family {
        widths: [32, 64, 160, last],
        blocks: [1, 2, 7, 12],
        group: 16,
        is_gated: false,
    };
    let timm = KnownWeights::timm("timm/regnetx_004.pycls_in1k", "", Preparation::BICUBIC);
    forms(
        [&family(384), &family(400)],
        timm.with_licence("MIT"),
        [
            KnownWeights::torchvision("regnet_x_400mf-62229a5f", "62229a5f", SECOND),
            KnownWeights::torchvision("regnet_x_400mf-adf1edd5", "adf1edd5", FIRST),
        ],
    )
}

pub(super) fn regnety_004() -> Vec<PublishedForm> {
    let family = Family {
        widths: [48, 104, 208, 440],
        blocks: [1, 3, 6, 6],
        group: 8,
        is_gated: true,
    };
    let prepared = Preparation::BICUBIC.with_crop(0.965);
    let timm = KnownWeights::timm("timm/regnety_004.tv2_in1k", "", prepared);
    forms(
        [&family; 2],
        timm.with_licence("BSD-3-Clause"),
        [
            KnownWeights::torchvision("regnet_y_400mf-e6988f5f", "e6988f5f", SECOND),
            KnownWeights::torchvision("regnet_y_400mf-c65dace8", "c65dace8", FIRST),
        ],
    )
}

fn forms(
    [theirs, torchvisions]: [&Family; 2],
    timm: KnownWeights,
    torchvision: impl Into<Vec<KnownWeights>>,
) -> Vec<PublishedForm> {
    vec![
        PublishedForm::new(Scheme::Timm, network(theirs, &TIMM), [timm]),
        PublishedForm::new(
            Scheme::Torchvision,
            network(torchvisions, &TORCHVISION),
            torchvision,
        ),
    ]
}

fn network(family: &Family, names: &Names) -> Stack {
    let mut channels = 32;
    let stem = Conv2dLayer::new(channels, 3)
        .with_strides(2)
        .with_padding(1);
    let mut stack = names.normalized(names.stem, stem).layer(Activation::Relu);
    for (stage, (width, blocks)) in family.widths.into_iter().zip(family.blocks).enumerate() {
        for block in 0..blocks {
            let name = (names.block)(stage + 1, block + 1);
            let strides = if block == 0 { 2 } else { 1 };
            let body = body(family, names, &name, [channels, width], strides);
            let mut shortcut = Stack::new();
            if block == 0 {
                let conv = Conv2dLayer::new(width, 1).with_strides(strides);
                shortcut = names.normalized(&format!("{name}.{}", names.parts[4]), conv);
            }
            stack = stack.residual(body, shortcut, Some(Activation::Relu));
            channels = width;
        }
    }
    stack
        .layer(GlobalAvgPool2dLayer::default())
        .named(names.head, LinearLayer::classes())
}

impl Names {
    fn normalized(&self, name: &str, conv: Conv2dLayer) -> Stack {
        let [first, second] = self.norm;
        Stack::new()
            .named(format!("{name}.{first}"), conv.with_bias(false))
            .named(format!("{name}.{second}"), BatchNormLayer::default())
    }
}

fn body(
    family: &Family,
    names: &Names,
    name: &str,
    [channels, width]: [usize; 2],
    strides: usize,
) -> Stack {
    let part = |part: usize| format!("{name}.{}", names.parts[part]);
    let grouped = Conv2dLayer::new(width, 3)
        .with_strides(strides)
        .with_padding(1)
        .with_groups(width / family.group);
    let mut stack = names
        .normalized(&part(0), Conv2dLayer::new(width, 1))
        .layer(Activation::Relu)
        .then(names.normalized(&part(1), grouped))
        .layer(Activation::Relu);
    if family.is_gated {
        let gate = part(3);
        // A quarter of the block's input channels, not of those that the gate scales.
        let layer = SqueezeExciteLayer {
            units: Some(channels / 4),
            ..SqueezeExciteLayer::default()
        };
        stack = stack.gate([format!("{gate}.fc1"), format!("{gate}.fc2")], layer);
    }
    stack.then(names.normalized(&part(2), Conv2dLayer::new(width, 1)))
}
