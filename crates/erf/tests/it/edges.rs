//! What is odd gives an error in a sentence or a finite map, never a panic.

use crate::nets::{self, classifier, noise, plan, with_weights};
use receptive_erf::gaussian::{Reason, Verdict};
use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, Channels, ErfError, ImageFunction, Inputs, MeasureOptions, MeasuredNetwork,
    Measurement, Method, Probe, Study,
};
use receptive_model::{Activation, Classifier, Conv2dLayer, LayerNormLayer, ModelConfig, Padding};

fn measured(
    network: &Classifier,
    inputs: &dyn Inputs,
    samples: u64,
) -> Result<Measurement, ErfError> {
    let probe = Probe::central(network.plan(), "1").unwrap();
    let options = MeasureOptions {
        samples,
        ..MeasureOptions::default()
    };
    nets::measured(
        MeasuredNetwork::Given(network),
        "1",
        &probe,
        inputs,
        &options,
    )
}

fn study(found: &Measurement, network: &Classifier) -> Study {
    let plan = network.plan();
    let layer = plan.find("1").unwrap();
    let weights = WeightAssumption::Given(network);
    Study::new(found.clone(), plan, layer, weights, Aggregate::Abs).unwrap()
}

/// Every number of the study, as JSON would have it: no NaN becomes `null` unseen.
fn is_finite(found: &Measurement, network: &Classifier) {
    let json = serde_json::to_value(study(found, network)).unwrap();
    for key in ["tv", "size", "ratio", "mardia", "hole"] {
        assert!(json[key]["value"].is_number(), "{key}: {}", json[key]);
    }
}

#[test]
fn a_kernel_larger_than_the_image_sees_all_of_it() {
    let plan =
        plan(ModelConfig::new(1, 5, 5).layer(Conv2dLayer::new(2, 11).with_padding(Padding::Same)));
    let network = classifier(&plan, 1);
    let found = measured(&network, &noise(&plan), 40).unwrap();
    is_finite(&found, &network);
    assert_eq!(found.judge(Aggregate::Abs).reason, Some(Reason::Truncated));
}

#[test]
fn a_dead_unit_is_inconclusive() {
    let plan = plan(
        ModelConfig::new(1, 9, 9).layer(Conv2dLayer::new(2, 3).with_activation(Activation::Relu)),
    );
    let dead = with_weights(classifier(&plan, 1), |dims, _| {
        Some(if dims.len() == 1 { -1e6 } else { 0.1 })
    });
    let found = measured(&dead, &noise(&plan), 40).unwrap();
    is_finite(&found, &dead);
    assert_eq!(found.dead, found.samples);
    let judgement = found.judge(Aggregate::Abs);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(found.dead_pixels(), 9);
    assert_eq!(study(&found, &dead).theory.tv, None);
}

#[test]
fn a_unit_that_sees_only_padding_is_not_called_dead() {
    let plan = plan(ModelConfig::new(1, 9, 9).layer(Conv2dLayer::new(2, 3).with_padding(5)));
    let network = classifier(&plan, 1);
    let probe = Probe::central(&plan, "1").unwrap().with_unit([0, 4]);
    for method in [Method::Auto, Method::Plain] {
        let options = MeasureOptions {
            samples: 40,
            method,
            ..MeasureOptions::default()
        };
        let given = MeasuredNetwork::Given(&network);
        let found = nets::measured(given, "1", &probe, &noise(&plan), &options).unwrap();
        let judgement = found.judge(Aggregate::Abs);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(
            judgement.explanation.contains("only padding"),
            "{method:?}: {}",
            judgement.explanation
        );
    }
}

/// A layer norm keeps the sum over channels constant, so its gradient is what rounding leaves.
#[test]
fn the_sum_of_channels_after_a_layer_norm_is_rounding() {
    let config = ModelConfig::new(2, 15, 15)
        .layer(Conv2dLayer::new(8, 3).with_padding(Padding::Same))
        .layer(Conv2dLayer::new(3, 3).with_padding(Padding::Same))
        .layer(LayerNormLayer::default());
    let plan = plan(config);
    let network = classifier(&plan, 1);
    let given = MeasuredNetwork::Given(&network);
    for network in [given, MeasuredNetwork::Redrawn(&plan, 4)] {
        for method in [Method::Auto, Method::Plain, Method::Tiles] {
            let judged = |channels| {
                let probe = Probe::central(&plan, "3").unwrap().with_channels(channels);
                let options = MeasureOptions {
                    samples: 40,
                    method,
                    ..MeasureOptions::default()
                };
                let found = nets::measured(network, "3", &probe, &noise(&plan), &options);
                found.unwrap().judge(Aggregate::Abs)
            };
            let sum = judged(Channels::Sum);
            assert_eq!(sum.reason, Some(Reason::Rounding), "{method:?}");
            assert!(sum.explanation.contains("random signs"));
            assert_ne!(judged(Channels::RandomSigns).reason, sum.reason);
            assert_ne!(judged(Channels::One(1)).reason, sum.reason);
        }
    }
}

#[test]
fn a_constant_image_and_a_map_of_one_pixel_are_measured() {
    let plan = plan(ModelConfig::new(1, 3, 9).layer(Conv2dLayer::new(2, 3)));
    let flat = ImageFunction::new([1, 3, 9], Some(1), |_| Ok(vec![0.5; 27]));
    let network = classifier(&plan, 1);
    let found = measured(&network, &flat, 10).unwrap();
    is_finite(&found, &network);
    // One image and fixed weights leave nothing to chance.
    assert!(found.is_exact && found.samples == 1);

    let one = crate::nets::plan(ModelConfig::new(1, 1, 1).layer(Conv2dLayer::new(2, 1)));
    let network = classifier(&one, 1);
    let found = measured(&network, &noise(&one), 40).unwrap();
    is_finite(&found, &network);
    assert_eq!(found.judge(Aggregate::Abs).reason, Some(Reason::Degenerate));
}

#[test]
fn weights_that_are_not_finite_are_an_error() {
    let plan = plan(ModelConfig::new(1, 9, 9).layer(Conv2dLayer::new(2, 3)));
    for broken in [f32::NAN, f32::INFINITY] {
        let network = with_weights(classifier(&plan, 1), |_, index| {
            (index == 3).then_some(broken)
        });
        let error = measured(&network, &noise(&plan), 40)
            .unwrap_err()
            .to_string();
        assert!(error.contains("NaN or infinite input gradient"), "{error}");
    }
}

#[test]
fn an_image_that_cannot_be_loaded_is_named() {
    let plan = plan(ModelConfig::new(1, 9, 9).layer(Conv2dLayer::new(2, 3)));
    let broken = ImageFunction::new([1, 9, 9], None, |sample| match sample {
        7 => Err("cat.png is damaged".into()),
        _ => Ok(vec![0.5; 81]),
    });
    let error = measured(&classifier(&plan, 1), &broken, 40)
        .unwrap_err()
        .to_string();
    assert!(error.contains("input 7: cat.png is damaged"), "{error}");
}
