//! A cone gives the whole network's values and gradients at its units, at every border.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor, Tolerance};
use proptest::prelude::*;
use receptive_model::{
    Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, Features, LayerConfig, MaxPool2dLayer,
    ModelConfig, Padding, ResidualLayer, presets,
};
use std::ops::Range;

fn windowed() -> impl Strategy<Value = LayerConfig> {
    let padding = prop_oneof![
        Just(Padding::Same),
        Just(Padding::Valid),
        (0usize..3).prop_map(|n| Padding::Pixels(n.into()))
    ];
    let filters = prop_oneof![Just(3), Just(18)];
    (0u8..6, 1usize..5, 1usize..4, 1usize..3, padding, filters).prop_map(
        |(kind, kernel, stride, dilation, padding, filters)| match kind {
            0 => MaxPool2dLayer::new(kernel)
                .with_strides(stride)
                .with_padding(padding)
                .into(),
            1 => AvgPool2dLayer::new(kernel)
                .with_strides(stride)
                .with_padding(padding)
                .into(),
            2 => Activation::Silu.into(),
            _ => Conv2dLayer::new(filters, kernel)
                .with_strides(stride)
                .with_dilation(dilation)
                .with_padding(padding)
                .with_activation(Activation::Relu)
                .into(),
        },
    )
}

fn residual() -> impl Strategy<Value = LayerConfig> {
    (1usize..4, 1usize..3, 1usize..3).prop_map(|(kernel, stride, dilation)| {
        let same = |layer: Conv2dLayer| layer.with_padding(Padding::Same).with_bias(false);
        let mut block = ResidualLayer::new()
            .layer(same(Conv2dLayer::new(4, kernel).with_strides(stride)))
            .layer(BatchNormLayer::default())
            .layer(Activation::Relu)
            .layer(same(Conv2dLayer::new(4, 3).with_dilation(dilation)))
            .with_activation(Activation::Relu);
        block = block.projection(same(Conv2dLayer::new(4, 1).with_strides(stride)));
        block.into()
    })
}

/// Layers with the share of the way along each axis at which the units lie.
fn networks() -> impl Strategy<Value = (Vec<LayerConfig>, [usize; 2], usize, [f64; 4])> {
    let layer = prop_oneof![3 => windowed(), 1 => residual()];
    (
        prop::collection::vec(layer, 1..6),
        [5usize..30, 5usize..30],
        0usize..12,
        [0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64],
    )
}

