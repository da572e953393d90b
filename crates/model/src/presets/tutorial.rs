use crate::{Activation, Conv2dLayer, FlattenLayer, LinearLayer, MaxPool2dLayer};
use crate::{ModelConfig, Padding};

pub(super) fn layers(config: ModelConfig) -> ModelConfig {
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
