//! Exported models compute the same in other programs, and can be imported again unchanged.
//!
//! The tests that need Python are ignored by default: `RECEPTIVE_PYTHON` names an interpreter
//! with numpy, onnxruntime, safetensors and torch.

use crate::networks;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_interchange::{
    Names, OnnxInput, OnnxOptions, import, read, tensors, to_onnx, to_python, to_safetensors,
};
use receptive_model::{
    Artifact, Classifier, Conv2dLayer, GlobalAvgPool2dLayer, ImageSize, InputSpec, LinearLayer,
    ModelConfig, Padding, Resize, presets, weights_sha256,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const IMAGES: usize = 100;
const BAR: f64 = 1e-4;

/// Pseudo-random bytes, the same every time.
fn pixels(values: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..values)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// An artifact with its own weights, and running statistics that differ from those of a new
/// network.
fn artifact(config: &ModelConfig) -> Artifact {
    let device = Device::flex();
    let plan = config.plan().unwrap();
    let input = plan.input();
    let model = plan.init_seeded(3, &device.clone().autodiff());
    let channels = input.channels;
    let spec = InputSpec::new(input)
        .with_fit(Resize::Crop)
        .with_normalization(vec![0.4; channels], vec![0.3; channels]);
    for _ in 0..5 {
        // A forward pass on an autodiff device updates burn's running statistics.
        model.forward(Tensor::from_inner(images(&spec, &device)));
    }
    Artifact {
        model: model.valid(),
        classes: (0..plan.classes)
            .map(|class| format!("class {class}"))
            .collect(),
        input: spec,
        temperature: None,
    }
}

fn images(spec: &InputSpec, device: &Device) -> Tensor<4> {
    let [channels, height, width] = [spec.channels, spec.height, spec.width];
    let bytes = pixels(IMAGES * channels * height * width);
    let mut values = vec![0.0; bytes.len()];
    for (i, byte) in bytes.iter().enumerate() {
        // From channels last to channels first.
        let (image, rest) = (
            i / (height * width * channels),
            i % (height * width * channels),
        );
        let (place, channel) = (rest / channels, rest % channels);
        let value = (f32::from(*byte) / 255.0 - spec.mean[channel]) / spec.std[channel];
        values[(image * channels + channel) * height * width + place] = value;
    }
    let data = TensorData::new(values, [IMAGES, channels, height, width]);
    Tensor::from_data(data, device)
}

fn logits(artifact: &Artifact) -> Vec<f32> {
    let x = images(&artifact.input, &Device::flex());
    artifact.model.forward(x).into_data().iter().collect()
}

/// A very short run, for an artifact made by training.
fn trained() -> Artifact {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    crate::run_in(
        &path,
        crate::tiny_run(),
        &Device::flex(),
        &mut [],
        &receptive_train::Stop::default(),
    )
    .unwrap();
    Artifact::load(&path.join("model"), &Device::flex()).unwrap()
}

fn artifacts() -> Vec<(String, Artifact)> {
    let networks = networks::all();
    let mut all: Vec<(String, Artifact)> = networks
        .into_iter()
        .map(|(name, config)| (name, artifact(&config)))
        .collect();
    all.push(("a trained run".into(), trained()));
    all
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

fn back(artifact: &Artifact, path: &Path) -> Classifier {
    let file = read(path, None).unwrap();
    let plan = artifact.model.plan();
    import(plan, &file, &Names::Auto, &Device::flex())
        .unwrap()
        .model
}

#[test]
fn safetensors_come_back_with_the_same_bits() {
    for (name, artifact) in artifacts() {
        let file = written(&to_safetensors(&artifact).unwrap());
        let spec = read(file.path(), None).unwrap().spec.unwrap();
        assert_eq!(spec.classes, artifact.classes, "{name}");
        assert_eq!(spec.input, artifact.input, "{name}");
        assert_eq!(spec.config, *artifact.model.config(), "{name}");
        let model = back(&artifact, file.path());
        assert_eq!(
            weights_sha256(&model),
            weights_sha256(&artifact.model),
            "{name}"
        );
    }
}

#[test]
fn names_and_layout_are_pytorch_s() {
    let artifact = artifact(&networks::every_kind());
    let tensors: BTreeMap<String, Vec<usize>> = tensors(&artifact.model)
        .unwrap()
        .into_iter()
        .map(|tensor| (tensor.name, tensor.shape))
        .collect();
    // Two convolutions, and three in a residual, each with its own name.
    assert_eq!(tensors["conv2d_1.weight"], [6, 2, 4, 4]);
    assert_eq!(tensors["conv2d_4.weight"], [12, 4, 3, 3]);
    assert_eq!(tensors["batch_norm_1.running_mean"], [12]);
    assert_eq!(tensors["linear_3.weight"], [5, 12]);
    assert_eq!(tensors["linear_3.bias"], [5]);
    assert!(!tensors.keys().any(|name| name.contains("gamma")));
}

#[test]
fn a_damaged_file_is_an_error_with_a_message() {
    let artifact = artifact(&networks::every_kind());
    let whole = to_safetensors(&artifact).unwrap();
    let mut rejected = 0;
    for cut in [0, 1, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let file = written(&whole[..cut]);
        let error = read(file.path(), None).unwrap_err().to_string();
        assert!(error.contains(&*file.path().to_string_lossy()), "{error}");
        rejected += 1;
    }
    assert_eq!(rejected, 8);
    // A flipped bit in the header is an error or changes a name, shape or the spec; one in a value
    // cannot be detected. Nothing panics.
    for bit in (0..8 * 2_000).step_by(37) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let file = written(&damaged);
        if let Ok(file) = read(file.path(), None) {
            let plan = artifact.model.plan();
            let _ = import(plan, &file, &Names::Auto, &Device::flex());
        }
    }
}

#[test]
fn weights_of_another_network_are_rejected_by_name() {
    let file = written(&to_safetensors(&artifact(&networks::every_kind())).unwrap());
    let file = read(file.path(), None).unwrap();
    let plan = crate::tiny().with_classes(10).plan().unwrap();
    let error = import(&plan, &file, &Names::Auto, &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("conv2d_1"), "{error}");
}

/// A state dict saved by PyTorch 2.15 from a network with other layer names
/// (`tests/python/checkpoint.py`).
#[test]
fn a_checkpoint_of_pytorch_is_read_without_python() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let config = ModelConfig::load(&assets.join("checkpoint.toml")).unwrap();
    let plan = config.plan().unwrap();
    let expected: Value =
        serde_json::from_slice(&fs::read(assets.join("checkpoint.json")).unwrap()).unwrap();
    for (name, key) in [
        ("checkpoint.pt", None),
        ("stem_of_21_characters.pt", None),
        ("nested.pt", Some("state_dict")),
        ("nested.pt", None),
    ] {
        let file = read(&assets.join(name), key).unwrap();
        let device = Device::flex();
        let imported = import(&plan, &file, &Names::Auto, &device).unwrap();
        assert!(imported.is_by_order);
        let (model, matches) = (imported.model, imported.matches);
        assert!(
            matches
                .iter()
                .any(|found| found.from.ends_with("features.0.weight")),
            "{matches:?}"
        );
        let values: Vec<f32> = (0..2 * 64).map(|i| (i % 13) as f32 / 13.0).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [2, 1, 8, 8]), &device);
        let logits: Vec<f32> = model.forward(x).into_data().iter().collect();
        let expected = expected["logits"].as_array().unwrap();
        assert_eq!(logits.len(), expected.len());
        for (ours, theirs) in logits.iter().zip(expected) {
            let theirs = theirs.as_f64().unwrap();
            assert!((f64::from(*ours) - theirs).abs() < 1e-5, "{ours}, {theirs}");
        }
    }
}

