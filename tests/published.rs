//! Networks by timm's names against PyTorch's: the same state dict gives the same logits and has the
//! same number of parameters.

use burn::tensor::{Device, Tensor, TensorData};
use receptive_interchange::{choose_form, import, read};
use receptive_model::ModelConfig;
use receptive_model::presets::{Published, published, published_names};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What only size tells apart is told at a small one too, and half of the networks need more than 64.
fn size_of(name: &str) -> usize {
    match name {
        "inception_v3" => 107,
        // These pad on one side only where a map's size is even, and on both where it is odd.
        _ if name.starts_with("tf_") => 70,
        _ => 64,
    }
}

/// The logits of PyTorch's network of that name and scheme, and ours of its state dict.
fn compare(python: &str, name: &str, form: &Published, forms: &[Published]) -> Result<f64, String> {
    let scheme = form.scheme.name();
    let directory = tempfile::tempdir().unwrap();
    let at = |file: &str| directory.path().join(file);
    let size = size_of(name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/published.py");
    let ran = Command::new(python)
        .arg(script)
        .arg(directory.path())
        .args([name, scheme, &size.to_string()])
        .output()
        .expect("Python starts");
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    let theirs: Value = serde_json::from_slice(&ran.stdout).map_err(|error| error.to_string())?;

    let file = read(&at("weights.pth"), None).map_err(|error| error.to_string())?;
    let choice = choose_form(forms, &file).ok_or("its names are of no form")?;
    if choice.form.names != form.names {
        return Err(format!(
            "taken for the names of {}",
            choice.form.scheme.name()
        ));
    }
    let plan = ModelConfig::new(3, size, size)
        .layers(form.layers.clone())
        .with_classes(choice.outputs.ok_or("no outputs")?)
        .plan()
        .map_err(|error| error.to_string())?;
    if theirs["params"] != plan.total.params {
        return Err(format!(
            "{} parameters, PyTorch has {}",
            plan.total.params, theirs["params"]
        ));
    }
    let device = Device::flex();
    let imported =
        import(&plan, &file, &choice.names, &device).map_err(|error| error.to_string())?;
    let images = TensorData::new(floats(&at("images.bin")), [2, 3, size, size]);
    let logits = imported
        .model
        .forward(Tensor::<4>::from_data(images, &device));
    let logits: Vec<f32> = logits.into_data().iter().collect();
    let expected = floats(&at("logits.bin"));
    assert_eq!(logits.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f64, |most, x| most.max(f64::from(x.abs())));
    let errors = logits
        .iter()
        .zip(&expected)
        .map(|(a, b)| f64::from((a - b).abs()));
    Ok(errors.fold(0.0, f64::max) / largest)
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let values = bytes.chunks_exact(4);
    values
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// A third of the networks; all with `RECEPTIVE_PUBLISHED=all`, some with their names, separated by
/// commas.
#[test]
#[ignore = "needs Python with torch, torchvision and timm (RECEPTIVE_PYTHON)"]
fn published_networks_give_pytorch_s_logits() {
    let python = std::env::var("RECEPTIVE_PYTHON")
        .expect("RECEPTIVE_PYTHON: the Python interpreter with torch, torchvision and timm");
    let wanted = std::env::var("RECEPTIVE_PUBLISHED").unwrap_or_default();
    let is_wanted = |(i, name): &(usize, &str)| match wanted.as_str() {
        "" => i % 3 == 0,
        "all" => true,
        names => names.split(',').any(|wanted| wanted == *name),
    };
    let mut failures = Vec::new();
    for (_, name) in published_names().enumerate().filter(is_wanted) {
        let forms = published(name);
        for form in &forms {
            let scheme = form.scheme.name();
            // Its package cannot be installed everywhere; its names are those of a file in another test.
            if scheme == "lukemelas" {
                continue;
            }
            match compare(&python, name, form, &forms) {
                Ok(error) => {
                    println!("{name:<24} {scheme:<12} {error:.1e}");
                    if error.is_nan() || error > 1e-4 {
                        failures.push(format!("{name} ({scheme}): {error:e}"));
                    }
                }
                Err(problem) => failures.push(format!("{name} ({scheme}): {problem}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
