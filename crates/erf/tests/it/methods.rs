//! Every way of computing the gradients gives the same numbers.

use crate::nets::{classifier, measured, noise, plan};
use burn::tensor::{Device, Tensor};
use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, Channels, ErfError, ImageFunction, Inputs, MeasureOptions, MeasuredNetwork,
    Measurement, Method, Noise, Probe, Region, Study, measure, measure_layer,
};
use receptive_model::{
    Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, MaxPool2dLayer, ModelConfig, Padding,
    Plan, ResidualLayer, SqueezeExciteLayer,
};

fn taken(samples: u64, method: Method) -> MeasureOptions {
    MeasureOptions {
        samples,
        noise: 0.0,
        method,
        ..MeasureOptions::default()
    }
}

fn by(
    plan: &Plan,
    layer: &str,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: MeasureOptions,
) -> Measurement {
    let network = classifier(plan, 3);
    measured(
        MeasuredNetwork::Given(&network),
        layer,
        probe,
        inputs,
        &options,
    )
    .unwrap()
}

/// The largest difference, as a share of the first map's peak.
fn difference(a: &Measurement, b: &Measurement, aggregate: Aggregate) -> f64 {
    let (a, b) = (a.map(aggregate), b.map(aggregate));
    let all = a.region().hull(&b.region());
    let peak = a.map(f64::abs).peak();
    assert!(peak > 0.0);
    a.over(all)
        .pixels()
        .map(|(row, column, value)| (value - b.at(row, column)).abs() / peak)
        .fold(0.0, f64::max)
}

/// Strides that do not divide evenly, dilation, both pools, a residual with projection.
fn mixed() -> Plan {
    plan(
        ModelConfig::new(2, 61, 53)
            .layer(
                Conv2dLayer::new(6, 3)
                    .with_strides(2)
                    .with_padding(Padding::Same)
                    .with_activation(Activation::Relu),
            )
            .layer(
                Conv2dLayer::new(6, 3)
                    .with_dilation(2)
                    .with_activation(Activation::Relu),
            )
            .layer(MaxPool2dLayer::new(2))
            .layer(
                ResidualLayer::new()
                    .layer(Conv2dLayer::new(8, 3).with_padding(Padding::Same))
                    .layer(BatchNormLayer::default())
                    .projection(Conv2dLayer::new(8, 1))
                    .with_activation(Activation::Relu),
            )
            .layer(AvgPool2dLayer::new(2).with_strides(1)),
    )
}

/// Through the gate every pixel reaches the unit; without it, 5 x 5 of them do.
#[test]
fn behind_a_gate_whole_images_are_measured_and_both_fields_are_told() {
    let conv = || Conv2dLayer::new(4, 3).with_padding(1);
    let gate = SqueezeExciteLayer {
        activation: Activation::Tanh, // never dead
        ..SqueezeExciteLayer::default()
    };
    let config = ModelConfig::new(2, 21, 21)
        .layer(conv())
        .layer(gate)
        .layer(conv());
    let plan = plan(config);
    let probe = Probe::central(&plan, "3").unwrap();
    assert_eq!(probe.unit, [10, 10]);
    let found = by(&plan, "3", &probe, &noise(&plan), taken(10, Method::Auto));
    assert_eq!((found.method, found.outside), (Method::Plain, 0.0));
    assert!(found.map(Aggregate::Abs).at(0, 0) > 0.0);
    let layer = plan.find("3").unwrap();
    let study = Study::new(
        found,
        &plan,
        layer,
        WeightAssumption::Random,
        Aggregate::Abs,
    )
    .unwrap();
    let ungated = study.ungated_trf().unwrap();
    let place = [ungated.top, ungated.left];
    assert_eq!((place, ungated.height, ungated.width), ([8, 8], 5, 5));
    let json = serde_json::to_value(&study).unwrap();
    assert_eq!(json["ungated_trf"]["size"], serde_json::json!([5, 5]));
    let names = study.numbers();
    assert!(
        names
            .iter()
            .any(|(name, _)| name.contains("gates held constant"))
    );
    // Before the gate there is one field, and a cone.
    let probe = Probe::central(&plan, "1").unwrap();
    let found = by(&plan, "1", &probe, &noise(&plan), taken(10, Method::Auto));
    assert_eq!(found.method, Method::Cone);
}

