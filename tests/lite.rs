//! EfficientNet-Lite with its ImageNet weights on labelled photographs, compared with the code with
//! which the weights were published. The packages are not part of this project:
//! `RECEPTIVE_PACKAGES` is the path of the folder in which they are unpacked.

use burn::tensor::{Device, Tensor, TensorData};
use receptive_inspect::{InputImage, top};
use receptive_interchange::{choose_form, import, read};
use receptive_model::presets::published;
use receptive_model::{Artifact, ModelConfig};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const CLASSES: usize = 1000;

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let values = bytes.chunks_exact(4);
    values
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// The number of labels among the `k` most probable classes.
fn right(logits: &[Vec<f32>], labels: &[u64], k: usize) -> usize {
    let is_right = |(logits, label): (&Vec<f32>, &u64)| top(logits, k).contains(&(*label as usize));
    logits
        .iter()
        .zip(labels)
        .filter(|pair| is_right(*pair))
        .count()
}

fn largest_error(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    let values = |logits: &[Vec<f32>]| logits.concat();
    let pairs = values(ours).into_iter().zip(values(theirs));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
#[ignore = "needs Python with torch and torchvision (RECEPTIVE_PYTHON) and packages with weights (RECEPTIVE_PACKAGES)"]
fn efficientnet_lite_recognizes_photographs_as_in_pytorch() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (python, packages) = (variable("RECEPTIVE_PYTHON"), variable("RECEPTIVE_PACKAGES"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/lite.py");
    for size in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        let ran = Command::new(&python)
            .arg(&script)
            .arg(directory.path())
            .args([packages.clone(), size.to_string()])
            .output()
            .expect("Python starts");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let theirs: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let photos: Vec<&str> = theirs["photos"]
            .as_array()
            .unwrap()
            .iter()
            .map(|photo| photo.as_str().unwrap())
            .collect();
        let labels: Vec<u64> = theirs["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label.as_u64().unwrap())
            .collect();
        let side = theirs["side"].as_u64().unwrap() as usize;

        let file = read(Path::new(theirs["weights"].as_str().unwrap()), None).unwrap();
        let forms = published(&format!("efficientnet_lite{size}"));
        let choice = choose_form(&forms, &file).unwrap();
        let weights = choice.weights.expect("known by their hash");
        assert_eq!(weights.licence, "Apache-2.0");
        let plan = ModelConfig::new(3, side, side)
            .layers(choice.form.layers.clone())
            .with_classes(CLASSES)
            .plan()
            .unwrap();
        let device = Device::flex();
        let model = import(&plan, &file, &choice.names, &device).unwrap().model;
        let artifact = Artifact {
            model,
            classes: (0..CLASSES).map(|class| class.to_string()).collect(),
            input: weights.preparation.input(),
            temperature: None,
        };

        let expected = floats(&directory.path().join("logits.bin"));
        let expected: Vec<Vec<f32>> = expected.chunks(CLASSES).map(<[f32]>::to_vec).collect();
        let images = floats(&directory.path().join("images.bin"));
        let on_theirs: Vec<Vec<f32>> = images
            .chunks(3 * side * side)
            .map(|image| {
                let image = TensorData::new(image.to_vec(), [1, 3, side, side]);
                let logits = artifact
                    .model
                    .forward(Tensor::<4>::from_data(image, &device));
                logits.into_data().iter::<f32>().collect()
            })
            .collect();
        let on_files: Vec<Vec<f32>> = photos
            .iter()
            .map(|photo| {
                let image = InputImage::read(Path::new(photo), &artifact.input).unwrap();
                image.logits(&artifact.model, &device)
            })
            .collect();
        let same = largest_error(&on_theirs, &expected);
        let own = largest_error(&on_files, &expected);
        let tops = |logits: &[Vec<f32>]| [1, 5].map(|k| right(logits, &labels, k));
        println!(
            "efficientnet_lite{size}: {} photographs, top-1 and top-5 {:?}, PyTorch {:?}; largest difference of \
             logits {same:.1e} on PyTorch's pixels, {own:.1e} on our own of the same files",
            photos.len(),
            tops(&on_files),
            tops(&expected),
        );
        assert!(same < 1e-3, "{same}");
        // Another JPEG decoder gives pixels that differ by a few of 255 levels.
        assert_eq!(tops(&on_files), tops(&expected));
        assert_eq!(tops(&on_theirs), tops(&expected));
    }
}
