//! ShuffleNet v2 (Ma et al. 2018): half of the channels bypass a block, and the channels are
//! shuffled after it. Only torchvision has weights of it.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, BatchNormLayer, ChannelShuffleLayer, ChannelSliceLayer, Conv2dLayer,
    GlobalAvgPool2dLayer, Join, LinearLayer, MaxPool2dLayer,
};

pub(super) fn shufflenet_v2_x1_0() -> Vec<PublishedForm> {
    let stem = Conv2dLayer::new(24, 3).with_strides(2).with_padding(1);
    let mut stack = normalized("conv1", 0, stem)
        .layer(Activation::Relu)
        .layer(MaxPool2dLayer::new(3).with_strides(2).with_padding(1));
    let mut channels = 24;
    for (stage, blocks, filters) in [(2, 4, 116), (3, 8, 232), (4, 4, 464)] {
        for block in 0..blocks {
            let name = format!("stage{stage}.{block}");
            let half = filters / 2;
            let branches = match block {
                0 => [
                    depthwise(&name, "branch1", 0, channels, 2)
                        .then(pointwise(&name, "branch1", 2, half)),
                    wide(&name, half, 2),
                ],
                _ => [
                    Stack::new().layer(ChannelSliceLayer::new(0, half)),
                    Stack::new()
                        .layer(ChannelSliceLayer::new(half, filters))
                        .then(wide(&name, half, 1)),
                ],
            };
            stack = stack
                .branches(Join::Concat, branches, None)
                .layer(ChannelShuffleLayer::new(2));
            channels = filters;
        }
    }
    let stack = stack
        .then(normalized("conv5", 0, Conv2dLayer::new(1024, 1)))
        .layer(Activation::Relu)
        .layer(GlobalAvgPool2dLayer::default())
        .named("fc", LinearLayer::classes());
    let weights = KnownWeights::torchvision(
        "shufflenetv2_x1-5666bf0f80",
        "5666bf0f80",
        Preparation::BILINEAR,
    );
    vec![PublishedForm::new(Scheme::Torchvision, stack, [weights])]
}

fn normalized(name: &str, place: usize, conv: Conv2dLayer) -> Stack {
    Stack::new()
        .named(format!("{name}.{place}"), conv.with_bias(false))
        .named(format!("{name}.{}", place + 1), BatchNormLayer::default())
}

fn pointwise(name: &str, branch: &str, place: usize, filters: usize) -> Stack {
    let conv = Conv2dLayer::new(filters, 1);
    normalized(&format!("{name}.{branch}"), place, conv).layer(Activation::Relu)
}

fn depthwise(name: &str, branch: &str, place: usize, channels: usize, strides: usize) -> Stack {
    let conv = Conv2dLayer::new(channels, 3)
        .with_strides(strides)
        .with_padding(1)
        .with_groups(channels);
    normalized(&format!("{name}.{branch}"), place, conv)
}

fn wide(name: &str, filters: usize, strides: usize) -> Stack {
    pointwise(name, "branch2", 0, filters)
        .then(depthwise(name, "branch2", 3, filters, strides))
        .then(pointwise(name, "branch2", 5, filters))
}
