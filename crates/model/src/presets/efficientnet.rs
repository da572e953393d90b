//! EfficientNet-B0 (Tan and Le 2019) and EfficientNet-Lite (Liu 2020), which has no gates and uses
//! ReLU6. Networks trained in TensorFlow (in timm those whose names begin with `tf_`) have its
//! padding and epsilon.

use super::inverted::{InvertedNetwork, LUKEMELAS, Names, Row, Style, TIMM, torchvision_block};
use super::published::{KnownWeights, Preparation, PublishedForm, Scheme};
use crate::layers::Activation;

/// EfficientNet-B0.
const ROWS: [Row; 7] = [
    [1, 3, 1, 1, 16],
    [2, 3, 2, 6, 24],
    [2, 5, 2, 6, 40],
    [3, 3, 2, 6, 80],
    [3, 5, 1, 6, 112],
    [4, 5, 2, 6, 192],
    [1, 3, 1, 6, 320],
];

/// The styles of timm's own training and of TensorFlow.
const OWN: Style = Style {
    epsilon: 1e-5,
    is_same: false,
    gate: [Activation::Silu, Activation::Sigmoid],
};
const TENSORFLOW: Style = Style {
    epsilon: 1e-3,
    is_same: true,
    ..OWN
};

const TORCHVISION: Names = Names {
    stem: ["features.0.0", "features.0.1"],
    block: |place| {
        let block = format!("features.{}.{}.block", place.stage + 1, place.block);
        torchvision_block(&block, place)
    },
    last: ["features.8.0", "features.8.1"],
    hidden: "",
    classifier: "classifier.1",
};

fn b0(style: Style) -> InvertedNetwork {
    network(style, &ROWS, Activation::Silu, true, 0.2)
}

fn network(
    style: Style,
    rows: &[Row],
    activation: Activation,
    is_gated: bool,
    dropout: f64,
) -> InvertedNetwork {
    // A quarter of the block's input channels, not of those that the gate scales.
    let gate = |channels: usize| if is_gated { channels / 4 } else { 0 };
    InvertedNetwork {
        dropout,
        stochastic_depth: 0.2,
        ..InvertedNetwork::from_rows(style, rows, activation, gate)
    }
}

pub(super) fn efficientnet_b0() -> Vec<PublishedForm> {
    let network = b0(OWN);
    vec![
        PublishedForm::new(
            Scheme::Timm,
            network.stack(&TIMM),
            [KnownWeights::timm(
                "timm/efficientnet_b0.ra_in1k",
                "3dd342df",
                Preparation::BICUBIC,
            )],
        ),
        PublishedForm::new(
            Scheme::Torchvision,
            network.stack(&TORCHVISION),
            [KnownWeights::torchvision(
                "efficientnet_b0_rwightman-7f5810bc",
                "7f5810bc",
                Preparation::BICUBIC,
            )],
        ),
    ]
}

pub(super) fn tf_efficientnet_b0() -> Vec<PublishedForm> {
    let network = b0(TENSORFLOW);
    vec![
        PublishedForm::new(
            Scheme::Timm,
            network.stack(&TIMM),
            [KnownWeights::timm(
                "timm/tf_efficientnet_b0.ns_jft_in1k",
                "c0e6a31c",
                Preparation::BICUBIC,
            )],
        ),
        PublishedForm::new(
            Scheme::Lukemelas,
            network.stack(&LUKEMELAS),
            [KnownWeights::timm(
                "efficientnet-b0-355c32eb",
                "355c32eb",
                Preparation::BICUBIC,
            )],
        ),
    ]
}

/// Where the members of the Lite family differ.
struct Lite {
    /// Repeats and filters of the seven stages. The stem, the last convolution and the repeats of
    /// the first and the last stage are the same in all.
    repeats: [usize; 7],
    filters: [usize; 7],
    dropout: f64,
    /// The input of timm's weights; TensorFlow's use another mean.
    preparation: Preparation,
}

/// EfficientNet-Lite0 to Lite2: depth factors 1, 1.1 and 1.2, width factors 1, 1 and 1.1.
const LITE: [Lite; 3] = [
    Lite {
        repeats: [1, 2, 2, 3, 3, 4, 1],
        filters: [16, 24, 40, 80, 112, 192, 320],
        dropout: 0.2,
        preparation: Preparation::BICUBIC,
    },
    Lite {
        repeats: [1, 3, 3, 4, 4, 5, 1],
        filters: [16, 24, 40, 80, 112, 192, 320],
        dropout: 0.2,
        preparation: Preparation::BICUBIC.with_size(240).with_crop(0.882),
    },
    Lite {
        repeats: [1, 3, 3, 4, 4, 5, 1],
        filters: [16, 24, 48, 88, 120, 208, 352],
        dropout: 0.3,
        preparation: Preparation::BICUBIC.with_size(260).with_crop(0.89),
    },
];

