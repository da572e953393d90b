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
fn an_exported_file_has_the_name_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let run = at("run");
    train(run.as_ref());
    for (to, out, files) in [
        ("onnx", "new/shoes.onnx", &["new/shoes.onnx"][..]),
        ("onnx", "shoes.v2", &["shoes.v2/model.onnx"]),
        (
            "safetensors",
            "shoes.safetensors",
            &["shoes.safetensors", "shoes.py"],
        ),
    ] {
        let written = json(&["export", &run, "--to", to, "--out", &at(out), "--json"]);
        let files: Vec<String> = files.iter().map(|file| at(file)).collect();
        assert_eq!(written["files"], serde_json::json!(files));
        assert!(
            files
                .iter()
                .all(|file| std::path::Path::new(file).is_file())
        );
    }
    let python = std::fs::read_to_string(at("shoes.py")).unwrap();
    assert!(python.contains("shoes.safetensors"), "{python}");
    for (to, out, expected) in [
        ("onnx", "x.safetensors", "NAME.onnx for --to onnx"),
        (
            "safetensors",
            "x.onnx",
            "NAME.safetensors for --to safetensors",
        ),
        ("safetensors", "x.py", "next to which NAME.py is written"),
    ] {
        let refused = output(&["export", &run, "--to", to, "--out", &at(out)]);
        let errors = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        assert!(errors.contains(expected), "{errors}");
        assert!(!std::path::Path::new(&at(out)).exists());
    }
    // The preset of this run flattens its maps.
    let refused = output(&[
        "export",
        &run,
        "--to",
        "onnx",
        "--any-size",
        "--out",
        &at("any"),
    ]);
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("layer 4 (linear)") && errors.contains("global_avg_pool2d"),
        "{errors}"
    );
}

#[test]
fn lists_of_classes_and_runs_say_what_an_import_needs() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let run = at("run");
    train(run.as_ref());
    done(&["export", &run, "--to", "safetensors", "--out", &at("st")]);
    let weights = at("st/model.safetensors");
    let names: Vec<String> = (0..10).map(|class| format!("class {class}")).collect();
    std::fs::write(
        at("bom.txt"),
        format!("\u{feff}{}\r\n\r\n", names.join("\r\n")),
    )
    .unwrap();
    done(&[
        "import",
        &weights,
        "--classes",
        &at("bom.txt"),
        "--out",
        &at("bom"),
    ]);
    let model = std::fs::read_to_string(at("bom/model.json")).unwrap();
    assert!(
        model.contains("\"class 0\"") && !model.contains('\u{feff}'),
        "{model}"
    );
    let twice = names.join("\n") + "\n class 3\n";
    std::fs::write(at("twice.txt"), twice).unwrap();
    std::fs::write(at("nine.txt"), names[..9].join("\n")).unwrap();
    for (list, expected) in [
        ("twice.txt", "found `class 3` on lines 4 and 11"),
        ("nine.txt", "expected 10 classes, as many as"),
    ] {
        let refused = output(&[
            "import",
            &weights,
            "--classes",
            &at(list),
            "--out",
            &at("x"),
        ]);
        let errors = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains(&format!("--classes {}", at(list))),
            "{errors}"
        );
        assert!(errors.contains(expected), "{errors}");
    }
    // Without its metadata the file knows weights alone, and the run knows the rest.
    let bytes = std::fs::read(&weights).unwrap();
    let tensors = safetensors_without_metadata(&bytes);
    std::fs::write(at("bare.safetensors"), tensors).unwrap();
    done(&[
        "import",
        &at("bare.safetensors"),
        "--network",
        &run,
        "--out",
        &at("back"),
    ]);
    let back = std::fs::read_to_string(at("back/model.json")).unwrap();
    assert!(back.contains("Ankle boot"), "{back}");
    // Its own classes in another order would give every output another's name.
    let back: serde_json::Value = serde_json::from_str(&back).unwrap();
    let own = back["classes"].as_array().unwrap().iter();
    let mut own: Vec<&str> = own.map(|name| name.as_str().unwrap()).collect();
    std::fs::write(at("own.txt"), own.join("\n")).unwrap();
    own.swap(2, 3);
    std::fs::write(at("swapped.txt"), own.join("\n")).unwrap();
    let import = |list: &str| {
        output(&[
            "import",
            &weights,
            "--classes",
            &at(list),
            "--out",
            &at("named"),
        ])
    };
    let refused = import("swapped.txt");
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("another order: output 3 is `Pullover`"),
        "{errors}"
    );
    assert!(import("own.txt").status.success());
}

/// The same file with the entry `__metadata__` of its header blanked out.
fn safetensors_without_metadata(bytes: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = &bytes[8..8 + length];
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    header
        .as_object_mut()
        .unwrap()
        .remove("__metadata__")
        .unwrap();
    let mut header = header.to_string();
    header += &" ".repeat(length - header.len());
    [&bytes[..8], header.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn what_can_not_be_exported_or_imported_is_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let run = at("run");
    train(run.as_ref());
    let rejected = |arguments: &[&str], words: &str, code: i32| {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains(words), "{errors}");
    };
    rejected(
        &["export", &run, "--to", "safetensors", "--pixels"],
        "--pixels",
        2,
    );
    rejected(
        &["export", &at("none"), "--to", "onnx"],
        "not a run directory",
        1,
    );
    let classes = format!("{run}/classes.txt");
    rejected(
        &["import", &classes],
        "neither a safetensors file nor a PyTorch",
        1,
    );
    rejected(
        &["import", &run],
        "expected a weights file, or a folder with config.json",
        2,
    );
    let export = at("export");
    done(&["export", &run, "--to", "safetensors", "--out", &export]);
    let weights = format!("{export}/model.safetensors");
    rejected(
        &["import", &weights, "--key", "state_dict"],
        "--key: expected a PyTorch checkpoint",
        2,
    );
    rejected(
        &["import", &weights, "--std", "0"],
        "--std: expected numbers above 0, found 0",
        2,
    );
    rejected(
        &["summary", &run, "--input", "3x3x3"],
        "--input: expected a preset or a config file",
        2,
    );
    let config = format!("{run}/config.toml");
    rejected(
        &["train", "--resume", &run, "--preset", "vgg"],
        "cannot be used with",
        2,
    );
    rejected(&["train", "--freeze", "3"], "--from", 2);
    rejected(
        &["train", "--config", &config, "--checkpoint-every", "soon"],
        "50steps",
        2,
    );
}
