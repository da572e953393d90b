//! An artifact gives back what was saved, or an error.

use burn::tensor::{Device, Tensor};
use receptive_model::*;
use std::fs;
use std::path::{Path, PathBuf};

fn saved(directory: &Path) -> (Artifact, PathBuf) {
    let input = ImageSize {
        channels: 3,
        height: 12,
        width: 10,
    };
    let plan = presets::preset("small", input)
        .unwrap()
        .with_classes(2)
        .plan()
        .unwrap();
    let artifact = Artifact {
        model: plan.init_seeded(3, &Device::flex()),
        classes: vec!["cat".into(), "naïve \"dog\"".into()],
        input: InputSpec::new(input)
            .with_fit(Resize::Pad)
            .with_normalization([0.4, 0.5, 0.6], [0.2, 0.25, 0.3]),
        temperature: Some(1.25),
    };
    let path = directory.join("model");
    artifact.save(&path).unwrap();
    (artifact, path)
}

#[test]
fn what_was_saved_loads_with_the_same_answers() {
    let directory = tempfile::tempdir().unwrap();
    let (artifact, path) = saved(directory.path());
    let device = Device::flex();
    let loaded = Artifact::load(&path, &device).unwrap();
    assert_eq!(loaded.classes, artifact.classes);
    assert_eq!(loaded.input, artifact.input);
    assert_eq!(loaded.model.config(), artifact.model.config());
    assert_eq!(
        weights_sha256(&loaded.model),
        weights_sha256(&artifact.model)
    );
    let images = Tensor::<4>::ones([2, 3, 12, 10], &device);
    let before: Vec<f32> = artifact
        .model
        .forward(images.clone())
        .into_data()
        .iter()
        .collect();
    let after: Vec<f32> = loaded.model.forward(images).into_data().iter().collect();
    assert_eq!(before, after);
}

#[test]
fn a_changed_cut_or_missing_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let (_, path) = saved(directory.path());
    let device = Device::flex();
    for name in ["weights.bpk", "model.json", "MANIFEST.json"] {
        let file = path.join(name);
        let original = fs::read(&file).unwrap();
        let mut flipped = original.clone();
        flipped[original.len() / 2] ^= 4;
        for damaged in [flipped, original[..original.len() - 1].to_vec(), Vec::new()] {
            fs::write(&file, damaged).unwrap();
            let error = Artifact::load(&path, &device).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        fs::remove_file(&file).unwrap();
        let error = Artifact::load(&path, &device).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        fs::write(&file, original).unwrap();
    }
    Artifact::load(&path, &device).unwrap();
}

#[test]
fn classes_that_do_not_fit_the_model_are_not_saved() {
    let directory = tempfile::tempdir().unwrap();
    let (mut artifact, path) = saved(directory.path());
    artifact.classes.pop();
    let error = artifact.save(&path).unwrap_err().to_string();
    assert!(error.contains("1 classes but its config has 2"), "{error}");
    artifact.classes.push("dog".into());
    artifact.input.std[1] = 0.0;
    let error = artifact.save(&path).unwrap_err().to_string();
    assert!(error.contains("std"), "{error}");
    Artifact::load(&path, &Device::flex()).unwrap();
}

/// Artifacts and checkpoints name parameters by their paths in the module. These are the names since
/// version 0.1.0: a file of then must load today.
#[test]
fn records_name_parameters_as_they_always_have() {
    let conv = |filters| Conv2dLayer::new(filters, 3).with_padding(Padding::Same);
    let block = ResidualLayer::new()
        .layer(conv(2))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .projection(Conv2dLayer::new(2, 1).with_bias(false));
    let plan = ModelConfig::new(1, 6, 6)
        .with_classes(2)
        .layer(conv(1))
        .layer(MaxPool2dLayer::new(2))
        .layer(block)
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.1 })
        .layer(LinearLayer::classes())
        .plan()
        .unwrap();
    let record = burn::module::Module::into_record(plan.init(&Device::flex()));
    let text = String::from_utf8_lossy(&record.into_bytes().unwrap()).into_owned();
    for name in [
        "layers.0.Conv2d.weight",
        "layers.0.Conv2d.bias",
        "layers.2.Residual.body.0.Conv2d.weight",
        "layers.2.Residual.body.0.Conv2d.bias",
        "layers.2.Residual.body.1.BatchNorm.gamma",
        "layers.2.Residual.body.1.BatchNorm.beta",
        "layers.2.Residual.body.1.BatchNorm.running_mean",
        "layers.2.Residual.body.1.BatchNorm.running_var",
        "layers.2.Residual.projection.0.Conv2d.weight",
        "layers.5.Linear.weight",
        "layers.5.Linear.bias",
    ] {
        assert!(text.contains(name), "no {name}");
    }
    assert_eq!(text.matches("layers.").count(), 11, "other names: {text}");
}
