use crate::{Activation, BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer};
use crate::{DropoutLayer, MaxPool2dLayer, ModelConfig, Padding, ResidualLayer};

/// Maps that are no higher or wider than this are not halved any more.
const SMALL_MAP: usize = 7;

/// Stages of a convolution, a pool and a residual block of two convolutions until the maps are small:
/// after the nine-layer residual network with which David Page trained CIFAR-10 quickly ("How to
/// Train Your ResNet", 2018), half as wide. Pooling comes before batch norm, as in `small`.
pub(super) fn layers(config: ModelConfig) -> ModelConfig {
    let mut size = [config.input.height, config.input.width];
    let mut config = normalised(config.layer(conv(32)));
    let mut filters = 64;
    loop {
        let pool = size.map(|side| if side > SMALL_MAP { 2 } else { 1 });
        config = config.layer(conv(filters));
        if pool != [1, 1] {
            config = config.layer(MaxPool2dLayer::new(pool));
        }
        config = normalised(config).layer(block(filters));
        size = [size[0] / pool[0], size[1] / pool[1]];
        if size.iter().all(|side| *side <= SMALL_MAP) {
            break;
        }
        filters = (2 * filters).min(256);
    }
    config
        .layer(GlobalAvgPool2dLayer::default())
        .layer(DropoutLayer { rate: 0.2 })
        .layer(LinearLayer::classes())
}

/// Batch norm follows and has the bias.
fn conv(filters: usize) -> Conv2dLayer {
    Conv2dLayer::new(filters, 3)
        .with_padding(Padding::Same)
        .with_bias(false)
}

fn normalised(config: ModelConfig) -> ModelConfig {
    config
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
}

fn block(filters: usize) -> ResidualLayer {
    ResidualLayer::new()
        .layer(conv(filters))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(conv(filters))
        .layer(BatchNormLayer::default())
        .with_activation(Activation::Relu)
}
