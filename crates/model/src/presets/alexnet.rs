//! AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"),
//! and SqueezeNet 1.1 (Iandola et al. 2016), which reaches its accuracy with a fiftieth of the
//! weights. Only torchvision has weights of them.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, AdaptiveAvgPool2dLayer, Conv2dLayer, DropoutLayer, FlattenLayer,
    GlobalAvgPool2dLayer, Join, LinearLayer, MaxPool2dLayer,
};

const RELU: Activation = Activation::Relu;

pub(super) fn alexnet() -> Vec<PublishedForm> {
    let conv = |filters, kernel| {
        let conv = Conv2dLayer::new(filters, kernel).with_padding(kernel / 2);
        conv.with_activation(RELU)
    };
    let pool = || MaxPool2dLayer::new(3).with_strides(2);
    let hidden = || LinearLayer::new(4096).with_activation(RELU);
    let stem = conv(64, 11).with_strides(4).with_padding(2);
    let stack = Stack::new()
        .named("features.0", stem)
        .layer(pool())
        .named("features.3", conv(192, 5))
        .layer(pool())
        .named("features.6", conv(384, 3))
        .named("features.8", conv(256, 3))
        .named("features.10", conv(256, 3))
        .layer(pool())
        .layer(AdaptiveAvgPool2dLayer::new(6))
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.5 })
        .named("classifier.1", hidden())
        .layer(DropoutLayer { rate: 0.5 })
        .named("classifier.4", hidden())
        .named("classifier.6", LinearLayer::classes());
    torchvision(stack, "alexnet-owt-7be5be79", "7be5be79")
}

pub(super) fn squeezenet1_1() -> Vec<PublishedForm> {
    let pool = || MaxPool2dLayer::new(3).with_strides(2).with_ceil_mode(true);
    let stem = Conv2dLayer::new(64, 3)
        .with_strides(2)
        .with_activation(RELU);
    let stack = Stack::new().named("features.0", stem).layer(pool());
    let stack = fire(stack, 3, 16);
    let stack = fire(stack, 4, 16).layer(pool());
    let stack = fire(stack, 6, 32);
    let stack = fire(stack, 7, 32).layer(pool());
    let stack = fire(stack, 9, 48);
    let stack = fire(stack, 10, 48);
    let stack = fire(stack, 11, 64);
    let stack = fire(stack, 12, 64)
        .layer(DropoutLayer { rate: 0.5 })
        .named(
            "classifier.1",
            Conv2dLayer::classes(1).with_activation(RELU),
        )
        .layer(GlobalAvgPool2dLayer::default());
    torchvision(stack, "squeezenet1_1-b8a52dc0", "b8a52dc0")
}

/// A narrow 1x1 convolution, then a 1x1 and a 3x3 one in parallel, each four times as wide.
fn fire(stack: Stack, place: usize, narrow: usize) -> Stack {
    let name = |part: &str| format!("features.{place}.{part}");
    let conv = |filters, kernel| {
        let conv = Conv2dLayer::new(filters, kernel).with_padding(kernel / 2);
        conv.with_activation(RELU)
    };
    let wide = [("expand1x1", 1), ("expand3x3", 3)];
    let wide = wide.map(|(part, kernel)| Stack::new().named(name(part), conv(4 * narrow, kernel)));
    stack
        .named(name("squeeze"), conv(narrow, 1))
        .branches(Join::Concat, wide, None)
}

fn torchvision(stack: Stack, name: &'static str, sha256: &'static str) -> Vec<PublishedForm> {
    let weights = KnownWeights::torchvision(name, sha256, Preparation::BILINEAR);
    vec![PublishedForm::new(Scheme::Torchvision, stack, [weights])]
}
