//! A layer's gradient is that of the logits with respect to its maps, within residuals too.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_model::*;

fn network() -> Classifier {
    let conv = |filters| Conv2dLayer::new(filters, 3).with_padding(Padding::Same);
    ModelConfig::new(2, 6, 5)
        .with_classes(3)
        .layer(conv(4).with_activation(Activation::Relu))
        .layer(
            ResidualLayer::new()
                .layer(conv(4).with_activation(Activation::Tanh))
                .layer(conv(4)),
        )
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
        .plan()
        .unwrap()
        .init_seeded(3, &Device::flex())
}

fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..2 * 60)
        .map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [2, 2, 6, 5]), device)
}

#[test]
fn the_logits_and_the_maps_are_those_of_a_plain_pass() {
    let (model, device) = (network(), Device::flex());
    for layer in ["1", "2.1", "2.2", "residual_1"] {
        let watched = model.forward_watching(images(&device), layer).unwrap();
        let maps = model.forward_until(images(&device), layer).unwrap();
        let same = |a: TensorData, b: TensorData| assert_eq!(a, b, "{layer}");
        same(
            watched.logits.into_data(),
            model.forward(images(&device)).into_data(),
        );
        same(
            watched.maps.into_data(),
            maps.into_map().unwrap().into_data(),
        );
    }
}

#[test]
fn before_a_global_average_pool_the_gradient_is_the_class_weight_over_the_area() {
    let model = network();
    let weight = model.values("4").unwrap().weight; // [4, 3]
    let device = Device::flex().autodiff();
    let model = model.fork(&device).freeze();
    let watched = model.forward_watching(images(&device), "2").unwrap();
    let (class, area) = (1, 30.0);
    let gradients = watched
        .logits
        .slice([0..2, class..class + 1])
        .sum()
        .backward();
    let found: Vec<f32> = watched
        .offset
        .grad(&gradients)
        .unwrap()
        .into_data()
        .try_into_vec()
        .unwrap();
    for (index, value) in found.iter().enumerate() {
        let channel = index / 30 % 4;
        let wanted = weight[channel * 3 + class] / area;
        assert!((value - wanted).abs() < 1e-6, "{index}: {value} {wanted}");
    }
}

#[test]
fn a_layer_without_maps_is_rejected() {
    let error = network()
        .forward_watching(images(&Device::flex()), "4")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("layer 4 (linear)") && error.contains("not feature maps"),
        "{error}"
    );
}

/// Outside training a batch norm is computed as a part of the convolution before it, unless somebody
/// looks in between.
#[test]
fn a_convolution_before_a_batch_norm_is_watched_by_itself() {
    let device = Device::flex();
    let model = ModelConfig::new(2, 6, 5)
        .with_classes(3)
        .layer(Conv2dLayer::new(4, 3))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
        .plan()
        .unwrap()
        .init_seeded(3, &device);
    for layer in ["1", "2", "3"] {
        let watched = model.forward_watching(images(&device), layer).unwrap();
        let maps = model.forward_until(images(&device), layer).unwrap();
        let maps = maps.into_map().unwrap().into_data();
        assert_eq!(watched.maps.into_data(), maps, "{layer}");
    }
}
