//! Networks used by several tests.

use receptive_model::{
    Activation, AdaptiveAvgPool2dLayer, AvgPool2dLayer, BatchNormLayer, BranchesLayer,
    ChannelScaleLayer, ChannelShuffleLayer, ChannelSliceLayer, Conv2dLayer, DropoutLayer, Edges,
    FlattenLayer, GlobalAvgPool2dLayer, GlobalMaxPool2dLayer, ImageSize, Join, LayerConfig,
    LayerNormLayer, LinearLayer, LocalResponseNormLayer, MaxPool2dLayer, ModelConfig, Padding,
    PreluLayer, ResidualLayer, SqueezeExciteLayer, StochasticDepthLayer, presets,
};

/// Every preset and [`every_kind`], with their names, for ten classes.
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
    all.push(("others' layers".into(), others_layers()));
    all
}

/// Every kind of layer, activation and setting: strides that do not divide the map, dilation,
/// groups, even kernels, asymmetric padding, averages over a padded border, nested residuals, batch
/// norm on rows.
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

/// Layers and settings of other people's networks that are not in [`every_kind`].
pub(crate) fn others_layers() -> ModelConfig {
    let sides = Edges {
        top: 0,
        left: 2,
        bottom: 1,
        right: 0,
    };
    let shuffled = BranchesLayer::new(Join::Concat)
        .branch([ChannelSliceLayer::new(0, 4).into()])
        .branch([
            ChannelSliceLayer::new(4, 8).into(),
            Conv2dLayer::new(4, 3).with_padding(1).with_groups(4).into(),
            Activation::Elu(0.5).into(),
        ]);
    let scaled = ResidualLayer::new()
        .layer(LayerNormLayer { epsilon: 1e-3 })
        .layer(Conv2dLayer::new(8, 1).with_activation(Activation::Mish))
        .layer(ChannelScaleLayer { initial: 0.3 })
        .layer(StochasticDepthLayer { rate: 0.2 });
    let gate = SqueezeExciteLayer {
        units: Some(3),
        activation: Activation::Silu,
        gate: Activation::HardSigmoid,
    };
    let pools = BranchesLayer::new(Join::Concat)
        .branch([GlobalAvgPool2dLayer::default().into()])
        .branch([GlobalMaxPool2dLayer::default().into()])
        .branch([
            AdaptiveAvgPool2dLayer::new([3, 4]).into(),
            FlattenLayer::default().into(),
        ]);
    let layers: [LayerConfig; 16] = [
        Conv2dLayer::new(8, 3)
            .with_strides(2)
            .with_padding(sides)
            .with_activation(Activation::LeakyRelu(0.2))
            .into(),
        LocalResponseNormLayer {
            alpha: 0.5,
            ..LocalResponseNormLayer::new(3)
        }
        .into(),
        MaxPool2dLayer::new(2)
            .with_strides(1)
            .with_padding(Edges { left: 1, ..sides })
            .with_ceil_mode(true)
            .into(),
        PreluLayer::default().into(),
        shuffled.into(),
        ChannelShuffleLayer::new(2).into(),
        scaled.into(),
        gate.into(),
        AvgPool2dLayer::new(3)
            .with_strides(2)
            .with_padding(1)
            .with_ceil_mode(true)
            .with_count_include_pad(true)
            .into(),
        PreluLayer {
            per_channel: true,
            initial: 0.1,
        }
        .into(),
        MaxPool2dLayer::new(3)
            .with_strides(2)
            .with_ceil_mode(true)
            .into(),
        pools.into(),
        LayerNormLayer::default().into(),
        LinearLayer::new(9)
            .with_bias(false)
            .with_activation(Activation::Silu)
            .into(),
        ChannelScaleLayer::default().into(),
        LinearLayer::classes().into(),
    ];
    ModelConfig::new(2, 30, 34).with_classes(5).layers(layers)
}
