//! The networks that receptive trains from scratch.

use crate::config::ModelConfig;
use crate::geometry::Padding;
use crate::layers::{
    Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, GlobalAvgPool2dLayer,
    LinearLayer, MaxPool2dLayer, ResidualLayer,
};

/// Maximum number of convolutions of `plain-N`.
pub(super) const MAX_PLAIN: usize = 200;

/// The network with this name: its layers appended to those of `empty`.
pub(super) fn network(name: &str, empty: ModelConfig) -> Option<ModelConfig> {
    Some(match name {
        "tutorial" => tutorial(empty),
        "small" => stages(empty, 16, 128),
        "accurate" => stages(empty, 32, 256),
        "vgg" => vgg(empty),
        "resnet" => resnet(empty),
        _ => {
            let count = name.strip_prefix("plain-")?.parse().ok()?;
            (1..=MAX_PLAIN)
                .contains(&count)
                .then(|| plain(empty, count))?
        }
    })
}

/// A chain of equal convolutions, for studying receptive fields.
fn plain(config: ModelConfig, convolutions: usize) -> ModelConfig {
    let mut config = config;
    for _ in 0..convolutions {
        config = config.layer(
            Conv2dLayer::new(32, 3)
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu),
        );
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}

fn tutorial(config: ModelConfig) -> ModelConfig {
    let relu = Activation::Relu;
    config
        .layer(
            Conv2dLayer::new(16, 3)
                .with_padding(Padding::Same)
                .with_activation(relu),
        )
        .layer(MaxPool2dLayer::new(2))
        .layer(FlattenLayer::default())
        .layer(LinearLayer::new(64).with_activation(relu))
        .layer(LinearLayer::classes())
}

/// Maps of at most this height and width are not halved further.
const SMALL_MAP: usize = 7;

/// Without a bias, because a batch norm follows.
fn conv_same(filters: usize) -> Conv2dLayer {
    Conv2dLayer::new(filters, 3)
        .with_padding(Padding::Same)
        .with_bias(false)
}

/// Stages of a convolution, a pool and a residual block of two convolutions until the maps are
/// small, after a convolution with `filters`; each stage has twice as many, up to `max_filters`.
/// With 64 filters at first it is like the nine-layer residual network with which David Page
/// trained CIFAR-10 quickly ("How to Train Your ResNet", 2018).
///
/// Pooling comes before batch norm and ReLU: the maximum commutes with ReLU, and both then process
/// a quarter of the values.
fn stages(config: ModelConfig, filters: usize, max_filters: usize) -> ModelConfig {
    let mut size = [config.input.height, config.input.width];
    let mut config = normalized(config.layer(conv_same(filters)));
    let mut filters = filters;
    loop {
        filters = (2 * filters).min(max_filters);
        let pool = size.map(|side| if side > SMALL_MAP { 2 } else { 1 });
        config = config.layer(conv_same(filters));
        if pool != [1, 1] {
            config = config.layer(MaxPool2dLayer::new(pool));
        }
        config = normalized(config).layer(block(filters));
        size = [size[0] / pool[0], size[1] / pool[1]];
        if size.iter().all(|side| *side <= SMALL_MAP) {
            break;
        }
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(DropoutLayer { rate: 0.2 })
        .layer(LinearLayer::classes())
}

fn normalized(config: ModelConfig) -> ModelConfig {
    config
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
}

fn block(filters: usize) -> ResidualLayer {
    ResidualLayer::new()
        .layer(conv_same(filters))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(conv_same(filters))
        .layer(BatchNormLayer::default())
        .with_activation(Activation::Relu)
}

/// After Simonyan and Zisserman 2015, reduced for CIFAR's image size.
fn vgg(config: ModelConfig) -> ModelConfig {
    let mut config = config;
    for filters in [64, 128, 256] {
        for _ in 0..2 {
            config = config
                .layer(conv_same(filters))
                .layer(BatchNormLayer::default())
                .layer(Activation::Relu);
        }
        config = config.layer(MaxPool2dLayer::new(2));
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}

/// After He et al. 2016: the 14-layer member of their CIFAR family (n = 2), with projections.
fn resnet(config: ModelConfig) -> ModelConfig {
    let mut config = config
        .layer(conv_same(16))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu);
    let mut channels = 16;
    for (filters, strides) in [(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)] {
        config = config.layer(resnet_block(channels, filters, strides));
        channels = filters;
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}

fn resnet_block(channels: usize, filters: usize, strides: usize) -> ResidualLayer {
    let block = ResidualLayer::new()
        .layer(conv_same(filters).with_strides(strides))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(conv_same(filters))
        .layer(BatchNormLayer::default())
        .with_activation(Activation::Relu);
    if channels == filters && strides == 1 {
        return block;
    }
    block
        .projection(
            Conv2dLayer::new(filters, 1)
                .with_strides(strides)
                .with_bias(false),
        )
        .projection(BatchNormLayer::default())
}
