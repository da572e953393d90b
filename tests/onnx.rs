//! What another program wrote as ONNX comes in and computes the same.
//!
//! The tests that need Python are ignored by default: `RECEPTIVE_PYTHON` names an interpreter with numpy,
//! onnx, onnxruntime, timm, torch and torchvision.

use burn::tensor::{Device, Tensor, TensorData};
use receptive_interchange::{OnnxReadOptions, read_onnx};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The largest difference of a logit, as a share of the largest logit.
const BAR: f64 = 1e-4;

fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let values = bytes.as_chunks().0.iter();
    values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Runs one of our scripts in Python.
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

/// The largest difference of a logit to the file's, as a share of the largest; or why it is not read.
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

/// The networks that the script exports, or that an earlier call has.
fn exported(names: &[&str], keep: &tempfile::TempDir) -> PathBuf {
    if let Some(directory) = env::var_os("RECEPTIVE_ONNX_NETWORKS") {
        return directory.into();
    }
    let at = keep.path().to_string_lossy().into_owned();
    script("onnx_networks.py", &[&[at.as_str()], names].concat());
    keep.path().into()
}

fn compare(names: &[&str]) -> (Vec<String>, Vec<String>) {
    let keep = tempfile::tempdir().unwrap();
    let at = exported(names, &keep);
    let index: Value = serde_json::from_slice(&fs::read(at.join("index.json")).unwrap()).unwrap();
    let (mut read, mut rejected) = (Vec::new(), Vec::new());
    for about in index.as_array().unwrap() {
        let name = about["name"].as_str().unwrap();
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        match difference(&at, about) {
            Ok(apart) => {
                println!("{name:<28} {apart:.1e}");
                assert!(apart <= BAR, "{name}: {apart}");
                read.push(name.to_string());
            }
            Err(problem) => {
                let problem = problem.replace(&*at.to_string_lossy(), "");
                println!("{name:<28} {problem}");
                rejected.push(name.to_string());
            }
        }
    }
    println!("{} read, {} rejected", read.len(), rejected.len());
    (read, rejected)
}

/// Minutes: all networks of `tests/python/onnx_networks.py`.
#[test]
#[ignore = "needs Python: RECEPTIVE_PYTHON names it"]
fn seventy_five_networks_of_torchvision_and_timm() {
    let (read, _) = compare(&[]);
    assert!(read.len() >= 61, "{} networks are read", read.len());
}
