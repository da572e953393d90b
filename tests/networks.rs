//! Networks that several promises are tested on.

use receptive_model::{
    Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer,
    GlobalAvgPool2dLayer, ImageSize, LinearLayer, MaxPool2dLayer, ModelConfig, Padding,
    ResidualLayer, presets,
};

/// Every preset and [`every_kind`], each with its name, for ten classes.
pub(crate) fn all() -> Vec<(String, ModelConfig)> {
    let mut all: Vec<(String, ModelConfig)> =
        ["tutorial", "small", "accurate", "vgg", "resnet", "plain-6"]
            .map(|name| {
                let preset = presets::preset(name, presets::default_input(name)).unwrap();
                (name.to_string(), preset.with_classes(10))
            })
            .into();
    let odd = ImageSize {
        channels: 3,
        height: 37,
        width: 45,
    };
    let small = presets::preset("small", odd).unwrap().with_classes(7);
    all.push(("small, 3x37x45".into(), small));
    all.push(("every kind".into(), every_kind()));
    all
}

/// Every kind of layer, activation and setting: strides that do not divide, dilation, groups, even
/// kernels, padding that is not the same on both sides, averages over a padded border, residuals
/// within residuals, batch norm on rows.
pub(crate) fn every_kind() -> ModelConfig {
    let inner = ResidualLayer::new()
        .layer(
            Conv2dLayer::new(12, 3)
                .with_padding(Padding::Same)
                .with_groups(3),
        )
        .layer(Activation::Tanh);
    let outer = ResidualLayer::new()
        .layer(
            Conv2dLayer::new(12, [3, 5])
                .with_padding(Padding::Same)
                .with_strides([2, 1])
                .with_bias(false),
        )
        .layer(BatchNormLayer {
            epsilon: 1e-3,
            momentum: 0.2,
        })
        .layer(inner)
        .layer(DropoutLayer { rate: 0.1 })
        .projection(Conv2dLayer::new(12, 1).with_strides([2, 1]))
        .with_activation(Activation::LEAKY_RELU);
    let flat = ResidualLayer::new()
        .layer(LinearLayer::new(12).with_activation(Activation::Relu))
        .layer(LinearLayer::new(12));
    ModelConfig::new(2, 23, 30)
        .with_classes(5)
        .layer(
            Conv2dLayer::new(6, 4)
                .with_padding(Padding::Same)
                .with_activation(Activation::Gelu),
        )
        .layer(
            MaxPool2dLayer::new(2)
                .with_strides(1)
                .with_padding(Padding::Same),
        )
        .layer(
            Conv2dLayer::new(12, 3)
                .with_padding(2)
                .with_dilation(2)
                .with_strides([1, 2])
                .with_activation(Activation::Sigmoid),
        )
        .layer(BatchNormLayer::default())
        .layer(
            MaxPool2dLayer::new(3)
                .with_strides(1)
                .with_dilation(2)
                .with_padding(Padding::Same),
        )
        .layer(AvgPool2dLayer::new(3).with_strides(2).with_padding(1))
        .layer(
            AvgPool2dLayer::new(2)
                .with_strides(1)
                .with_padding(Padding::Same),
        )
        .layer(outer)
        .layer(GlobalAvgPool2dLayer::default())
        .layer(flat)
        .layer(BatchNormLayer::default())
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.3 })
        .layer(LinearLayer::classes())
}
