//! ResNet (He et al. 2016, "Deep Residual Learning for Image Recognition"), with the stride in the
//! 3x3 convolution; ResNeXt (Xie et al. 2017) and wide ResNet (Zagoruyko and Komodakis 2016). timm
//! and torchvision agree on all names.

use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use super::stack::Stack;
use crate::layers::{
    Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer, MaxPool2dLayer,
};

const TIMM: Preparation = Preparation::BICUBIC.with_crop(0.95);
/// torchvision's first weights, and its second ones from a longer training.
const FIRST: Preparation = Preparation::BILINEAR;
const SECOND: Preparation = Preparation::BILINEAR.with_crop(0.965);

/// Where the members of the family differ.
struct Family {
    /// Blocks in each of the four stages.
    blocks: [usize; 4],
    kind: Block,
}

enum Block {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3 and 1x1, the last one four times as wide as the stage.
    Bottleneck {
        groups: usize,
        /// Filters of the 3x3 convolution in the first stage.
        width: usize,
    },
}

const PLAIN: Block = Block::Bottleneck {
    groups: 1,
    width: 64,
};

pub(super) fn resnet18() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [2, 2, 2, 2],
            kind: Block::Basic,
        },
        KnownWeights::timm("timm/resnet18.a1_in1k", "d63eafa0", TIMM),
        [KnownWeights::torchvision(
            "resnet18-f37072fd",
            "f37072fd",
            FIRST,
        )],
    )
}

pub(super) fn resnet34() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [3, 4, 6, 3],
            kind: Block::Basic,
        },
        KnownWeights::timm("timm/resnet34.a1_in1k", "46f8f793", TIMM),
        [KnownWeights::torchvision(
            "resnet34-b627a593",
            "b627a593",
            FIRST,
        )],
    )
}

pub(super) fn resnet50() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [3, 4, 6, 3],
            kind: PLAIN,
        },
        KnownWeights::timm("timm/resnet50.a1_in1k", "14fe96d1", TIMM),
        [
            KnownWeights::torchvision("resnet50-11ad3fa6", "11ad3fa6", SECOND),
            KnownWeights::torchvision("resnet50-0676ba61", "0676ba61", FIRST),
        ],
    )
}

pub(super) fn resnet101() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [3, 4, 23, 3],
            kind: PLAIN,
        },
        KnownWeights::timm("timm/resnet101.a1h_in1k", "36d3f2aa", TIMM),
        [
            KnownWeights::torchvision("resnet101-cd907fc2", "cd907fc2", SECOND),
            KnownWeights::torchvision("resnet101-63fe2227", "63fe2227", FIRST),
        ],
    )
}

pub(super) fn resnext50_32x4d() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [3, 4, 6, 3],
            kind: Block::Bottleneck {
                groups: 32,
                width: 128,
            },
        },
        KnownWeights::timm("timm/resnext50_32x4d.a1h_in1k", "0146ab0a", TIMM),
        [
            KnownWeights::torchvision("resnext50_32x4d-1a0047aa", "1a0047aa", SECOND),
            KnownWeights::torchvision("resnext50_32x4d-7cdf4587", "7cdf4587", FIRST),
        ],
    )
}

pub(super) fn wide_resnet50_2() -> Vec<PublishedForm> {
    forms(
        &Family {
            blocks: [3, 4, 6, 3],
            kind: Block::Bottleneck {
                groups: 1,
                width: 128,
            },
        },
        KnownWeights::timm(
            "timm/wide_resnet50_2.racm_in1k",
            "8234f177",
            Preparation::BICUBIC,
        ),
        [
            KnownWeights::torchvision("wide_resnet50_2-9ba9bcbe", "9ba9bcbe", SECOND),
            KnownWeights::torchvision("wide_resnet50_2-95faca4d", "95faca4d", FIRST),
        ],
    )
}

