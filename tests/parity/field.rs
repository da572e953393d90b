//! A unit's receptive field is the same map, and exactly zero outside the theoretical one.

use crate::{backends, check};
use burn::tensor::Device;
use receptive_erf::{
    Aggregate, MeasureOptions, MeasuredNetwork, Measurement, Method, Noise, Probe, measure_layer,
};
use receptive_model::{
    Activation, Conv2dLayer, FlattenLayer, ImageSize, LinearLayer, MaxPool2dLayer, ModelConfig,
    Padding, Plan, presets,
};

fn measured(plan: &Plan, layer: &str, method: Method, device: &Device) -> Measurement {
    let input = plan.input();
    let noise = Noise {
        shape: [input.channels, input.height, input.width],
        seed: 4,
    };
    let options = MeasureOptions {
        samples: 20,
        noise: 0.0,
        method,
        ..MeasureOptions::default()
    };
    let probe = Probe::central(plan, layer).unwrap();
    let network = MeasuredNetwork::Redrawn(plan, 6);
    measure_layer(
        network,
        layer,
        &probe,
        &noise,
        &options,
        device,
        &mut |_, _, _| (),
    )
    .unwrap()
}

/// Strides that do not divide the image, and a pool: the input gradient of this case was once wrong
/// in burn (its issue 4799).
fn strided() -> Plan {
    ModelConfig::new(2, 33, 40)
        .with_classes(2)
        .layer(
            Conv2dLayer::new(6, 3)
                .with_strides(2)
                .with_activation(Activation::Relu),
        )
        .layer(MaxPool2dLayer::new(2))
        .layer(
            Conv2dLayer::new(6, 3)
                .with_strides([1, 2])
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu),
        )
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes())
        .plan()
        .unwrap()
}

#[test]
fn fields_are_the_same_map() {
    let input = ImageSize {
        channels: 1,
        height: 25,
        width: 25,
    };
    let plain = presets::preset("plain-6", input).unwrap();
    let plain = plain.with_classes(2).plan().unwrap();
    for (backend, device) in backends() {
        for (name, plan, layer) in [("plain-6", &plain, "6"), ("strided", &strided(), "3")] {
            for method in [Method::Plain, Method::Cone] {
                let flex = measured(plan, layer, method, &Device::flex());
                let other = measured(plan, layer, method, &device);
                assert_eq!(other.outside, 0.0, "{backend}, {name}");
                assert_eq!(other.dead, flex.dead, "{backend}, {name}");
                for aggregate in [Aggregate::Abs, Aggregate::Square] {
                    let (flex, other) = (flex.map(aggregate), other.map(aggregate));
                    let apart = flex.values().iter().zip(other.values());
                    let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                    let what = format!("ERF of {name}, {method:?}, {aggregate:?}");
                    check(backend, &what, apart / flex.peak(), 1e-4);
                }
            }
        }
    }
}
