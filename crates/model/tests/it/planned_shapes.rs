//! What the plan says is what burn computes.

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use receptive_model::{
    AdaptiveAvgPool2dLayer, AvgPool2dLayer, Conv2dLayer, Edges, GlobalAvgPool2dLayer, LayerConfig,
    MaxPool2dLayer, ModelConfig, ModelError, Padding, Pair, ResidualLayer, SqueezeExciteLayer,
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
        1 => [0usize..4, 0usize..4, 0usize..4, 0usize..4].prop_map(|[top, left, bottom, right]| {
            Padding::Sides(Edges { top, left, bottom, right })
        }),
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
    (pair(5), pair(4), padding(), pair(2), any::<bool>()).prop_map(
        |(size, strides, padding, dilation, ceil)| {
            MaxPool2dLayer::new(size)
                .with_strides(strides)
                .with_padding(padding)
                .with_dilation(dilation)
                .with_ceil_mode(ceil)
                .into()
        },
    )
}

fn avg_pool() -> impl Strategy<Value = LayerConfig> {
    (pair(5), pair(4), padding(), any::<bool>(), any::<bool>()).prop_map(
        |(size, strides, padding, ceil, counted)| {
            AvgPool2dLayer::new(size)
                .with_strides(strides)
                .with_padding(padding)
                .with_ceil_mode(ceil)
                .with_count_include_pad(counted)
                .into()
        },
    )
}

fn adaptive_pool() -> impl Strategy<Value = LayerConfig> {
    pair(9).prop_map(|size| AdaptiveAvgPool2dLayer::new(size).into())
}

fn network() -> impl Strategy<Value = ModelConfig> {
    let layer = prop_oneof![5 => conv(), 2 => max_pool(), 1 => avg_pool(), 1 => adaptive_pool()];
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
            let config = config.layer(GlobalAvgPool2dLayer::default());
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

/// A squeeze-and-excitation gate between two convolutions.
#[test]
fn a_field_with_gates_held_constant_leaves_out_what_only_they_see() {
    let conv = || Conv2dLayer::new(4, 3).with_padding(1);
    let config = |gate: bool| {
        let mut config = ModelConfig::new(3, 40, 40).layer(conv().with_strides(2));
        if gate {
            config = config.layer(SqueezeExciteLayer::default());
        }
        config
            .layer(conv())
            .layer(GlobalAvgPool2dLayer::default())
            .plan()
            .unwrap()
    };
    let (gated, plain) = (config(true), config(false));
    let [before, gate, after, whole] = [0, 1, 2, 3].map(|at| &gated.layers[at]);
    assert!(!before.is_gated() && gate.is_gated() && after.is_gated());
    assert_eq!(gate.ungated_trf, before.trf);
    assert_eq!(after.ungated_trf, plain.layers[1].trf);
    assert!(after.trf[0].first <= -40 && after.trf[0].last >= 40);
    assert_eq!(whole.ungated_trf, plain.layers[2].trf);
    assert!(plain.rows().iter().all(|layer| !layer.is_gated()));
    // Within the gate nothing is held: it is a path like any other.
    let inside = gated.find("linear_2").unwrap();
    assert_eq!(inside.ungated_trf, inside.trf);
}

/// Of 7 rows to 3: rows 0 to 2, 2 to 4, 4 to 6. Of 10 to 4: 0 to 2, 2 to 4, 5 to 7, 7 to 9.
#[test]
fn an_adaptive_pool_has_the_field_of_its_largest_window() {
    let config = ModelConfig::new(1, 7, 10).layer(AdaptiveAvgPool2dLayer::new([3, 4]));
    let plan = config
        .layer(GlobalAvgPool2dLayer::default())
        .plan()
        .unwrap();
    let [rows, columns] = plan.layers[0].trf;
    assert_eq!((rows.first, rows.last, rows.stride), (0, 2, 2));
    assert_eq!((columns.first, columns.last, columns.stride), (0, 3, 2));
    assert!(plan.layers[0].notes[0].contains("do not divide 7x10"));
    let config = ModelConfig::new(1, 8, 8).layer(AdaptiveAvgPool2dLayer::new(2));
    let plan = config
        .layer(GlobalAvgPool2dLayer::default())
        .plan()
        .unwrap();
    assert!(plan.layers[0].notes.is_empty());
    assert_eq!(plan.layers[0].trf[0].size(), 4);
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