fn forms(
    family: &Family,
    timm: KnownWeights,
    torchvision: impl Into<Vec<KnownWeights>>,
) -> Vec<PublishedForm> {
    let stack = network(family);
    vec![
        PublishedForm::new(Scheme::Timm, stack.clone(), [timm]),
        PublishedForm::new(Scheme::Torchvision, stack, torchvision),
    ]
}

fn network(family: &Family) -> Stack {
    let stem = Conv2dLayer::new(64, 7)
        .with_strides(2)
        .with_padding(3)
        .with_bias(false);
    let mut stack = Stack::new()
        .named("conv1", stem)
        .named("bn1", BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(MaxPool2dLayer::new(3).with_strides(2).with_padding(1));
    let mut channels = 64;
    for (stage, blocks) in family.blocks.into_iter().enumerate() {
        let wide = 64 << stage;
        let filters = match family.kind {
            Block::Basic => wide,
            Block::Bottleneck { .. } => 4 * wide,
        };
        for block in 0..blocks {
            let name = format!("layer{}.{block}", stage + 1);
            let strides = if stage > 0 && block == 0 { 2 } else { 1 };
            let body = match family.kind {
                Block::Basic => basic(&name, filters, strides),
                Block::Bottleneck { groups, width } => {
                    bottleneck(&name, [width << stage, filters], groups, strides)
                }
            };
            let mut shortcut = Stack::new();
            if strides > 1 || channels != filters {
                let conv = Conv2dLayer::new(filters, 1).with_strides(strides);
                shortcut = shortcut
                    .named(format!("{name}.downsample.0"), conv.with_bias(false))
                    .named(format!("{name}.downsample.1"), BatchNormLayer::default());
            }
            stack = stack.residual(body, shortcut, Some(Activation::Relu));
            channels = filters;
        }
    }
    stack
        .layer(GlobalAvgPool2dLayer::default())
        .named("fc", LinearLayer::classes())
}

fn basic(name: &str, filters: usize, strides: usize) -> Stack {
    let conv = Conv2dLayer::new(filters, 3)
        .with_padding(1)
        .with_bias(false);
    Stack::new()
        .named(format!("{name}.conv1"), conv.clone().with_strides(strides))
        .named(format!("{name}.bn1"), BatchNormLayer::default())
        .layer(Activation::Relu)
        .named(format!("{name}.conv2"), conv)
        .named(format!("{name}.bn2"), BatchNormLayer::default())
}

fn bottleneck(name: &str, [width, filters]: [usize; 2], groups: usize, strides: usize) -> Stack {
    let narrow = Conv2dLayer::new(width, 1).with_bias(false);
    let middle = Conv2dLayer::new(width, 3)
        .with_padding(1)
        .with_strides(strides)
        .with_groups(groups)
        .with_bias(false);
    let wide = Conv2dLayer::new(filters, 1).with_bias(false);
    Stack::new()
        .named(format!("{name}.conv1"), narrow)
        .named(format!("{name}.bn1"), BatchNormLayer::default())
        .layer(Activation::Relu)
        .named(format!("{name}.conv2"), middle)
        .named(format!("{name}.bn2"), BatchNormLayer::default())
        .layer(Activation::Relu)
        .named(format!("{name}.conv3"), wide)
        .named(format!("{name}.bn3"), BatchNormLayer::default())
}

#[cfg(test)]
mod tests {
    use crate::presets::{default_input, preset};

    #[test]
    fn parameters_are_those_that_torchvision_publishes() {
        // torchvision's `num_params`.
        for (name, params) in [
            ("resnet18", 11_689_512),
            ("resnet34", 21_797_672),
            ("resnet50", 25_557_032),
            ("resnet101", 44_549_160),
            ("resnext50_32x4d", 25_028_904),
            ("wide_resnet50_2", 68_883_240),
        ] {
            let config = preset(name, default_input(name)).unwrap();
            let plan = config.with_classes(1000).plan().unwrap();
            assert_eq!(plan.total.params, params, "{name}");
        }
    }
}
