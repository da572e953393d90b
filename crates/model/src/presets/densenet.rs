//! DenseNet (Huang et al. 2017, "Densely connected convolutional networks"): each layer takes the
//! outputs of all previous layers of its block.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, Join,
    LinearLayer, MaxPool2dLayer,
};

/// Number of filters that each layer adds.
const GROWTH: usize = 32;

pub(super) fn densenet121() -> Vec<PublishedForm> {
    // torchvision's file is older than its code: it has `norm.1` where the code has `norm1`.
    let [new, old] = ["", "."].map(|point| network([6, 12, 24, 16], point));
    let timm = KnownWeights::timm("timm/densenet121.ra_in1k", "", Preparation::BICUBIC);
    let torchvision =
        KnownWeights::torchvision("densenet121-a639ec97", "a639ec97", Preparation::BILINEAR);
    vec![
        PublishedForm::new(Scheme::Timm, new, [timm]),
        PublishedForm::new(Scheme::Torchvision, old, [torchvision]),
    ]
}

fn network(blocks: [usize; 4], point: &str) -> Stack {
    let stem = Conv2dLayer::new(64, 7)
        .with_strides(2)
        .with_padding(3)
        .with_bias(false);
    let mut stack = Stack::new()
        .named("features.conv0", stem)
        .named("features.norm0", BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(MaxPool2dLayer::new(3).with_strides(2).with_padding(1));
    let mut channels = 64;
    for (block, layers) in blocks.into_iter().enumerate() {
        for layer in 0..layers {
            let name = format!("features.denseblock{}.denselayer{}", block + 1, layer + 1);
            let branches = [Stack::new(), dense_layer(&name, point)];
            stack = stack.branches(Join::Concat, branches, None);
        }
        channels += layers * GROWTH;
        if block + 1 < blocks.len() {
            channels /= 2;
            let name = format!("features.transition{}", block + 1);
            let conv = Conv2dLayer::new(channels, 1).with_bias(false);
            stack = stack
                .named(format!("{name}.norm"), BatchNormLayer::default())
                .layer(Activation::Relu)
                .named(format!("{name}.conv"), conv)
                .layer(AvgPool2dLayer::new(2));
        }
    }
    stack
        .named("features.norm5", BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(GlobalAvgPool2dLayer::default())
        .named("classifier", LinearLayer::classes())
}

fn dense_layer(name: &str, point: &str) -> Stack {
    let narrow = Conv2dLayer::new(4 * GROWTH, 1).with_bias(false);
    let conv = Conv2dLayer::new(GROWTH, 3).with_padding(1).with_bias(false);
    Stack::new()
        .named(format!("{name}.norm{point}1"), BatchNormLayer::default())
        .layer(Activation::Relu)
        .named(format!("{name}.conv{point}1"), narrow)
        .named(format!("{name}.norm{point}2"), BatchNormLayer::default())
        .layer(Activation::Relu)
        .named(format!("{name}.conv{point}2"), conv)
}
