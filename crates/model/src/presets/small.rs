use crate::{Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer};
use crate::{MaxPool2dLayer, ModelConfig, Padding};

/// Pooling comes before batch norm and ReLU: the maximum commutes with ReLU, and both then work on
/// a quarter of the values.
pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let mut config = config;
    for filters in [32, 64] {
        config = config
            .layer(
                Conv2dLayer::new(filters, 3)
                    .with_padding(Padding::Same)
                    .with_bias(false),
            )
            .layer(MaxPool2dLayer::new(2))
            .layer(BatchNormLayer::default())
            .layer(Activation::Relu);
    }
    config
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.4 })
        .layer(LinearLayer::new(128).with_activation(Activation::Relu))
        .layer(DropoutLayer { rate: 0.3 })
        .layer(LinearLayer::classes())
}
