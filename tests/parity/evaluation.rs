//! A trained model predicts the same classes for a thousand images.

use crate::training;
use crate::{backends, check};
use burn::tensor::Device;
use receptive_data::{DataOptions, NoProgress};
use receptive_model::Artifact;
use receptive_train::{Compute, Evaluation, evaluate, samples_for, unwatched};

#[test]
fn a_thousand_images_get_the_same_classes() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    training::run(&run, &Device::flex(), 1);
    let options = DataOptions {
        limit: Some(4_500), // half of the training images, and of the 2,000 test images
        ..DataOptions::default()
    };
    let data = receptive_data::open("fashion-mini", &options, &NoProgress).unwrap();
    let test = data.test.unwrap();
    assert_eq!(test.len(), 1_000);
    let evaluated = |device: &Device| -> Evaluation {
        let artifact = Artifact::load(&run.join("model"), device).unwrap();
        let samples = samples_for(&test, &artifact.input, 0);
        let compute = Compute::new(device.clone(), 1).unwrap();
        let model = &artifact.model;
        evaluate(model, &artifact.input, &samples, &compute, &mut unwatched).unwrap()
    };
    let flex = evaluated(&Device::flex());
    assert!(flex.top1 > 0.4, "{}", flex.top1);
    for (backend, device) in backends() {
        let other = evaluated(&device);
        assert_eq!(other.confusion, flex.confusion, "{backend}");
        check(
            backend,
            "1,000 images: loss",
            (other.loss - flex.loss).abs(),
            1e-4,
        );
    }
}
