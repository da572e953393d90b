//! Theoretical fields of published networks: Araujo, Norris, Sim, "Computing receptive fields of
//! convolutional neural networks" (Distill, 2019).

use crate::nets::plan;
use receptive_model::{
    Activation, Conv2dLayer, MaxPool2dLayer, ModelConfig, Padding, Plan, ResidualLayer,
};

fn field(plan: &Plan) -> (i64, i64) {
    let last = receptive_erf::default_layer(plan).unwrap();
    (last.trf[0].size(), last.trf[0].stride)
}

fn vgg16() -> ModelConfig {
    let mut config = ModelConfig::new(3, 224, 224);
    for (stage, convolutions) in [2, 2, 3, 3, 3].into_iter().enumerate() {
        for _ in 0..convolutions {
            config = config.layer(
                Conv2dLayer::new(8, 3)
                    .with_padding(Padding::Same)
                    .with_activation(Activation::Relu),
            );
        }
        if stage < 4 {
            config = config.layer(MaxPool2dLayer::new(2));
        }
    }
    config
}

/// Bottlenecks whose 3x3 has the stride, as in the version that the table is of (`first` false), or
/// whose first 1x1 has it.
fn resnet(blocks: [usize; 4]) -> ModelConfig {
    let pad =
        |layer: Conv2dLayer, pixels: usize| layer.with_padding(Padding::Pixels(pixels.into()));
    let mut config = ModelConfig::new(3, 224, 224)
        .layer(pad(Conv2dLayer::new(8, 7).with_strides(2), 3))
        .layer(
            MaxPool2dLayer::new(3)
                .with_strides(2)
                .with_padding(Padding::Pixels(1.into())),
        );
    for (stage, count) in blocks.into_iter().enumerate() {
        for block in 0..count {
            // TF-Slim's ResNet v1: the last block of a stage has the stride.
            let stride = if block + 1 == count && stage < 3 {
                2
            } else {
                1
            };
            let layer = ResidualLayer::new()
                .layer(Conv2dLayer::new(8, 1))
                .layer(pad(Conv2dLayer::new(8, 3).with_strides(stride), 1))
                .layer(Conv2dLayer::new(8, 1))
                .projection(Conv2dLayer::new(8, 1).with_strides(stride));
            config = config.layer(layer);
        }
    }
    config
}

#[test]
fn vgg_16_and_resnets_have_the_published_fields() {
    assert_eq!(field(&plan(vgg16())).0, 196);
    assert_eq!(field(&plan(resnet([3, 4, 6, 3]))), (483, 32));
    assert_eq!(field(&plan(resnet([3, 4, 23, 3]))), (1027, 32));
}