#[test]
fn a_cone_gives_the_numbers_of_the_whole_network() {
    let plan = mixed();
    for layer in ["1", "2", "3", "4", "4.1", "4.p1", "5", "6", "7"] {
        let central = Probe::central(&plan, layer).unwrap();
        for channels in [Channels::Sum, Channels::One(1), Channels::RandomSigns] {
            let probe = central.clone().with_channels(channels);
            let plain = by(&plan, layer, &probe, &noise(&plan), taken(9, Method::Plain));
            let cone = by(&plan, layer, &probe, &noise(&plan), taken(9, Method::Cone));
            for aggregate in Aggregate::ALL {
                let off = difference(&plain, &cone, aggregate);
                assert!(
                    off < 1e-5,
                    "layer {layer}, {channels:?}, {aggregate:?}: {off:e}"
                );
            }
            assert_eq!((plain.samples, plain.dead), (cone.samples, cone.dead));
            let regions = [&plain, &cone].map(|found| found.map(Aggregate::Abs).region());
            assert_eq!(regions[0], regions[1], "layer {layer}");
            assert_eq!((plain.outside, cone.outside), (0.0, 0.0));
        }
    }
}

#[test]
fn a_cone_at_the_corner_gives_the_numbers_of_the_whole_network() {
    let plan = mixed();
    for unit in [[0, 0], [12, 0], [0, 10], [12, 10]] {
        let probe = Probe::central(&plan, "4").unwrap().with_unit(unit);
        let plain = by(&plan, "4", &probe, &noise(&plan), taken(6, Method::Plain));
        let cone = by(&plan, "4", &probe, &noise(&plan), taken(6, Method::Cone));
        let off = difference(&plain, &cone, Aggregate::Square);
        assert!(off < 1e-5, "{unit:?}: {off:e}");
    }
}

#[test]
fn tiles_take_no_more_samples_than_asked_for() {
    let plan = mixed();
    let probe = Probe::central(&plan, "3").unwrap();
    for samples in [2, 7, 90] {
        let found = by(
            &plan,
            "3",
            &probe,
            &noise(&plan),
            taken(samples, Method::Tiles),
        );
        assert!(found.units >= 6, "{} units", found.units);
        assert_eq!(found.samples, samples);
    }
}

/// Units of one photograph, or of one draw of the weights, are one sample, their mean.
#[test]
fn tiles_are_the_mean_of_the_units_one_at_a_time() {
    let plan = mixed();
    let layer = "3";
    let probe = Probe::central(&plan, layer).unwrap();
    let given = classifier(&plan, 3);
    let photographs = ImageFunction::new([2, 61, 53], Some(6), |sample| {
        noise(&mixed()).part(sample, &Region::image(61, 53))
    });
    let noise = noise(&plan);
    for (network, inputs) in [
        (MeasuredNetwork::Given(&given), &photographs as &dyn Inputs),
        (MeasuredNetwork::Redrawn(&plan, 9), &noise),
    ] {
        let by = |probe: &Probe, method| {
            measured(network, layer, probe, inputs, &taken(6, method)).unwrap()
        };
        let tiled = by(&probe, Method::Tiles);
        assert!(tiled.units >= 6, "{} units", tiled.units);
        assert_eq!((tiled.samples, tiled.outside), (6, 0.0));

        // The same units by themselves, shifted onto each other.
        let stride = probe.fields.unwrap().map(|field| field.stride);
        let apart = probe.fields.unwrap()[0].size() as usize;
        let step = apart.div_ceil(stride[0] as usize);
        let region = tiled.map(Aggregate::Square).region();
        let mut sum = vec![0.0; region.area()];
        let mut units = 0;
        for row in (probe.unit[0] % step..15).step_by(step) {
            for column in (probe.unit[1] % step..13).step_by(step) {
                let at = probe.clone().with_unit([row, column]);
                let trf = at.trf().unwrap();
                if trf.intersection(&Region::image(61, 53)) != trf {
                    continue;
                }
                units += 1;
                let one = by(&at, Method::Plain);
                for (sum, value) in sum.iter_mut().zip(one.map(Aggregate::Square).values()) {
                    *sum += value;
                }
            }
        }
        assert_eq!(units, tiled.units);
        let map = tiled.map(Aggregate::Square);
        for (sum, value) in sum.iter().zip(map.values()) {
            assert!((sum / units as f64 - value).abs() < 1e-6 * map.peak());
        }
    }
}

