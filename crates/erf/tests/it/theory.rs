//! Predictions against exact counts, enumeration and measurement.

use crate::nets::{classifier, measured, noise, plan, with_weights};
use proptest::prelude::*;
use receptive_erf::gaussian::{LUO_THRESHOLD, luo_size};
use receptive_erf::theory::{Seeds, WeightAssumption, chain_kernel, predict, slope};
use receptive_erf::{
    Aggregate, ImageFunction, Map, MeasureOptions, MeasuredNetwork, Method, Probe, Region, Study,
    all_ones, default_layer,
};
use receptive_model::{
    Activation, AvgPool2dLayer, Conv2dLayer, MaxPool2dLayer, ModelConfig, Padding, Plan,
    ResidualLayer,
};

fn central(plan: &Plan, layer: &str, weights: WeightAssumption<'_>) -> Map {
    let unit = Probe::central(plan, layer).unwrap().unit;
    predict(plan, layer, unit, Seeds::All, weights).unwrap().map
}

fn assert_same_shape(a: &Map, b: &Map, tolerance: f64) {
    let scale = a.total() / b.total();
    let all = a.region().hull(&b.region());
    for (row, column, value) in a.over(all).pixels() {
        let off = (value - scale * b.at(row, column)).abs() / a.peak();
        assert!(off < tolerance, "({row}, {column}) is off by {off:e}");
    }
}

/// Standard deviation (in pixels) and excess kurtosis of [`chain_kernel`] in closed form, from
/// cumulants, which add up over layers. Both are 0 for a chain that sees a single pixel.
fn chain_moments(layers: &[(usize, usize, usize)]) -> (f64, f64) {
    let (mut variance, mut fourth, mut step) = (0.0, 0.0, 1.0);
    for &(kernel, stride, dilation) in layers {
        let (kernel, spread) = (kernel as f64, step * dilation as f64);
        // The second and fourth cumulants of a uniform distribution on `kernel` positions.
        variance += spread.powi(2) * (kernel.powi(2) - 1.0) / 12.0;
        fourth -= spread.powi(4) * (kernel.powi(4) - 1.0) / 120.0;
        step *= stride as f64;
    }
    let kurtosis = if variance > 0.0 {
        fourth / variance.powi(2)
    } else {
        0.0
    };
    (variance.sqrt(), kurtosis)
}

#[test]
fn the_closed_moments_are_those_of_the_paths() {
    for layers in [
        vec![(3, 1, 1); 10],
        vec![(7, 2, 1), (3, 2, 1), (3, 1, 2), (4, 1, 3)],
        vec![(2, 1, 1), (2, 3, 5)],
    ] {
        let paths = chain_kernel(&layers);
        let total: f64 = paths.iter().sum();
        let middle = (paths.len() - 1) as f64 / 2.0;
        let moment = |power| {
            let sum: f64 = (0..paths.len())
                .map(|place| paths[place] * (place as f64 - middle).powi(power))
                .sum();
            sum / total
        };
        let (sigma, kurtosis) = chain_moments(&layers);
        assert!((sigma - moment(2).sqrt()).abs() < 1e-9);
        assert!((kurtosis - (moment(4) / moment(2).powi(2) - 3.0)).abs() < 1e-9);
    }
    assert_eq!(chain_moments(&[(1, 2, 1)]), (0.0, 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..Default::default() })]

    #[test]
    fn chains_are_products_of_their_path_counts(
        layers in prop::collection::vec((1usize..6, 1usize..4, 1usize..4), 1..6),
    ) {
        let counts = chain_kernel(&layers);
        prop_assume!(counts.len() <= 200);
        let mut config = ModelConfig::new(2, counts.len() + 2, counts.len() + 5);
        for &(kernel, stride, dilation) in &layers {
            config = config.layer(
                Conv2dLayer::new(3, kernel).with_strides(stride).with_dilation(dilation)
                    .with_activation(Activation::Relu),
            );
        }
        let plan = plan(config);
        let layer = layers.len().to_string();
        for weights in [WeightAssumption::Ones, WeightAssumption::Random] {
            let map = central(&plan, &layer, weights);
            prop_assert_eq!(map.region().area(), counts.len() * counts.len());
            let (top, left) = (map.region().top, map.region().left);
            let exact = Map::from_fn(map.region(), |r, c| {
                counts[(r - top) as usize] * counts[(c - left) as usize]
            });
            assert_same_shape(&map, &exact, 1e-12);
        }
        // The budget is the variance, and the closed formula's.
        let unit = Probe::central(&plan, &layer).unwrap().unit;
        let found = predict(&plan, &layer, unit, Seeds::All, WeightAssumption::Random).unwrap();
        prop_assert!(found.exact, "{:?}", found.caveats);
        let sum: f64 = found.budget.iter().map(|share| share.variance[0]).sum();
        let (sigma, _) = chain_moments(&layers);
        prop_assert!((sum - sigma * sigma).abs() < 1e-9 * (1.0 + sum), "{} {}", sum, sigma * sigma);
    }
}

