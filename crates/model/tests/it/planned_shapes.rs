//! What the plan says is what burn computes.

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use receptive_model::{
    AvgPool2dLayer, Conv2dLayer, LayerConfig, MaxPool2dLayer, ModelConfig, ModelError, Padding,
    Pair, ResidualLayer,
};
use std::cell::Cell;

fn pair(most: usize) -> impl Strategy<Value = Pair> {
    prop_oneof![
        (1..=most).prop_map(Pair::square),
        (1..=most, 1..=most).prop_map(|(height, width)| Pair { height, width }),
    ]
}

fn padding() -> impl Strategy<Value = Padding> {
    prop_oneof![
        3 => Just(Padding::Same),
        1 => Just(Padding::Valid),
        1 => (0usize..4, 0usize..4).prop_map(|(height, width)| Padding::Pixels(Pair { height, width })),
    ]
}

fn conv() -> impl Strategy<Value = LayerConfig> {
    (
        1usize..6,
        pair(7),
        pair(4),
        padding(),
        pair(3),
        prop_oneof![6 => Just(1usize), 1 => 2usize..4],
        any::<bool>(),
    )
        .prop_map(
            |(filters, kernel, strides, padding, dilation, groups, bias)| {
                Conv2dLayer::new(filters, kernel)
                    .with_strides(strides)
                    .with_padding(padding)
                    .with_dilation(dilation)
                    .with_groups(groups)
                    .with_bias(bias)
                    .into()
            },
        )
}

fn max_pool() -> impl Strategy<Value = LayerConfig> {
    (pair(5), pair(4), padding(), pair(2)).prop_map(|(size, strides, padding, dilation)| {
        MaxPool2dLayer::new(size)
            .with_strides(strides)
            .with_padding(padding)
            .with_dilation(dilation)
            .into()
    })
}

fn avg_pool() -> impl Strategy<Value = LayerConfig> {
    (pair(5), pair(4), padding()).prop_map(|(size, strides, padding)| {
        AvgPool2dLayer::new(size)
            .with_strides(strides)
            .with_padding(padding)
            .into()
    })
}

fn network() -> impl Strategy<Value = ModelConfig> {
    let layer = prop_oneof![5 => conv(), 2 => max_pool(), 1 => avg_pool()];
    (
        1usize..5,
        1usize..33,
        1usize..33,
        prop::collection::vec(layer, 1..4),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(channels, height, width, layers, residual)| {
            let config = ModelConfig::new(channels, height, width);
            if residual {
                let block = ResidualLayer {
                    layers: layers.clone(),
                    ..ResidualLayer::new()
                };
                return config.layer(block).layers(layers);
            }
            config.layers(layers)
        })
}

#[test]
fn two_thousand_random_networks_have_the_planned_shapes_or_an_error() {
    let device = Device::flex();
    let (built, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config {
        cases: 2_000,
        ..Config::default()
    });
    runner
        .run(&network(), |config| {
            // Ended as a classifier would be, so that the plan accepts it.
            let config = config.layer(receptive_model::GlobalAvgPool2dLayer::default());
            let plan = match config.plan() {
                Ok(plan) => plan,
                Err(ModelError::Layer {
                    number,
                    problem,
                    remedy,
                    ..
                }) => {
                    prop_assert!(!number.is_empty() && !problem.is_empty() && !remedy.is_empty());
                    refused.set(refused.get() + 1);
                    return Ok(());
                }
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            };
            let model = plan.init(&device);
            let input = config.input;
            let images = Tensor::ones([2, input.channels, input.height, input.width], &device);
            for layer in plan.rows() {
                let features = model.forward_until(images.clone(), &layer.number).unwrap();
                let mut planned = vec![2];
                planned.extend(layer.output.dims());
                prop_assert_eq!(
                    features.dims(),
                    planned,
                    "layer {} of {:?}",
                    layer.number,
                    config
                );
            }
            built.set(built.get() + 1);
            Ok(())
        })
        .unwrap();
    println!("{} built, {} refused", built.get(), refused.get());
    assert!(
        built.get() > 500 && refused.get() > 200,
        "{built:?} built, {refused:?} refused"
    );
}

#[test]
fn parameters_are_counted_as_burn_counts_them() {
    use burn::module::Module;
    for (name, _) in receptive_model::presets::NAMES {
        let name = name.replace('N', "3");
        let input = receptive_model::presets::default_input(&name);
        let plan = receptive_model::presets::preset(&name, input)
            .unwrap()
            .with_classes(7)
            .plan()
            .unwrap();
        let counted = plan.init(&Device::flex()).num_params();
        assert_eq!(plan.total.params + plan.total.buffers, counted, "{name}");
    }
}
