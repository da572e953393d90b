//! Measured maps against exact ones.

use crate::nets::{classifier, measured, noise, plan, with_weights};
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use receptive_erf::{
    Aggregate, ImageFunction, Inputs, Map, MeasureOptions, MeasuredNetwork, Method, Probe,
    all_ones, measure, measure_layer,
};
use receptive_model::{
    Activation, AvgPool2dLayer, Classifier, Conv2dLayer, MaxPool2dLayer, ModelConfig, Padding,
    Plan, ResidualLayer,
};

fn once() -> MeasureOptions {
    MeasureOptions {
        samples: 1,
        ..MeasureOptions::default()
    }
}

/// The signed gradient of a layer's central unit, or of another, on one image.
fn gradient(
    network: &Classifier,
    layer: &str,
    unit: Option<[usize; 2]>,
    inputs: &dyn Inputs,
) -> Map {
    let mut probe = Probe::central(network.plan(), layer).unwrap();
    probe.unit = unit.unwrap_or(probe.unit);
    for method in [Method::Plain, Method::Cone] {
        let options = MeasureOptions { method, ..once() };
        let found = measured(
            MeasuredNetwork::Given(network),
            layer,
            &probe,
            inputs,
            &options,
        )
        .unwrap();
        assert_eq!(found.outside, 0.0);
        if method == Method::Cone {
            return found.map(Aggregate::Signed).clone();
        }
    }
    unreachable!()
}

/// Images of ones: every ReLU of a network of positive weights is open.
fn positive(plan: &Plan) -> impl Inputs {
    let input = plan.input();
    let shape = [input.channels, input.height, input.width];
    ImageFunction::new(shape, None, move |_| Ok(vec![1.0; shape.iter().product()]))
}

/// Path counts along one axis, from the unit back to the image (ERF by hand).
fn paths(layers: &[(usize, usize, usize)]) -> Vec<f64> {
    let mut counts = vec![1.0];
    for &(kernel, stride, dilation) in layers.iter().rev() {
        let mut next = vec![0.0; (counts.len() - 1) * stride + (kernel - 1) * dilation + 1];
        for (index, count) in counts.iter().enumerate() {
            for tap in 0..kernel {
                next[index * stride + tap * dilation] += count;
            }
        }
        counts = next;
    }
    counts
}

