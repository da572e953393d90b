//! What one backend computes, another does too.

use crate::tiny;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_model::{Artifact, InputSpec, Resize};

#[allow(deprecated)] // burn prefers flex; the backend is offered as long as it is there
fn ndarray() -> Device {
    Device::ndarray()
}

#[test]
fn ndarray_and_flex_agree_on_an_artifact_written_by_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let plan = tiny().with_classes(10).plan().unwrap();
    let path = directory.path().join("model");
    let artifact = Artifact {
        model: plan.init_seeded(7, &ndarray()),
        classes: (0..10).map(|class| class.to_string()).collect(),
        input: InputSpec {
            channels: 1,
            height: 28,
            width: 28,
            resize: Resize::Stretch,
            mean: vec![0.3],
            std: vec![0.3],
        },
    };
    artifact.save(&path).unwrap();
    let values: Vec<f32> = (0..4 * 784)
        .map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0)
        .collect();
    let logits = |device: &Device| -> Vec<f32> {
        let model = Artifact::load(&path, device).unwrap().model;
        let images = TensorData::new(values.clone(), [4, 1, 28, 28]);
        model
            .forward(Tensor::<4>::from_data(images, device))
            .into_data()
            .iter()
            .collect()
    };
    for (flex, ndarray) in logits(&Device::flex()).into_iter().zip(logits(&ndarray())) {
        assert!(
            (flex - ndarray).abs() <= 1e-4 * ndarray.abs().max(1.0),
            "{flex}, {ndarray}"
        );
    }
}

#[test]
fn ndarray_trains_towards_the_same_losses() {
    let mut config = crate::tiny_run();
    config.data.limit = Some(64);
    let losses = |device: &Device| {
        let trained = crate::run(config.clone(), device).unwrap();
        trained
            .epochs
            .iter()
            .map(|epoch| epoch.train_loss)
            .collect::<Vec<_>>()
    };
    for (flex, ndarray) in losses(&Device::flex()).into_iter().zip(losses(&ndarray())) {
        assert!((flex - ndarray).abs() < 1e-3 * flex, "{flex} and {ndarray}");
    }
}
