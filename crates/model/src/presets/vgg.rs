use crate::{Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer};
use crate::{MaxPool2dLayer, ModelConfig, Padding};

/// After Simonyan and Zisserman 2015, cut to the size of CIFAR's images.
pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let mut config = config;
    for filters in [64, 128, 256] {
        for _ in 0..2 {
            config = config
                .layer(
                    Conv2dLayer::new(filters, 3)
                        .with_padding(Padding::Same)
                        .with_bias(false),
                )
                .layer(BatchNormLayer::default())
                .layer(Activation::Relu);
        }
        config = config.layer(MaxPool2dLayer::new(2));
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}
