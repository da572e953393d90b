use crate::{Activation, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer, ModelConfig, Padding};

/// A chain of equal convolutions, as receptive fields are studied on.
pub(super) fn layers(config: ModelConfig, convolutions: usize) -> ModelConfig {
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