#[test]
fn a_closure_is_measured_like_a_classifier() {
    let plan = mixed();
    let device = Device::flex();
    let network = {
        use burn::module::Module;
        classifier(&plan, 3)
            .fork(&device.clone().autodiff())
            .freeze()
    };
    let forward = |images: Tensor<4>| {
        network
            .forward_until(images, "3")
            .unwrap()
            .into_map()
            .unwrap()
    };
    let probe = Probe::central(&plan, "3").unwrap();
    let ours = by(&plan, "3", &probe, &noise(&plan), taken(8, Method::Plain));
    for probe in [probe.clone(), Probe::new(probe.unit)] {
        let any = measure(
            forward,
            &probe,
            &noise(&plan),
            &taken(8, Method::Plain),
            device.clone().autodiff(),
            &mut |_, _, _| (),
        )
        .unwrap();
        assert_eq!(difference(&ours, &any, Aggregate::Abs), 0.0);
    }
}

#[test]
fn the_numbers_do_not_depend_on_the_threads() {
    let plan = mixed();
    let probe = Probe::central(&plan, "4").unwrap();
    let with = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| by(&plan, "4", &probe, &noise(&plan), taken(50, Method::Auto)))
    };
    let (one, five) = (with(1), with(5));
    for aggregate in Aggregate::ALL {
        assert_eq!(one.map(aggregate), five.map(aggregate));
        assert_eq!(one.groups(aggregate), five.groups(aggregate));
    }
}

#[test]
fn measuring_stops_when_the_noise_is_small() {
    let plan = mixed();
    let probe = Probe::central(&plan, "2").unwrap();
    let options = MeasureOptions {
        noise: 0.04,
        samples: 5_000,
        ..MeasureOptions::default()
    };
    let mut seen = Vec::new();
    let network = classifier(&plan, 3);
    let found = measure_layer(
        MeasuredNetwork::Given(&network),
        "2",
        &probe,
        &noise(&plan),
        &options,
        Device::flex(),
        &mut |done, limit, noise| seen.push((done, limit, noise)),
    )
    .unwrap();
    assert!(found.samples < 5_000 && found.samples >= 80);
    let (done, limit, last) = *seen.last().unwrap();
    assert_eq!((done, limit), (found.samples, 5_000));
    assert!(last <= 0.04);
    // Twice the samples would not have been needed.
    if let Some((_, _, before)) = seen.iter().rev().nth(1) {
        assert!(*before > 0.04);
    }
}

#[test]
fn redrawn_weights_differ_from_sample_to_sample() {
    let plan = mixed();
    let probe = Probe::central(&plan, "1").unwrap();
    let options = taken(20, Method::Auto);
    let run = |seed| {
        measured(
            MeasuredNetwork::Redrawn(&plan, seed),
            "1",
            &probe,
            &noise(&plan),
            &options,
        )
        .unwrap()
    };
    let groups = run(1).groups(Aggregate::Signed).to_vec();
    assert_ne!(groups[0], groups[1]);
    assert_eq!(groups, run(1).groups(Aggregate::Signed));
    assert_ne!(groups, run(2).groups(Aggregate::Signed));
}

#[test]
fn what_cannot_be_measured_is_an_error_in_a_sentence() {
    let plan = mixed();
    let network = classifier(&plan, 3);
    let rejected = |layer: &str, probe: &Probe, shape: [usize; 3], options: MeasureOptions| {
        measured(
            MeasuredNetwork::Given(&network),
            layer,
            probe,
            &Noise { shape, seed: 0 },
            &options,
        )
        .unwrap_err()
        .to_string()
    };
    let probe = Probe::central(&plan, "2").unwrap();
    let usual = taken(5, Method::Auto);
    let right = [2, 61, 53];
    let error = rejected("2", &probe.clone().with_unit([99, 0]), right, usual);
    assert!(error.contains("27 rows and 23 columns"), "{error}");
    let error = rejected(
        "2",
        &probe.clone().with_channels(Channels::One(6)),
        right,
        usual,
    );
    assert!(error.contains("6 channels"), "{error}");
    let error = rejected("2", &probe, [3, 61, 53], usual);
    assert!(error.contains("[2, 61, 53]"), "{error}");
    let error = rejected("2", &probe, right, taken(0, Method::Auto));
    assert!(error.contains("1 or more"), "{error}");
    let error = rejected("nothing", &probe, right, usual);
    assert!(error.contains("conv2d_1"), "{error}");
    let error = measure(
        |images: Tensor<4>| images,
        &Probe::new([0, 0]),
        &Noise {
            shape: [1, 4, 4],
            seed: 0,
        },
        &taken(1, Method::Cone),
        Device::flex().autodiff(),
        &mut |_, _, _| (),
    )
    .unwrap_err();
    assert!(matches!(error, ErfError::Setting { .. }), "{error}");
}