#[test]
fn a_checkpoint_that_is_not_read_says_what_to_do() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    for (name, words) in [
        (
            "expanded.pt",
            "its tensors take 1024 MiB, but the file has only",
        ),
        (
            "subclass.pt",
            "torch.save(model.state_dict(), \"weights.pt\")",
        ),
        ("random.pt", "give that entry's key"),
    ] {
        let error = read(&assets.join(name), None).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(read(&assets.join("random.pt"), Some("state_dict")).is_ok());
}

#[test]
fn a_damaged_checkpoint_never_panics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/checkpoint.pt");
    let whole = fs::read(path).unwrap();
    for cut in (0..whole.len()).step_by(97) {
        let _ = read(written(&whole[..cut]).path(), None);
    }
    for bit in (0..8 * whole.len()).step_by(101) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = read(written(&damaged).path(), None);
    }
}

fn python(script: &str, directory: &Path) -> Value {
    let python = std::env::var("RECEPTIVE_PYTHON").expect(
        "RECEPTIVE_PYTHON: the Python interpreter with numpy, onnxruntime, safetensors and torch",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(script);
    let ran = Command::new(python)
        .arg(script)
        .arg(directory)
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn write_floats(path: &Path, values: &[f32]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(path, bytes).unwrap();
}

#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn onnxruntime_and_pytorch_compute_the_same() {
    println!(
        "{:<16} {:>12} {:>12} {:>12} {:>9}",
        "network", "onnx", "onnx pixels", "pytorch", "tensors"
    );
    for (name, artifact) in artifacts() {
        let directory = tempfile::tempdir().unwrap();
        let at = |file: &str| directory.path().join(file);
        let spec = &artifact.input;
        let [channels, height, width] = [spec.channels, spec.height, spec.width];
        fs::write(
            at("model.onnx"),
            to_onnx(&artifact, OnnxInput::Normalised).unwrap(),
        )
        .unwrap();
        fs::write(
            at("pixels.onnx"),
            to_onnx(&artifact, OnnxInput::Pixels).unwrap(),
        )
        .unwrap();
        fs::write(at("model.safetensors"), to_safetensors(&artifact).unwrap()).unwrap();
        fs::write(at("model.py"), to_python(&artifact, "model.safetensors")).unwrap();
        fs::write(at("pixels.bin"), pixels(IMAGES * channels * height * width)).unwrap();
        let x = images(spec, &Device::flex());
        write_floats(
            &at("images.bin"),
            &x.into_data().iter().collect::<Vec<f32>>(),
        );
        write_floats(&at("logits.bin"), &logits(&artifact));
        let tensors = tensors(&artifact.model).unwrap();
        let mut shapes = BTreeMap::new();
        for tensor in &tensors {
            write_floats(&at(&format!("{}.bin", tensor.name)), &tensor.values);
            shapes.insert(tensor.name.clone(), tensor.shape.clone());
        }
        let about = serde_json::json!({
            "shape": [IMAGES, channels, height, width],
            "classes": artifact.classes,
            "tensors": shapes,
        });
        fs::write(at("about.json"), about.to_string()).unwrap();

        let seen = python("compare.py", directory.path());
        let difference = |format: &str| seen[format]["difference"].as_f64().unwrap();
        println!(
            "{name:<16} {:>12.1e} {:>12.1e} {:>12.1e} {:>9}",
            difference("onnx"),
            difference("pixels"),
            difference("pytorch"),
            tensors.len()
        );
        for format in ["onnx", "pixels", "pytorch"] {
            assert!(difference(format) <= BAR, "{name}, {format}: {seen}");
            assert_eq!(seen[format]["other_top1"], 0, "{name}, {format}: {seen}");
        }
        assert_eq!(seen["tensors"], tensors.len(), "{name}: {seen}");

        // Weights initialised and saved by PyTorch are imported into a model that computes the
        // same.
        let file = read(&at("torch.pt"), None).unwrap();
        let plan = artifact.model.plan();
        let imported = import(plan, &file, &Names::Auto, &Device::flex()).unwrap();
        let model = imported.model;
        let theirs = fs::read(at("torch.bin")).unwrap();
        let theirs = theirs
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let redrawn = Artifact { model, ..artifact };
        for (ours, theirs) in logits(&redrawn).into_iter().zip(theirs) {
            assert!(
                f64::from((ours - theirs).abs()) <= BAR,
                "{name}: {ours}, {theirs}"
            );
        }
    }
}

/// Images of another size through a network that accepts any, here and in onnxruntime.
#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn onnxruntime_takes_images_of_other_sizes() {
    let mut compared = 0;
    for (name, artifact) in artifacts() {
        let options = |input| OnnxOptions {
            input,
            any_size: true,
        };
        let Ok(model) = to_onnx(&artifact, options(OnnxInput::Normalised)) else {
            continue;
        };
        let directory = tempfile::tempdir().unwrap();
        let at = |file: String| directory.path().join(file);
        fs::write(at("model.onnx".into()), model).unwrap();
        let model = to_onnx(&artifact, options(OnnxInput::Pixels)).unwrap();
        fs::write(at("pixels.onnx".into()), model).unwrap();
        let input = artifact.input.size();
        let mut shapes = Vec::new();
        for (more, [height, width]) in [[1, 0], [9, 14]].into_iter().enumerate() {
            let (height, width) = (input.height + height, input.width + width);
            let mut resized = artifact.clone();
            resized.model = resized.model.resized(height, width).unwrap();
            (resized.input.height, resized.input.width) = (height, width);
            let x = images(&resized.input, &Device::flex());
            let values: Vec<f32> = x.into_data().iter().collect();
            write_floats(&at(format!("images-{more}.bin")), &values);
            write_floats(&at(format!("logits-{more}.bin")), &logits(&resized));
            let bytes = pixels(IMAGES * input.channels * height * width);
            fs::write(at(format!("pixels-{more}.bin")), bytes).unwrap();
            shapes.push([IMAGES, input.channels, height, width]);
        }
        fs::write(
            at("shapes.json".into()),
            serde_json::json!(shapes).to_string(),
        )
        .unwrap();
        let seen = python("sizes.py", directory.path());
        let seen = seen.as_array().unwrap();
        assert_eq!(seen.len(), 4, "{name}");
        for difference in seen {
            assert!(difference.as_f64().unwrap() <= BAR, "{name}: {seen:?}");
        }
        println!("{name:<16} {seen:?}");
        compared += 1;
    }
    assert!(compared >= 3, "{compared} networks take images of any size");
}

#[test]
fn a_network_that_needs_its_size_says_which_layer() {
    let any = OnnxOptions {
        any_size: true,
        ..OnnxOptions::default()
    };
    let error = |config: &ModelConfig| to_onnx(&artifact(config), any).unwrap_err().to_string();
    let size = ImageSize::new(1, 12, 12);
    let flattened = presets::preset("tutorial", size).unwrap().with_classes(3);
    let message = error(&flattened);
    assert!(message.contains("layer 4 (linear)"), "{message}");
    assert!(
        message.contains("`global_avg_pool2d` instead of `flatten`"),
        "{message}"
    );
    let strided = |padding: Padding| {
        let conv = Conv2dLayer::new(4, 3).with_strides(2).with_padding(padding);
        ModelConfig::new(1, 12, 12)
            .layer(conv)
            .layer(GlobalAvgPool2dLayer::default())
            .layer(LinearLayer::classes())
            .with_classes(3)
    };
    let message = error(&strided(Padding::Same));
    assert!(
        message.contains("layer 1 (conv2d)") && message.contains("same"),
        "{message}"
    );
    assert!(to_onnx(&artifact(&strided(Padding::Pixels(1.into()))), any).is_ok());
}