fn gradient(
    images: &Tensor<4>,
    device: &Device,
    units: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> (Tensor<4>, Tensor<4>) {
    let x = Tensor::<4>::from_data(images.to_data(), device).require_grad();
    let y = units(x.clone());
    let gradients = (y.clone() * weights(&y.dims(), device)).sum().backward();
    let zeros = Tensor::zeros(images.dims(), device);
    (y, x.grad(&gradients).unwrap_or(zeros))
}

/// The weight of each unit's value.
fn weights(&[n, c, h, w]: &[usize; 4], device: &Device) -> Tensor<4> {
    let count = (n * c * h * w) as i64;
    let numbers = Tensor::<1, burn::tensor::Int>::arange(0..count, device);
    numbers.float().sin().reshape([n, c, h, w])
}

fn between(share: [f64; 2], size: usize) -> Range<usize> {
    let [a, b] = share.map(|share| (share * size as f64) as usize);
    a.min(b)..a.max(b) + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_cone_gives_the_networks_values_and_gradients((layers, [height, width], which, at) in networks()) {
        let mut config = ModelConfig::new(2, height, width).with_classes(3);
        for layer in layers {
            config = config.layer(layer);
        }
        let config = config
            .layer(receptive_model::FlattenLayer::default())
            .layer(receptive_model::LinearLayer::classes());
        // Kernels larger than their maps and the like: not what is tested here.
        prop_assume!(config.plan().is_ok());
        let plan = config.plan().unwrap();
        prop_assume!(plan.total.activations < 200_000 && plan.total.params < 200_000);
        let device = Device::flex().autodiff();
        let classifier = plan.init_seeded(7, &device).freeze();
        let rows = plan.rows();
        let layer = rows[which % rows.len()];
        let (h, w) = match layer.output.dims()[..] {
            [_, h, w] => (h, w),
            _ => (1, 1),
        };
        let units = [between([at[0], at[1]], h), between([at[2], at[3]], w)];
        let images = Tensor::<4>::random(
            [2, 2, height, width],
            Distribution::Normal(0.0, 1.0),
            &device,
        );
        let as_map = |features: Features| match features {
            Features::Map(map) => map,
            Features::Flat(flat) => {
                let [n, c] = flat.dims();
                flat.reshape([n, c, 1, 1])
            }
        };
        let (values, gradients) = gradient(&images, &device, |x| {
            let map = as_map(classifier.forward_until(x, &layer.number).unwrap());
            let [n, c, _, _] = map.dims();
            map.slice([0..n, 0..c, units[0].clone(), units[1].clone()])
        });
        let cone = classifier.cone(&layer.number, &units).unwrap();
        let [r, c] = cone.pixels().clone();
        let part = images.slice([0..2, 0..2, r.clone(), c.clone()]);
        let (cut, of_part) = gradient(&part, &device, |x| as_map(cone.forward(x)));
        let tolerance = Tolerance::<f32>::absolute(2e-5);
        cut.to_data().assert_approx_eq(&values.to_data(), tolerance);
        let expected = of_part.clone();
        let placed = Tensor::zeros([2, 2, height, width], &device)
            .slice_assign([0..2, 0..2, r, c], of_part);
        placed.to_data().assert_approx_eq(&gradients.to_data(), tolerance);

        let frozen = cone.clone().into_frozen(&device.clone().into());
        let [c, h, w] = frozen.output();
        prop_assert_eq!(&cut.dims()[1..], &[c, h, w][..]);
        let of_part = frozen.input_gradient(part.clone(), weights(&[2, c, h, w], &device));
        // Winograd's filtering is less exact.
        let tolerance = Tolerance::<f32>::absolute(1e-4);
        of_part.to_data().assert_approx_eq(&expected.to_data(), tolerance);
        // Again, with the buffers of the first time.
        let again = frozen.input_gradient(part, weights(&[2, c, h, w], &device));
        prop_assert_eq!(again.to_data(), of_part.to_data());
        prop_assert!(cone.macs() <= plan.total.macs);
    }
}

/// With depthwise and grouped convolutions, sums, concatenations, gates, layer norms and layers that
/// only burn computes.
#[test]
fn frozen_cones_of_published_networks_have_the_gradients_of_the_network() {
    let device = Device::flex().autodiff();
    for (name, side) in [
        ("resnet18", 96),
        ("resnext50_32x4d", 64),
        ("vgg11", 64),
        ("vgg11_bn", 64),
        ("efficientnet_lite0", 96),
        ("mobilenetv3_small_100", 96),
        ("densenet121", 64),
        ("googlenet", 96),
        ("inception_v3", 96),
        ("shufflenet_v2_x1_0", 96),
        ("convnext_tiny", 64),
    ] {
        let input = receptive_model::ImageSize {
            channels: 3,
            height: side,
            width: side,
        };
        let plan = presets::preset(name, input).unwrap().with_classes(10);
        let plan = plan.plan().unwrap();
        let classifier = plan.init_seeded(3, &device).freeze();
        let layer = plan
            .layers
            .iter()
            .rfind(|layer| layer.output.dims().len() == 3 && layer.output.dims()[1] > 1)
            .unwrap();
        let units = [0..1, 1..2];
        let cone = classifier.cone(&layer.number, &units).unwrap();
        let [rows, columns] = cone.pixels().clone().map(|pixels| pixels.len());
        let images = weights(&[2, 3, rows, columns], &device);
        let (_, expected) = gradient(&images, &device, |x| match cone.forward(x) {
            Features::Map(map) => map,
            Features::Flat(_) => panic!("{name} has maps"),
        });
        let frozen = cone.into_frozen(&device.clone().into());
        let [c, h, w] = frozen.output();
        let found = frozen.input_gradient(images, weights(&[2, c, h, w], &device));
        let sum = |of: Tensor<4>| of.abs().sum().into_scalar::<f32>();
        let (apart, all) = (sum(found - expected.clone()), sum(expected));
        // Rounding may change the sign of a value before a ReLU, and so some pixels' gradients.
        println!("{name}: {:e}", apart / all);
        assert!(all > 0.0 && apart < 2e-2 * all, "{name}: {apart} of {all}");
    }
}

#[test]
fn a_cone_of_a_deep_unit_costs_a_fraction() {
    let input = receptive_model::ImageSize {
        channels: 3,
        height: 128,
        width: 128,
    };
    let plan = presets::preset("plain-20", input)
        .unwrap()
        .with_classes(10)
        .plan()
        .unwrap();
    let classifier = plan.init(&Device::flex());
    let cone = classifier.cone("20", &[64..65, 64..65]).unwrap();
    assert_eq!(cone.pixels(), &[44..85, 44..85]);
    let whole: usize = plan.layers[..20].iter().map(|layer| layer.macs).sum();
    assert!(cone.macs() * 25 < whole, "{} of {whole}", cone.macs());
}

#[test]
fn units_that_are_not_there_are_rejected() {
    let plan = presets::preset("small", presets::default_input("small"))
        .unwrap()
        .with_classes(10)
        .plan()
        .unwrap();
    let classifier = plan.init(&Device::flex());
    let error = classifier.cone("1", &[28..29, 0..1]).unwrap_err();
    assert!(error.to_string().contains("28 rows"), "{error}");
    assert!(classifier.cone("1", &[3..3, 0..1]).is_err());
}

#[test]
fn a_resized_network_has_the_same_weights_and_its_own_paddings() {
    let input = presets::default_input("resnet");
    let plan = presets::preset("resnet", input)
        .unwrap()
        .with_classes(10)
        .plan()
        .unwrap();
    let device = Device::flex();
    let classifier = plan.init_seeded(3, &device);
    let mut other = plan.config.clone();
    (other.input.height, other.input.width) = (45, 38);
    // The same seed gives the same weights, whatever the size.
    let expected = other.plan().unwrap().init_seeded(3, &device);
    let resized = classifier.resized(45, 38).unwrap();
    let images = Tensor::<4>::random(
        [2, input.channels, 45, 38],
        Distribution::Normal(0.0, 1.0),
        &device,
    );
    let tolerance = Tolerance::<f32>::absolute(1e-6);
    let ours = resized.forward(images.clone()).to_data();
    ours.assert_approx_eq(&expected.forward(images).to_data(), tolerance);

    let flat = presets::preset("tutorial", presets::default_input("tutorial"))
        .unwrap()
        .with_classes(10)
        .plan()
        .unwrap();
    let error = flat.init(&device).resized(64, 64).unwrap_err().to_string();
    assert!(error.contains("global_avg_pool2d"), "{error}");
}