#[test]
fn the_table_of_uniform_chains_is_reproduced() {
    // sigma, excess kurtosis, Luo's size of n 3x3 layers.
    let table = [
        (1, 0.8165, -1.5, 3.0),
        (2, 1.1547, -0.75, 5.0),
        (3, std::f64::consts::SQRT_2, -0.5, 6.708),
        (5, 1.8257, -0.3, 8.307),
        (10, 2.5820, -0.15, 11.705),
        (20, 3.6515, -0.075, 16.155),
        (40, 5.1640, -0.0375, 22.738),
    ];
    for (n, sigma, kurtosis, size) in table {
        let layers = vec![(3, 1, 1); n];
        let (found_sigma, found_kurtosis) = chain_moments(&layers);
        assert!((found_sigma - sigma).abs() < 5e-5 && (found_kurtosis - kurtosis).abs() < 1e-9);
        let line = chain_kernel(&layers);
        let map = Map::from_fn(Region::image(line.len(), line.len()), |r, c| {
            line[r as usize] * line[c as usize]
        });
        let found = luo_size(&map, map.region().centre(), LUO_THRESHOLD);
        assert!((found - size).abs() < 5e-4, "{n}: {found}");
    }
    // Slopes over 5, 10, 20, 40: of the mean square, and of its root.
    let sizes = |root: bool| -> Vec<(f64, f64)> {
        [5, 10, 20, 40]
            .map(|n| {
                let line = chain_kernel(&vec![(3, 1, 1); n]);
                let map = Map::from_fn(Region::image(line.len(), line.len()), |r, c| {
                    let value = line[r as usize] * line[c as usize];
                    if root { value.sqrt() } else { value }
                });
                (
                    n as f64,
                    luo_size(&map, map.region().centre(), LUO_THRESHOLD),
                )
            })
            .to_vec()
    };
    assert!((slope(&sizes(false)) - 0.482).abs() < 5e-4);
    assert!((slope(&sizes(true)) - 0.539).abs() < 5e-4);
}

#[test]
fn residual_blocks_are_a_delta_and_two_boxes() {
    // ReLU within, none after the sum: exact. Second weights' variance 1 / (2 * 9) by the gains.
    let block = ResidualLayer::new()
        .layer(
            Conv2dLayer::new(4, 3)
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu),
        )
        .layer(Conv2dLayer::new(4, 3).with_padding(Padding::Same));
    let plan = plan(
        ModelConfig::new(4, 21, 21)
            .layer(block.clone())
            .layer(block),
    );
    let found = predict(&plan, "1", [10, 10], Seeds::All, WeightAssumption::Random).unwrap();
    assert!(found.exact, "{:?}", found.caveats);
    let twice = chain_kernel(&[(3, 1, 1); 2]);
    let expected = Map::from_fn(found.map.region(), |r, c| {
        let at = |x: i64| twice.get((x - 8) as usize).copied().unwrap_or(0.0);
        // Gain 2 for the ReLU's half: the branch's mass is that of the shortcut.
        let shortcut = if (r, c) == (10, 10) { 1.0 } else { 0.0 };
        shortcut + at(r) * at(c) / 81.0
    });
    assert_same_shape(&found.map, &expected, 1e-12);
}

