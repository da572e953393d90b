//! VGG (Simonyan and Zisserman 2015), with and without batch norm. timm writes the dense layers as
//! convolutions over the last map; the values are the same.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, AdaptiveAvgPool2dLayer, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer,
    LinearLayer, MaxPool2dLayer,
};

/// Height and width of the map that the dense layers see, whatever the image's size.
const GRID: usize = 7;
const UNITS: usize = 4096;

/// Filters of the convolutions between pools.
const VGG11: [&[usize]; 5] = [&[64], &[128], &[256; 2], &[512; 2], &[512; 2]];
const VGG16: [&[usize]; 5] = [&[64; 2], &[128; 2], &[256; 3], &[512; 3], &[512; 3]];

pub(super) fn vgg11() -> Vec<PublishedForm> {
    forms(
        &VGG11,
        false,
        "timm/vgg11.tv_in1k",
        "vgg11-8a719046",
        "8a719046",
    )
}

pub(super) fn vgg11_bn() -> Vec<PublishedForm> {
    forms(
        &VGG11,
        true,
        "timm/vgg11_bn.tv_in1k",
        "vgg11_bn-6002323d",
        "6002323d",
    )
}

pub(super) fn vgg16() -> Vec<PublishedForm> {
    forms(
        &VGG16,
        false,
        "timm/vgg16.tv_in1k",
        "vgg16-397923af",
        "397923af",
    )
}

pub(super) fn vgg16_bn() -> Vec<PublishedForm> {
    forms(
        &VGG16,
        true,
        "timm/vgg16_bn.tv_in1k",
        "vgg16_bn-6c64b313",
        "6c64b313",
    )
}

fn forms(
    blocks: &[&[usize]],
    has_norms: bool,
    timm: &'static str,
    torchvision: &'static str,
    sha256: &'static str,
) -> Vec<PublishedForm> {
    let dense = |names: [&str; 3]| network(blocks, has_norms, names);
    vec![
        PublishedForm::new(
            Scheme::Timm,
            dense(["pre_logits.fc1", "pre_logits.fc2", "head.fc"]),
            [KnownWeights::timm(timm, "", Preparation::BILINEAR).with_licence("BSD-3-Clause")],
        ),
        PublishedForm::new(
            Scheme::Torchvision,
            dense(["classifier.0", "classifier.3", "classifier.6"]),
            [KnownWeights::torchvision(
                torchvision,
                sha256,
                Preparation::BILINEAR,
            )],
        ),
    ]
}

fn network(blocks: &[&[usize]], has_norms: bool, [first, second, head]: [&str; 3]) -> Stack {
    let relu = Activation::Relu;
    let mut stack = Stack::new();
    // The index in the sequence `features`, which counts activations and pools too.
    let mut at = 0;
    for filters in blocks.iter().copied() {
        for &filters in filters {
            let conv = Conv2dLayer::new(filters, 3).with_padding(1);
            stack = stack.named(format!("features.{at}"), conv);
            at += 1;
            if has_norms {
                stack = stack.named(format!("features.{at}"), BatchNormLayer::default());
                at += 1;
            }
            stack = stack.layer(relu);
            at += 1;
        }
        stack = stack.layer(MaxPool2dLayer::new(2));
        at += 1;
    }
    stack
        .layer(AdaptiveAvgPool2dLayer::new(GRID))
        .layer(FlattenLayer::default())
        .named(first, LinearLayer::new(UNITS).with_activation(relu))
        .layer(DropoutLayer { rate: 0.5 })
        .named(second, LinearLayer::new(UNITS).with_activation(relu))
        .layer(DropoutLayer { rate: 0.5 })
        .named(head, LinearLayer::classes())
}

#[cfg(test)]
mod tests {
    use crate::presets::{default_input, preset};

    #[test]
    fn parameters_are_those_that_torchvision_publishes() {
        for (name, params) in [
            ("vgg11", 132_863_336),
            ("vgg11_bn", 132_868_840),
            ("vgg16", 138_357_544),
            ("vgg16_bn", 138_365_992),
        ] {
            let config = preset(name, default_input(name)).unwrap();
            let plan = config.with_classes(1000).plan().unwrap();
            assert_eq!(plan.total.params, params, "{name}");
        }
    }
}
