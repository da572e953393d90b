//! Every layer and every preset, forward and backward.

use crate::gradients::{Answers, Stored, answers};
use crate::{backends, check, difference, networks};
use burn::tensor::Device;
use receptive_model::{
    Activation, AdaptiveAvgPool2dLayer, AvgPool2dLayer, BatchNormLayer, ChannelScaleLayer,
    ChannelShuffleLayer, ChannelSliceLayer, Conv2dLayer, DropoutLayer, Edges, FlattenLayer,
    GlobalAvgPool2dLayer, GlobalMaxPool2dLayer, LayerConfig, LayerNormLayer, LinearLayer,
    LocalResponseNormLayer, MaxPool2dLayer, ModelConfig, Padding, Plan, PreluLayer, ResidualLayer,
    SqueezeExciteLayer, StochasticDepthLayer,
};

const BAR: f64 = 1e-4;

fn compare(backend: &str, name: &str, plan: &Plan, stored: Stored, device: &Device) {
    // With two rows a batch norm always outputs 1 and -1, and the gradients would be rounding errors.
    let batch = 3;
    let flex = answers(plan, batch, stored, &Device::flex());
    let other = answers(plan, batch, stored, device);
    let each = |of: fn(&Answers) -> &[Vec<f32>]| {
        let pairs = of(&flex).iter().zip(of(&other));
        pairs.map(|(a, b)| difference(a, b)).fold(0.0, f64::max)
    };
    let one = |of: fn(&Answers) -> &Vec<f32>| difference(of(&flex), of(&other));
    for (what, found) in [
        ("training", one(|answers| &answers.trained)),
        ("inference", one(|answers| &answers.inferred)),
        ("input gradient", one(|answers| &answers.images)),
        (
            "weight gradients",
            of_weights(&flex.weights, &other.weights),
        ),
        ("batch statistics", each(|answers| &answers.statistics)),
    ] {
        check(backend, &format!("{name}: {what}"), found, BAR);
    }
}

/// The largest difference of a tensor, relative to its own largest value. If that is below a
/// thousandth of the network's largest gradient, relative to the latter: the gradient of a bias
/// right before a batch norm is zero, and what is computed is rounding error.
fn of_weights(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let max_abs = |values: &[f32]| {
        values
            .iter()
            .fold(0.0f32, |max, value| max.max(value.abs()))
    };
    let largest = ours
        .iter()
        .map(|values| max_abs(values))
        .fold(0.0, f32::max);
    let one = |(ours, theirs): (&Vec<f32>, &Vec<f32>)| {
        let own = max_abs(ours);
        let share = if own < 1e-3 * largest {
            own / largest
        } else {
            1.0
        };
        difference(ours, theirs) * f64::from(share)
    };
    ours.iter().zip(theirs).map(one).fold(0.0, f64::max)
}

/// One layer on a map, with a head.
fn single(channels: usize, layer: LayerConfig) -> Plan {
    ModelConfig::new(channels, 11, 14)
        .with_classes(3)
        .layer(layer)
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes())
        .plan()
        .unwrap()
}

fn layers() -> Vec<(&'static str, LayerConfig)> {
    let conv = |filters: usize, kernel: usize| Conv2dLayer::new(filters, kernel);
    let mut layers: Vec<(&str, LayerConfig)> = vec![
        ("conv2d", conv(5, 3).into()),
        (
            "conv2d same, even",
            conv(5, 4).with_padding(Padding::Same).into(),
        ),
        // 11 and 14 with a stride of 3: neither divides evenly.
        ("conv2d strides 3", conv(5, 4).with_strides(3).into()),
        (
            "conv2d strides 2x3",
            conv(5, 3).with_strides([2, 3]).with_padding(1).into(),
        ),
        (
            "conv2d dilation",
            conv(5, 3)
                .with_dilation(2)
                .with_padding(Padding::Same)
                .into(),
        ),
        ("conv2d groups", conv(6, 3).with_groups(2).into()),
        (
            "conv2d without bias",
            Conv2dLayer::new(5, [1, 5]).with_bias(false).into(),
        ),
        ("max_pool2d", MaxPool2dLayer::new(2).into()),
        (
            "max_pool2d overlapping",
            MaxPool2dLayer::new(3)
                .with_strides(2)
                .with_padding(1)
                .into(),
        ),
        (
            "max_pool2d dilation",
            MaxPool2dLayer::new(2)
                .with_strides(1)
                .with_dilation(3)
                .with_padding(Padding::Same)
                .into(),
        ),
        ("avg_pool2d", AvgPool2dLayer::new(2).into()),
        (
            "avg_pool2d padded",
            AvgPool2dLayer::new(3)
                .with_strides(2)
                .with_padding(1)
                .into(),
        ),
        ("global_avg_pool2d", GlobalAvgPool2dLayer::default().into()),
        ("batch_norm", BatchNormLayer::default().into()),
        ("dropout", DropoutLayer { rate: 0.4 }.into()),
        (
            "residual",
            ResidualLayer::new()
                .layer(conv(4, 3).with_padding(Padding::Same))
                .projection(conv(4, 1))
                .with_activation(Activation::Relu)
                .into(),
        ),
    ];
    layers.extend(others_layers());
    layers.extend(Activation::ALL.map(|kind| (kind.name(), kind.into())));
    layers
}