#[test]
fn pools_borders_and_shifts_are_as_they_must_be() {
    let plan = plan(
        ModelConfig::new(1, 24, 20)
            .layer(Conv2dLayer::new(2, 3).with_padding(Padding::Same))
            .layer(MaxPool2dLayer::new([2, 1]))
            .layer(
                AvgPool2dLayer::new(3)
                    .with_strides(2)
                    .with_padding(Padding::Same),
            )
            .layer(Conv2dLayer::new(2, 2).with_strides(2)),
    );
    // Two elements: exactly a half each.
    let found = predict(&plan, "2", [5, 5], Seeds::All, WeightAssumption::Random).unwrap();
    assert!(found.exact);
    let rows = [0.5, 1.0, 1.0, 0.5];
    let expected = Map::from_fn(found.map.region(), |r, _| rows[(r - 9) as usize]);
    assert_same_shape(&found.map, &expected, 1e-12);
    // The next unit sees the same a stride further.
    let here = predict(&plan, "4", [1, 2], Seeds::All, WeightAssumption::Random)
        .unwrap()
        .map;
    let there = predict(&plan, "4", [1, 1], Seeds::All, WeightAssumption::Random)
        .unwrap()
        .map;
    let stride = plan.find("4").unwrap().trf[1].stride;
    for (row, column, value) in here.pixels() {
        assert!((there.at(row, column - stride) - value).abs() < 1e-12 * here.peak());
    }
    // At the corner what falls on padding is lost, and nothing else.
    let corner = predict(&plan, "1", [0, 0], Seeds::All, WeightAssumption::Ones)
        .unwrap()
        .map;
    assert_eq!((corner.region().height, corner.region().width), (2, 2));
    let error = predict(&plan, "1", [24, 0], Seeds::All, WeightAssumption::Ones).unwrap_err();
    assert!(error.to_string().contains("24 rows"), "{error}");
    assert!(predict(&plan, "1", [0, 0], Seeds::One(2), WeightAssumption::Ones).is_err());
}

/// The mean of the squared gradient over all sign patterns of a network's weights.
fn enumerated(plan: &Plan, layer: &str, weights: usize) -> Map {
    let mut sum: Option<Map> = None;
    for pattern in 0..1usize << weights {
        let counter = std::sync::atomic::AtomicUsize::new(0);
        let network = with_weights(classifier(plan, 3), |dims, index| {
            (dims.len() == 4).then(|| {
                // Values come tensor by tensor, each from index 0 on.
                let _ = index;
                let bit = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if pattern >> bit & 1 == 0 { 1.0 } else { -1.0 }
            })
        });
        let probe = Probe::central(plan, layer)
            .unwrap()
            .with_channels(receptive_erf::Channels::One(0));
        let options = MeasureOptions {
            samples: 1,
            method: Method::Cone,
            ..MeasureOptions::default()
        };
        let found = measured(
            MeasuredNetwork::Given(&network),
            layer,
            &probe,
            &noise(plan),
            &options,
        )
        .unwrap();
        let map = found.map(Aggregate::Square);
        sum.get_or_insert_with(|| Map::zeros(map.region())).add(map);
    }
    sum.unwrap().map(|value| value / (1usize << weights) as f64)
}

#[test]
fn with_relus_the_mean_over_all_signs_is_exact() {
    // One row of pixels: widths 1-1-2-1 of kernel 2 (8 weights), and 1-1-1 of kernel 3.
    let relu = |filters, kernel| {
        Conv2dLayer::new(filters, [1, kernel])
            .with_bias(false)
            .with_activation(Activation::Relu)
    };
    let linear = |kernel| Conv2dLayer::new(1, [1, kernel]).with_bias(false);
    let cases = [
        (vec![relu(1, 2), relu(2, 2), linear(2)], 2 + 4 + 4),
        (vec![relu(1, 3), relu(1, 3), linear(3)], 9),
        (
            vec![relu(1, 3), relu(1, 3).with_dilation([1, 2]), linear(3)],
            9,
        ),
        (
            vec![relu(1, 3).with_strides([1, 2]), relu(1, 3), linear(3)],
            9,
        ),
    ];
    for (layers, weights) in cases {
        let depth = layers.len().to_string();
        let kernels: usize = 40;
        let mut config = ModelConfig::new(1, 1, kernels);
        for layer in layers {
            config = config.layer(layer);
        }
        let plan = plan(config);
        let ones = with_weights(classifier(&plan, 3), |dims, _| {
            (dims.len() == 4).then_some(1.0)
        });
        let unit = Probe::central(&plan, &depth).unwrap().unit;
        let found = predict(
            &plan,
            &depth,
            unit,
            Seeds::One(0),
            WeightAssumption::Given(&ones),
        )
        .unwrap();
        assert!(found.exact, "{:?}", found.caveats);
        let measured = enumerated(&plan, &depth, weights);
        for (row, column, value) in found.map.pixels() {
            let off = (measured.at(row, column) - value).abs();
            assert!(
                off < 1e-6 * found.map.peak(),
                "column {column}: {value} {off:e}"
            );
        }
    }
}

