use crate::{Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer};
use crate::{MaxPool2dLayer, ModelConfig, Padding};

/// Maps that are no higher or wider than this are not halved any more.
const SMALL_MAP: usize = 7;

/// Convolutions and pools until the maps are small, then a convolution that sees most of them.
///
/// Pooling comes before batch norm and ReLU: the maximum commutes with ReLU, and both then work on
/// a quarter of the values.
pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let mut size = [config.input.height, config.input.width];
    let mut filters = 32;
    let mut config = config;
    while size.iter().any(|side| *side > SMALL_MAP) {
        let pool = size.map(|side| if side > SMALL_MAP { 2 } else { 1 });
        config = config
            .layer(conv(filters).with_padding(Padding::Same))
            .layer(MaxPool2dLayer::new(pool))
            .layer(BatchNormLayer::default())
            .layer(Activation::Relu);
        size = [size[0] / pool[0], size[1] / pool[1]];
        filters = (2 * filters).min(128);
    }
    let shortest = size[0].min(size[1]);
    let padding = if shortest < 3 {
        Padding::Same
    } else {
        Padding::Valid
    };
    config
        .layer(conv(filters).with_padding(padding))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.4 })
        .layer(LinearLayer::new(128).with_activation(Activation::Relu))
        .layer(DropoutLayer { rate: 0.3 })
        .layer(LinearLayer::classes())
}

/// Batch norm follows and has the bias.
fn conv(filters: usize) -> Conv2dLayer {
    Conv2dLayer::new(filters, 3).with_bias(false)
}
