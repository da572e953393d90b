use crate::{Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer};
use crate::{ModelConfig, Padding, ResidualLayer};

/// After He et al. 2016: the 14-layer member of their CIFAR family (n = 2), with projections.
pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let mut config = config
        .layer(conv(16, 1))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu);
    let mut channels = 16;
    for (filters, strides) in [(16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)] {
        config = config.layer(block(channels, filters, strides));
        channels = filters;
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}

fn conv(filters: usize, strides: usize) -> Conv2dLayer {
    Conv2dLayer::new(filters, 3)
        .with_strides(strides)
        .with_padding(Padding::Same)
        .with_bias(false)
}

fn block(channels: usize, filters: usize, strides: usize) -> ResidualLayer {
    let block = ResidualLayer::new()
        .layer(conv(filters, strides))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(conv(filters, 1))
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
