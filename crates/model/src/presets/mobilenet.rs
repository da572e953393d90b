//! MobileNetV2 (Sandler et al. 2018), MobileNetV3 (Howard et al. 2019) and MNASNet-B1 (Tan et al.
//! 2019). torchvision's MobileNetV3 uses a different epsilon from timm's.

use super::inverted::{
    Block, BlockNames, InvertedNetwork, Names, Place, Style, TIMM, torchvision_block,
};
use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use crate::layers::Activation;

const STYLE: Style = Style {
    epsilon: 1e-5,
    is_same: false,
    gate: [Activation::Relu, Activation::HardSigmoid],
};
const FIRST: Preparation = Preparation::BILINEAR;
const SECOND: Preparation = Preparation::BILINEAR.with_crop(0.965);

/// The `gate` of networks without gates.
fn without_gates(_: usize) -> usize {
    0
}

pub(super) fn mobilenetv2_100() -> Vec<PublishedForm> {
    let rows = [
        [1, 3, 1, 1, 16],
        [2, 3, 2, 6, 24],
        [3, 3, 2, 6, 32],
        [4, 3, 2, 6, 64],
        [3, 3, 1, 6, 96],
        [3, 3, 2, 6, 160],
        [1, 3, 1, 6, 320],
    ];
    let network = InvertedNetwork::from_rows(STYLE, &rows, Activation::Relu6, without_gates);
    let torchvision = Names {
        stem: ["features.0.0", "features.0.1"],
        block: mobilenetv2_block,
        last: ["features.18.0", "features.18.1"],
        hidden: "",
        classifier: "classifier.1",
    };
    vec![
        PublishedForm::new(
            Scheme::Timm,
            network.stack(&TIMM),
            [KnownWeights::timm(
                "timm/mobilenetv2_100.ra_in1k",
                "b33bc2c4",
                Preparation::BICUBIC,
            )],
        ),
        PublishedForm::new(
            Scheme::Torchvision,
            network.stack(&torchvision),
            [
                KnownWeights::torchvision("mobilenet_v2-7ebf99e0", "7ebf99e0", SECOND),
                KnownWeights::torchvision("mobilenet_v2-b0353104", "b0353104", FIRST),
            ],
        ),
    ]
}

/// In torchvision the last convolution of a block and its batch norm are not in a sequence of their
/// own.
fn mobilenetv2_block(place: &Place) -> BlockNames {
    let block = format!("features.{}.conv", place.index + 1);
    let narrow = 1 + usize::from(place.widens);
    BlockNames {
        narrow: [narrow, narrow + 1].map(|step| format!("{block}.{step}")),
        ..torchvision_block(&block, place)
    }
}

pub(super) fn mnasnet_100() -> Vec<PublishedForm> {
    let rows = [
        [1, 3, 1, 1, 16],
        [3, 3, 2, 3, 24],
        [3, 5, 2, 3, 40],
        [3, 5, 2, 6, 80],
        [2, 3, 1, 6, 96],
        [4, 5, 2, 6, 192],
        [1, 3, 1, 6, 320],
    ];
    let network = InvertedNetwork::from_rows(STYLE, &rows, Activation::Relu, without_gates);
    let torchvision = Names {
        stem: ["layers.0", "layers.1"],
        block: mnasnet_block,
        last: ["layers.14", "layers.15"],
        hidden: "",
        classifier: "classifier.1",
    };
    vec![
        PublishedForm::new(
            Scheme::Timm,
            network.stack(&TIMM),
            [KnownWeights::timm(
                "timm/mnasnet_100.rmsp_in1k",
                "74cb7081",
                Preparation::BICUBIC,
            )],
        ),
        PublishedForm::new(
            Scheme::Torchvision,
            network.stack(&torchvision),
            [KnownWeights::torchvision(
                "mnasnet1.0_top1_73.512-f206786ef8",
                "f206786ef8",
                FIRST,
            )],
        ),
    ]
}

/// In torchvision the layers of the first block are in the network's own sequence.
fn mnasnet_block(place: &Place) -> BlockNames {
    let block = match place.stage {
        0 => "layers".into(),
        stage => format!("layers.{}.{}.layers", stage + 7, place.block),
    };
    let at = |step: usize| [step, step + 1].map(|step| format!("{block}.{step}"));
    BlockNames {
        widen: at(0),
        depthwise: at(3),
        gate: at(0),
        narrow: at(6),
    }
}

/// A block of MobileNetV3: kernel, stride, channels within, filters, whether it has a gate.
type Row3 = (usize, usize, usize, usize, bool);

/// Stages of these blocks; those from `hard` on use hard swish.
fn stages3(rows: &[&[Row3]], hard: usize) -> Vec<Vec<Block>> {
    let mut index = 0;
    let mut block = |&(kernel, strides, wide, filters, is_gated): &Row3| {
        index += 1;
        Block {
            kernel,
            strides,
            wide,
            filters,
            gate: if is_gated { divisible(wide / 4) } else { 0 },
            activation: match index > hard {
                true => Activation::HardSwish,
                false => Activation::Relu,
            },
        }
    };
    rows.iter()
        .map(|rows| rows.iter().map(&mut block).collect())
        .collect()
}