/// The map is `rows` times `columns`, up to one constant, at 1e-5 of its peak.
fn assert_outer(map: &Map, rows: &[f64], columns: &[f64]) {
    assert_eq!(
        (map.region().height, map.region().width),
        (rows.len(), columns.len())
    );
    let expected: Vec<f64> = rows
        .iter()
        .flat_map(|r| columns.iter().map(move |c| r * c))
        .collect();
    let scale = map.total() / expected.iter().sum::<f64>();
    let peak = map.peak();
    for (found, expected) in map.values().iter().zip(expected) {
        assert!(
            (found - scale * expected).abs() <= 1e-5 * peak,
            "{found} {}",
            scale * expected
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_ones_chains_count_paths(
        layers in prop::collection::vec((1usize..6, 1usize..4, 1usize..4), 1..5),
        pool in any::<bool>(),
    ) {
        let counts = paths(&layers);
        let side = counts.len() + 3;
        prop_assume!(side <= 90);
        let mut config = ModelConfig::new(2, side, side + 2);
        for (index, &(kernel, stride, dilation)) in layers.iter().enumerate() {
            // An average pool is a convolution of equal weights.
            config = if pool && index % 2 == 1 && dilation == 1 {
                config.layer(AvgPool2dLayer::new(kernel).with_strides(stride))
            } else {
                config.layer(
                    Conv2dLayer::new(3, kernel)
                        .with_strides(stride)
                        .with_dilation(dilation)
                        .with_activation(Activation::Relu),
                )
            };
        }
        let plan = plan(config);
        let network = all_ones(classifier(&plan, 0));
        let map = gradient(&network, &layers.len().to_string(), None, &positive(&plan));
        assert_outer(&map, &counts, &counts);
    }
}

#[test]
fn the_trinomials_are_exact_in_single_precision() {
    // 3x3 weights of 1, nine layers: the centre counts 3139^2 paths, below 2^24.
    let mut config = ModelConfig::new(1, 25, 25);
    for _ in 0..9 {
        config = config.layer(Conv2dLayer::new(1, 3).with_padding(Padding::Same));
    }
    let plan = plan(config);
    let network = with_weights(classifier(&plan, 0), |dims, _| {
        (dims.len() == 4).then_some(1.0)
    });
    let centres = [1.0, 3.0, 7.0, 19.0, 51.0, 141.0, 393.0, 1107.0, 3139.0];
    for (n, centre) in centres.iter().enumerate() {
        let map = gradient(&network, &(n + 1).to_string(), None, &positive(&plan));
        assert_eq!(map.peak(), centre * centre, "{} layers", n + 1);
        assert_outer(
            &map,
            &paths(&vec![(3, 1, 1); n + 1]),
            &paths(&vec![(3, 1, 1); n + 1]),
        );
    }
}

#[test]
fn strides_and_dilation_leave_their_marks() {
    // 3x3 stride 2 twice: 1 1 2 1 2 1 1; 3x3 dilation 1, 2, 4: each of 15 pixels once but for gaps.
    assert_eq!(
        paths(&[(3, 2, 1), (3, 2, 1)]),
        [1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0]
    );
    let plan = plan(
        ModelConfig::new(1, 40, 33)
            .layer(Conv2dLayer::new(2, 3).with_strides(2))
            .layer(Conv2dLayer::new(2, 3).with_strides(2))
            .layer(Conv2dLayer::new(2, 3).with_dilation([2, 1])),
    );
    let network = all_ones(classifier(&plan, 0));
    let map = gradient(&network, "2", None, &positive(&plan));
    let ripple = [1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0];
    assert_outer(&map, &ripple, &ripple);
    let map = gradient(&network, "3", None, &positive(&plan));
    let rows = paths(&[(3, 2, 1), (3, 2, 1), (3, 1, 2)]);
    let columns = paths(&[(3, 2, 1), (3, 2, 1), (3, 1, 1)]);
    assert_outer(&map, &rows, &columns);
}

#[test]
fn a_residual_adds_its_shortcut() {
    // x + relu(conv(conv(x))) of weights 1/9 and positive values: delta + box * box / 81.
    let plan = plan(
        ModelConfig::new(1, 15, 15).layer(
            ResidualLayer::new()
                .layer(Conv2dLayer::new(1, 3).with_padding(Padding::Same))
                .layer(
                    Conv2dLayer::new(1, 3)
                        .with_padding(Padding::Same)
                        .with_activation(Activation::Relu),
                ),
        ),
    );
    let network = all_ones(classifier(&plan, 0));
    let map = gradient(&network, "1", None, &positive(&plan));
    let twice = paths(&[(3, 1, 1); 2]);
    for (row, column, value) in map.pixels() {
        let [r, c] = [row - 5, column - 5].map(|at| twice[at as usize]);
        let shortcut = if (row, column) == (7, 7) { 1.0 } else { 0.0 };
        assert!((value - shortcut - r * c / 81.0).abs() < 1e-6);
    }
}

#[test]
fn on_a_ramp_every_max_pool_is_a_shift() {
    // Strictly increasing values and positive weights: the last of each window is its largest.
    let plan = plan(
        ModelConfig::new(1, 31, 31)
            .layer(Conv2dLayer::new(1, 3))
            .layer(MaxPool2dLayer::new(2))
            .layer(Conv2dLayer::new(1, 3))
            .layer(MaxPool2dLayer::new(3).with_strides(2)),
    );
    let network = all_ones(classifier(&plan, 0));
    let ramp = ImageFunction::new([1, 31, 31], None, |_| {
        Ok((0..31 * 31).map(|i| (i / 31 + i % 31) as f32).collect())
    });
    let unit = [2, 1];
    let map = gradient(&network, "4", Some(unit), &ramp);
    // Back: pool 3/2 takes 2u + 2, the convolution 3 of them, pool 2/2 takes 2v + 1, then 3 again.
    let along = |unit: i64, at: i64| {
        let last = 2 * unit + 2;
        (last..last + 3)
            .flat_map(|v| (2 * v + 1)..(2 * v + 4))
            .filter(|pixel| *pixel == at)
            .count() as f64
    };
    for (row, column, value) in map.pixels() {
        let expected = along(2, row) * along(1, column) / 81.0;
        assert!(
            (value - expected).abs() < 1e-6,
            "({row}, {column}): {value}, not {expected}"
        );
    }
    assert!(map.total() > 0.9);
}

#[test]
fn delta_kernels_see_one_pixel() {
    let mut config = ModelConfig::new(1, 21, 21);
    for _ in 0..4 {
        config = config.layer(Conv2dLayer::new(1, 3).with_padding(Padding::Same));
    }
    let plan = plan(config);
    let network = with_weights(classifier(&plan, 0), |dims, index| {
        (dims.len() == 4).then_some(if index == 4 { 2.0 } else { 0.0 })
    });
    let map = gradient(&network, "4", None, &positive(&plan));
    assert_eq!(
        map.values().iter().filter(|value| **value != 0.0).count(),
        1
    );
    assert_eq!(map.at(10, 10), 16.0);
}

#[test]
fn the_next_unit_sees_the_same_a_stride_further() {
    let plan = plan(
        ModelConfig::new(1, 60, 60)
            .layer(Conv2dLayer::new(2, 5).with_strides(2))
            .layer(AvgPool2dLayer::new(3).with_strides(2))
            .layer(Conv2dLayer::new(2, 3)),
    );
    let network = classifier(&plan, 5);
    let here = gradient(&network, "3", Some([4, 4]), &noise(&plan));
    let there = gradient(&network, "3", Some([5, 6]), &noise(&plan));
    // No ReLU: the gradient does not depend on the image.
    for (row, column, value) in here.pixels() {
        assert!((there.at(row + 4, column + 8) - value).abs() < 1e-6 * here.peak());
    }
}

#[test]
fn a_gradient_is_what_a_small_step_changes() {
    let plan = plan(
        ModelConfig::new(1, 20, 20)
            .layer(Conv2dLayer::new(4, 3).with_activation(Activation::Tanh))
            .layer(
                Conv2dLayer::new(4, 3)
                    .with_strides(2)
                    .with_activation(Activation::Gelu),
            )
            .layer(Conv2dLayer::new(3, 3)),
    );
    let network = classifier(&plan, 9);
    let image: Vec<f32> = (0..400)
        .map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0)
        .collect();
    let inputs = ImageFunction::new([1, 20, 20], None, |_| Ok(image.clone()));
    let map = gradient(&network, "3", Some([2, 2]), &inputs);
    let output = |image: &[f32]| -> f64 {
        let data = burn::tensor::TensorData::new(image.to_vec(), [1, 1, 20, 20]);
        let x = Tensor::<4>::from_data(data, &Device::flex());
        let y = network.forward_until(x, "3").unwrap().into_map().unwrap();
        let unit = y.slice([0..1, 0..3, 2..3, 2..3]);
        f64::from(unit.sum().into_scalar::<f32>())
    };
    for pixel in [(5, 5), (8, 9), (10, 7), (13, 13), (9, 4)] {
        let at = (pixel.0 * 20 + pixel.1) as usize;
        let [mut up, mut down] = [image.clone(), image.clone()];
        up[at] += 1e-2;
        down[at] -= 1e-2;
        let slope = (output(&up) - output(&down)) / f64::from(up[at] - down[at]);
        let found = map.at(pixel.0, pixel.1);
        assert!(
            (slope - found).abs() < 2e-3 * map.map(f64::abs).peak(),
            "{slope} {found}"
        );
    }
}

/// The devices of every CPU backend compiled in, and of wgpu where there is a driver.
fn devices() -> Vec<(&'static str, Device)> {
    #[allow(unused_mut)]
    let mut all = vec![("flex", Device::flex())];
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    all.push(("ndarray", Device::ndarray()));
    all
}

#[test]
fn outside_the_theoretical_field_the_gradient_is_zero_on_every_backend() {
    let plan = plan(
        ModelConfig::new(2, 37, 30)
            .layer(
                Conv2dLayer::new(3, 3)
                    .with_strides(2)
                    .with_padding(Padding::Same)
                    .with_activation(Activation::Relu),
            )
            .layer(
                Conv2dLayer::new(3, 4)
                    .with_strides(3)
                    .with_padding(2)
                    .with_activation(Activation::Relu),
            )
            .layer(MaxPool2dLayer::new(2).with_strides(1))
            .layer(Conv2dLayer::new(3, 2).with_dilation(2)),
    );
    let mut first: Option<Map> = None;
    for (name, device) in devices() {
        let network = plan.init_seeded(4, &device);
        for unit in [[0, 0], [1, 1], [3, 2]] {
            let probe = Probe::central(&plan, "4").unwrap().with_unit(unit);
            for method in [Method::Plain, Method::Cone] {
                let options = MeasureOptions {
                    samples: 3,
                    method,
                    ..MeasureOptions::default()
                };
                let found = measure_layer(
                    MeasuredNetwork::Given(&network),
                    "4",
                    &probe,
                    &noise(&plan),
                    &options,
                    &device,
                    &mut |_, _, _| (),
                );
                let found = found.unwrap();
                assert_eq!(found.outside, 0.0, "{name} {unit:?}");
                let map = found.map(Aggregate::Abs);
                assert!(map.total() > 0.0, "{name} {unit:?}");
                if unit == [1, 1] {
                    let expected = first.get_or_insert_with(|| map.clone());
                    for (row, column, value) in expected.pixels() {
                        assert!(
                            (map.at(row, column) - value).abs() < 1e-4 * expected.peak(),
                            "{name}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_mixes_the_whole_image_is_seen() {
    // A network that subtracts each image's mean sees everywhere, whatever its plan says.
    let device = Device::flex().autodiff();
    let plan = plan(ModelConfig::new(1, 20, 20).layer(Conv2dLayer::new(2, 3)));
    let network = {
        use burn::module::Module;
        classifier(&plan, 1).fork(&device).freeze()
    };
    let probe = Probe::central(&plan, "1").unwrap();
    let options = MeasureOptions {
        samples: 2,
        ..MeasureOptions::default()
    };
    let found = measure(
        |x: Tensor<4>| {
            let mean = x.clone().mean_dim(2).mean_dim(3);
            network
                .forward_until(x - mean, "1")
                .unwrap()
                .into_map()
                .unwrap()
        },
        &probe,
        &noise(&plan),
        &options,
        &device,
        &mut |_, _, _| (),
    )
    .unwrap();
    assert!(found.outside > 0.05, "{}", found.outside);
}