/// Layers and settings of other people's networks.
fn others_layers() -> Vec<(&'static str, LayerConfig)> {
    let sides = Edges {
        top: 0,
        left: 2,
        bottom: 1,
        right: 0,
    };
    let adaptive = |size: [usize; 2]| AdaptiveAvgPool2dLayer::new(size).into();
    vec![
        (
            "conv2d padded on two sides",
            Conv2dLayer::new(3, 3)
                .with_strides(2)
                .with_padding(sides)
                .into(),
        ),
        (
            "max_pool2d ceil",
            MaxPool2dLayer::new(3)
                .with_strides(2)
                .with_ceil_mode(true)
                .into(),
        ),
        (
            "avg_pool2d ceil, padding counted",
            AvgPool2dLayer::new(3)
                .with_strides(2)
                .with_padding(1)
                .with_ceil_mode(true)
                .with_count_include_pad(true)
                .into(),
        ),
        ("global_max_pool2d", GlobalMaxPool2dLayer::default().into()),
        ("adaptive_avg_pool2d", adaptive([4, 5])),
        ("adaptive_avg_pool2d, larger", adaptive([13, 14])),
        ("layer_norm", LayerNormLayer::default().into()),
        (
            "local_response_norm",
            LocalResponseNormLayer {
                alpha: 0.5,
                ..LocalResponseNormLayer::new(2)
            }
            .into(),
        ),
        (
            "prelu",
            PreluLayer {
                per_channel: true,
                ..PreluLayer::default()
            }
            .into(),
        ),
        ("channel_scale", ChannelScaleLayer { initial: 0.5 }.into()),
        ("channel_slice", ChannelSliceLayer::new(1, 2).into()),
        ("channel_shuffle", ChannelShuffleLayer::new(2).into()),
        (
            "stochastic_depth",
            StochasticDepthLayer { rate: 0.4 }.into(),
        ),
        ("squeeze_excite", SqueezeExciteLayer::default().into()),
        ("leaky_relu 0.2", Activation::LeakyRelu(0.2).into()),
        ("clip -0.5 to 0.25", Activation::Clip([-0.5, 0.25]).into()),
    ]
}

#[test]
fn every_layer_agrees_forward_and_backward() {
    for (backend, device) in backends() {
        for (name, layer) in layers() {
            compare(
                backend,
                name,
                &single(2, layer),
                Stored::ChannelsFirst,
                &device,
            );
        }
    }
}

#[test]
fn every_layer_agrees_on_maps_stored_channels_last() {
    for (backend, device) in backends() {
        for (name, layer) in layers() {
            let name = format!("{name}, channels last");
            compare(
                backend,
                &name,
                &single(2, layer),
                Stored::ChannelsLast,
                &device,
            );
        }
        for channels in [1, 3] {
            let name = format!("conv2d of {channels}, channels last");
            let plan = single(
                channels,
                Conv2dLayer::new(5, 3).with_padding(Padding::Same).into(),
            );
            compare(backend, &name, &plan, Stored::ChannelsLast, &device);
        }
    }
}

#[test]
fn every_preset_agrees_forward_and_backward() {
    for (backend, device) in backends() {
        for (name, config) in networks::all() {
            let plan = config.plan().unwrap();
            compare(backend, &name, &plan, Stored::ChannelsFirst, &device);
        }
    }
}