/// The nearest multiple of 8, but at most a tenth smaller.
fn divisible(channels: usize) -> usize {
    let nearest = ((channels + 4) / 8 * 8).max(8);
    if 10 * nearest < 9 * channels {
        nearest + 8
    } else {
        nearest
    }
}

pub(super) fn mobilenetv3_small_100() -> Vec<PublishedForm> {
    let rows: [&[Row3]; 5] = [
        &[(3, 2, 16, 16, true)],
        &[(3, 2, 72, 24, false), (3, 1, 88, 24, false)],
        &[
            (5, 2, 96, 40, true),
            (5, 1, 240, 40, true),
            (5, 1, 240, 40, true),
        ],
        &[(5, 1, 120, 48, true), (5, 1, 144, 48, true)],
        &[
            (5, 2, 288, 96, true),
            (5, 1, 576, 96, true),
            (5, 1, 576, 96, true),
        ],
    ];
    mobilenetv3(
        stages3(&rows, 3),
        [576, 1024],
        ["blocks.5.0.conv", "blocks.5.0.bn1"],
        ["features.12.0", "features.12.1"],
        KnownWeights::timm(
            "timm/mobilenetv3_small_100.lamb_in1k",
            "266a294c",
            Preparation::BICUBIC,
        ),
        vec![KnownWeights::torchvision(
            "mobilenet_v3_small-047dcff4",
            "047dcff4",
            FIRST,
        )],
    )
}

pub(super) fn mobilenetv3_large_100() -> Vec<PublishedForm> {
    let rows: [&[Row3]; 6] = [
        &[(3, 1, 16, 16, false)],
        &[(3, 2, 64, 24, false), (3, 1, 72, 24, false)],
        &[
            (5, 2, 72, 40, true),
            (5, 1, 120, 40, true),
            (5, 1, 120, 40, true),
        ],
        &[
            (3, 2, 240, 80, false),
            (3, 1, 200, 80, false),
            (3, 1, 184, 80, false),
            (3, 1, 184, 80, false),
        ],
        &[(3, 1, 480, 112, true), (3, 1, 672, 112, true)],
        &[
            (5, 2, 672, 160, true),
            (5, 1, 960, 160, true),
            (5, 1, 960, 160, true),
        ],
    ];
    mobilenetv3(
        stages3(&rows, 6),
        [960, 1280],
        ["blocks.6.0.conv", "blocks.6.0.bn1"],
        ["features.16.0", "features.16.1"],
        KnownWeights::timm(
            "timm/mobilenetv3_large_100.ra_in1k",
            "f55367f5",
            Preparation::BICUBIC,
        ),
        vec![
            KnownWeights::torchvision("mobilenet_v3_large-5c1a4163", "5c1a4163", SECOND),
            KnownWeights::torchvision("mobilenet_v3_large-8738ca79", "8738ca79", FIRST),
        ],
    )
}

fn mobilenetv3(
    stages: Vec<Vec<Block>>,
    [last, hidden]: [usize; 2],
    timm_last: [&'static str; 2],
    torchvision_last: [&'static str; 2],
    timm: KnownWeights,
    torchvision: Vec<KnownWeights>,
) -> Vec<PublishedForm> {
    let hard_swish = Activation::HardSwish;
    let network = InvertedNetwork {
        style: STYLE,
        stem: (16, hard_swish),
        stages,
        last: (last, hard_swish),
        hidden: Some((hidden, hard_swish)),
        dropout: 0.2,
        stochastic_depth: 0.0,
    };
    let other_epsilon = InvertedNetwork {
        style: Style {
            epsilon: 1e-3,
            ..STYLE
        },
        ..network.clone()
    };
    let timm_names = Names {
        last: timm_last,
        hidden: "conv_head",
        ..TIMM
    };
    let torchvision_names = Names {
        stem: ["features.0.0", "features.0.1"],
        block: |place| torchvision_block(&format!("features.{}.block", place.index + 1), place),
        last: torchvision_last,
        hidden: "classifier.0",
        classifier: "classifier.3",
    };
    vec![
        PublishedForm::new(Scheme::Timm, network.stack(&timm_names), [timm]),
        PublishedForm::new(
            Scheme::Torchvision,
            other_epsilon.stack(&torchvision_names),
            torchvision,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::presets::{default_input, preset};

    #[test]
    fn parameters_are_those_that_torchvision_publishes() {
        for (name, params) in [
            ("mobilenetv2_100", 3_504_872),
            ("mobilenetv3_small_100", 2_542_856),
            ("mobilenetv3_large_100", 5_483_032),
            ("mnasnet_100", 4_383_312),
        ] {
            let config = preset(name, default_input(name)).unwrap();
            let plan = config.with_classes(1000).plan().unwrap();
            assert_eq!(plan.total.params, params, "{name}");
        }
    }
}
