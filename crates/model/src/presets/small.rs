use crate::{Activation, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer, MaxPool2dLayer};
use crate::{ModelConfig, Padding};

pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let relu = Activation::Relu;
    config
        .layer(
            Conv2dLayer::new(32, 3)
                .with_padding(Padding::Same)
                .with_activation(relu),
        )
        .layer(MaxPool2dLayer::new(2))
        .layer(
            Conv2dLayer::new(64, 3)
                .with_padding(Padding::Same)
                .with_activation(relu),
        )
        .layer(MaxPool2dLayer::new(2))
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.25 })
        .layer(LinearLayer::new(128).with_activation(relu))
        .layer(DropoutLayer { rate: 0.5 })
        .layer(LinearLayer::classes())
}
