//! What `to_onnx` writes in a different form is read back with the same meaning.

use super::*;
use crate::onnx::{OnnxInput, to_onnx};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_model::{
    AdaptiveAvgPool2dLayer, Artifact, FlattenLayer, InputSpec, LinearLayer, ModelConfig,
};

#[test]
fn an_exported_adaptive_pool_is_read_as_two_that_do_the_same() {
    // Windows that overlap, windows that divide the map evenly, and more windows than pixels.
    for size in [[3, 2], [4, 7], [9, 5]] {
        let config = ModelConfig::new(2, 8, 7)
            .layer(AdaptiveAvgPool2dLayer::new(size))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes())
            .with_classes(3);
        let device = Device::flex();
        let model = config.plan().unwrap().init_seeded(1, &device);
        let artifact = Artifact {
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            input: InputSpec::new(model.input()),
            temperature: None,
            model,
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            to_onnx(&artifact, OnnxInput::Normalised).unwrap(),
        )
        .unwrap();
        let network = read_onnx(file.path(), OnnxReadOptions::default()).unwrap();
        let back = network.classifier(&device).unwrap();
        let pixels: Vec<f32> = (0..112).map(|i| (i * 29 % 17) as f32 / 8.0 - 1.0).collect();
        let logits = |model: &Classifier| -> Vec<f32> {
            let images = TensorData::new(pixels.clone(), [1, 2, 8, 7]);
            let images = Tensor::<4>::from_data(images, &device);
            model.forward(images).into_data().iter().collect()
        };
        for (ours, theirs) in logits(&artifact.model).iter().zip(logits(&back)) {
            assert!((ours - theirs).abs() < 1e-6, "{size:?}: {ours}, {theirs}");
        }
    }
}