#[test]
fn given_weights_without_activations_give_the_squared_jacobian() {
    // One path a pixel from each weight: kernel size = stride, one layer of them.
    let plan = plan(
        ModelConfig::new(2, 12, 12).layer(Conv2dLayer::new(3, 4).with_strides(4).with_bias(false)),
    );
    let network = classifier(&plan, 8);
    let options = MeasureOptions {
        samples: 1,
        ..MeasureOptions::default()
    };
    for channel in 0..3 {
        let probe = Probe::central(&plan, "1")
            .unwrap()
            .with_channels(receptive_erf::Channels::One(channel));
        let found = measured(
            MeasuredNetwork::Given(&network),
            "1",
            &probe,
            &noise(&plan),
            &options,
        )
        .unwrap();
        let predicted = predict(
            &plan,
            "1",
            probe.unit,
            Seeds::One(channel),
            WeightAssumption::Given(&network),
        )
        .unwrap();
        let measured = found.map(Aggregate::Square);
        for (row, column, value) in predicted.map.pixels() {
            assert!((measured.at(row, column) - value).abs() < 1e-6 * predicted.map.peak());
        }
    }
}

#[test]
fn theory_and_measurement_meet_in_random_networks() {
    let relu = |filters| {
        Conv2dLayer::new(filters, 3)
            .with_padding(Padding::Same)
            .with_activation(Activation::Relu)
    };
    let plan = plan(
        ModelConfig::new(2, 31, 31)
            .layer(relu(12))
            .layer(relu(12).with_strides(2))
            .layer(AvgPool2dLayer::new(2).with_strides(1))
            .layer(relu(12).with_dilation(2))
            .layer(relu(12)),
    );
    let layer = &default_layer(&plan).unwrap().number;
    let probe = Probe::central(&plan, layer)
        .unwrap()
        .with_channels(receptive_erf::Channels::RandomSigns);
    let options = MeasureOptions {
        samples: 1_200,
        noise: 0.0,
        ..MeasureOptions::default()
    };
    let found = measured(
        MeasuredNetwork::Redrawn(&plan, 5),
        layer,
        &probe,
        &noise(&plan),
        &options,
    )
    .unwrap();
    let layer = plan.find(layer).unwrap();
    let study = Study::new(
        found,
        &plan,
        layer,
        WeightAssumption::Random,
        Aggregate::Square,
    )
    .unwrap();
    let theory = &study.theory;
    assert!(theory.exact && theory.tv.unwrap() < 0.02, "{:?}", theory.tv);
}

/// Paths are counted by the gradient itself, so that is compared, without noise: not its square.
#[test]
fn ones_are_compared_with_the_number_of_paths() {
    let conv = || Conv2dLayer::new(3, 3).with_activation(Activation::Relu);
    let plan = plan(ModelConfig::new(2, 9, 9).layers([conv(), conv(), conv()].map(Into::into)));
    let ones = all_ones(classifier(&plan, 1));
    let image = ImageFunction::new([2, 9, 9], Some(1), |_| Ok(vec![1.0; 2 * 81]));
    let probe = Probe::central(&plan, "3").unwrap();
    let options = MeasureOptions::default();
    let found = measured(MeasuredNetwork::Given(&ones), "3", &probe, &image, &options).unwrap();
    assert!(found.is_exact);
    for aggregate in [Aggregate::Abs, Aggregate::Square] {
        let weights = WeightAssumption::Ones;
        let layer = plan.find("3").unwrap();
        let study = Study::new(found.clone(), &plan, layer, weights, aggregate).unwrap();
        let tv = study.theory.tv.unwrap();
        assert!(
            study.theory.aggregate == Aggregate::Abs && tv < 1e-5,
            "{tv}"
        );
        assert_same_shape(found.map(aggregate), &study.expected(), 1e-5);
    }
}
