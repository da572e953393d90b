//! burn-train trains a classifier without a wrapper.
#![recursion_limit = "256"]

use burn::optim::AdamConfig;
use burn::tensor::Device;
use burn::train::metric::LossMetric;
use burn::train::{Learner, SupervisedTraining};
use receptive_model::{InputSpec, presets, weights_sha256};
use reuse::pictures::{batches, pictures, splits};

#[test]
fn the_classifier_itself_learns() {
    let device = Device::flex();
    let training = device.clone().autodiff();
    let preset = presets::preset("tutorial", presets::default_input("tutorial")).unwrap();
    let model = preset.with_classes(10).plan().unwrap().init(&training);
    let before = weights_sha256(&model);
    let input = InputSpec::new(model.input()).with_normalization([0.28], [0.35]);
    let [train, valid] = splits().unwrap();
    let same = |class| class;
    let train = batches(
        pictures(&train, &input, 2_000, same).unwrap(),
        &input,
        &training,
    );
    let valid = batches(
        pictures(&valid, &input, 500, same).unwrap(),
        &input,
        &device,
    );
    let directory = std::env::temp_dir().join("receptive-reuse-test");
    let result = SupervisedTraining::new(&directory, train, valid.clone())
        .metrics((LossMetric::new(),))
        .num_epochs(3)
        .launch(Learner::new(model, AdamConfig::new().init(), 1e-3));
    assert!(result.error.is_none());
    assert_ne!(weights_sha256(&result.model), before);
    let (mut right, mut count) = (0, 0);
    for batch in valid.iter() {
        let batch = batch.unwrap();
        let output = result.model.forward_classification(batch);
        let answers = output.output.argmax(1).flatten::<1>(0, 1);
        right += answers
            .equal(output.targets)
            .int()
            .sum()
            .into_scalar::<i64>();
        count += 64;
    }
    // Chance is 10 %.
    assert!(right as f64 > 0.6 * f64::from(count), "{right} of {count}");
}
