//! A model leaves the program and comes back the same.

use crate::{done, json, output, text, train};

#[test]
fn a_model_is_exported_imported_and_evaluated_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out, back) = (at("run"), at("export"), at("back"));
    train(run.as_ref());
    let exported = json(&[
        "export",
        &run,
        "--to",
        "safetensors",
        "--out",
        &out,
        "--json",
    ]);
    assert_eq!(exported["files"].as_array().unwrap().len(), 2);
    done(&["export", &run, "--to", "onnx", "--pixels", "--out", &out]);
    for file in ["model.onnx", "model.safetensors", "model.py"] {
        assert!(
            std::fs::metadata(at("export").to_string() + "/" + file)
                .unwrap()
                .len()
                > 1_000
        );
    }
    let weights = format!("{out}/model.safetensors");
    let imported = json(&["import", &weights, "--out", &back, "--json"]);
    // Out of its run, so that both are shown the same images.
    let copy = at("copy");
    std::fs::rename(format!("{run}/model"), &copy).unwrap();
    let first = json(&[
        "evaluate",
        &copy,
        "fashion-mini",
        "--limit",
        "300",
        "--json",
    ]);
    let second = json(&[
        "evaluate",
        &back,
        "fashion-mini",
        "--limit",
        "300",
        "--json",
    ]);
    assert_eq!(first["confusion"], second["confusion"]);
    let summary = json(&["summary", &copy, "--json"]);
    assert_eq!(imported["params"], summary["total"]["params"]);
}

#[test]
fn what_can_not_be_exported_or_imported_is_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let run = at("run");
    train(run.as_ref());
    let refused = |arguments: &[&str], words: &str, code: i32| {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains(words), "{errors}");
    };
    refused(
        &["export", &run, "--to", "safetensors", "--pixels"],
        "--pixels",
        2,
    );
    refused(
        &["export", &at("none"), "--to", "onnx"],
        "not a run directory",
        1,
    );
    let classes = format!("{run}/classes.txt");
    refused(
        &["import", &classes],
        "neither a safetensors file nor a PyTorch",
        1,
    );
    refused(&["import", &run], "not a regular file", 1);
    let export = at("export");
    done(&["export", &run, "--to", "safetensors", "--out", &export]);
    let weights = format!("{export}/model.safetensors");
    refused(
        &["import", &weights, "--key", "state_dict"],
        "--key: expected a PyTorch checkpoint",
        2,
    );
    refused(
        &["import", &weights, "--std", "0"],
        "--std: expected numbers above 0, found 0",
        2,
    );
    refused(
        &["summary", &run, "--input", "3x3x3"],
        "--input: expected a preset or a config file",
        2,
    );
    let config = format!("{run}/config.toml");
    refused(
        &["train", "--resume", &run, "--epochs", "3"],
        "cannot be used with",
        2,
    );
    refused(&["train", "--freeze", "3"], "--from", 2);
    refused(
        &["train", "--config", &config, "--checkpoint-every", "soon"],
        "50steps",
        2,
    );
}