impl Lite {
    fn network(&self, style: Style) -> InvertedNetwork {
        let mut rows = ROWS;
        for (row, (repeats, filters)) in rows.iter_mut().zip(self.repeats.iter().zip(self.filters))
        {
            (row[0], row[4]) = (*repeats, filters);
        }
        network(style, &rows, Activation::Relu6, false, self.dropout)
    }

    /// `(pixel - 127) / 128`.
    fn tensorflow(&self) -> Preparation {
        Preparation {
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
            ..self.preparation
        }
    }

    /// Luke Melas-Kyriazi's names; the weights are TensorFlow's.
    fn lukemelas(&self, name: &'static str, sha256: &'static str) -> PublishedForm {
        PublishedForm::new(
            Scheme::Lukemelas,
            self.network(TENSORFLOW).stack(&LUKEMELAS),
            [KnownWeights::timm(name, sha256, self.tensorflow())],
        )
    }

    fn timm(&self, style: Style, weights: KnownWeights) -> PublishedForm {
        PublishedForm::new(Scheme::Timm, self.network(style).stack(&TIMM), [weights])
    }
}

const LUKEMELAS_WEIGHTS: [(&str, &str); 3] = [
    ("efficientnet-lite0-57934424", "57934424"),
    ("efficientnet-lite1-77cc7160", "77cc7160"),
    ("efficientnet-lite2-9656183e", "9656183e"),
];

fn lite(size: usize, name: &'static str, sha256: &'static str) -> Vec<PublishedForm> {
    let lite = &LITE[size];
    let weights = KnownWeights::timm(name, sha256, lite.preparation);
    let (other, other_sha256) = LUKEMELAS_WEIGHTS[size];
    vec![lite.timm(OWN, weights), lite.lukemelas(other, other_sha256)]
}

fn tf_lite(size: usize, name: &'static str, sha256: &'static str) -> Vec<PublishedForm> {
    let lite = &LITE[size];
    let weights = KnownWeights::timm(name, sha256, lite.preparation.centred());
    let (other, other_sha256) = LUKEMELAS_WEIGHTS[size];
    vec![
        lite.timm(TENSORFLOW, weights),
        lite.lukemelas(other, other_sha256),
    ]
}

pub(super) fn efficientnet_lite0() -> Vec<PublishedForm> {
    lite(0, "timm/efficientnet_lite0.ra_in1k", "37913777")
}

pub(super) fn efficientnet_lite1() -> Vec<PublishedForm> {
    lite(1, "timm/efficientnet_lite1", "")
}

pub(super) fn efficientnet_lite2() -> Vec<PublishedForm> {
    lite(2, "timm/efficientnet_lite2", "")
}

pub(super) fn tf_efficientnet_lite0() -> Vec<PublishedForm> {
    tf_lite(0, "timm/tf_efficientnet_lite0.in1k", "0aa007d2")
}

pub(super) fn tf_efficientnet_lite1() -> Vec<PublishedForm> {
    tf_lite(1, "timm/tf_efficientnet_lite1.in1k", "bde8b488")
}

pub(super) fn tf_efficientnet_lite2() -> Vec<PublishedForm> {
    tf_lite(2, "timm/tf_efficientnet_lite2.in1k", "dcccb7df")
}

#[cfg(test)]
mod tests {
    use crate::presets::{default_input, preset};

    #[test]
    fn parameters_are_those_of_pytorch() {
        for (name, params) in [
            ("efficientnet_b0", 5_288_548),
            ("tf_efficientnet_b0", 5_288_548),
            ("efficientnet_lite0", 4_652_008),
            ("tf_efficientnet_lite0", 4_652_008),
            ("tf_efficientnet_lite1", 5_416_680),
            ("tf_efficientnet_lite2", 6_092_072),
        ] {
            let config = preset(name, default_input(name)).unwrap();
            let plan = config.with_classes(1000).plan().unwrap();
            assert_eq!(plan.total.params, params, "{name}");
        }
    }
}
