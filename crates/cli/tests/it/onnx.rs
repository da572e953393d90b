//! A network comes in as an ONNX file.

use crate::{done, json, output, receptive, text, train};

#[test]
fn an_onnx_file_is_a_model_to_evaluate_and_to_start_from() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, file, back) = (at("run"), at("model.onnx"), at("back"));
    train(run.as_ref());
    done(&["export", &run, "--to", "onnx", "--out", &file]);
    let imported = json(&["import", &file, "--out", &back, "--json"]);
    // The nodes that the layers come from.
    assert_eq!(
        imported["layers"][0],
        serde_json::json!(["conv2d_1", "conv2d_1"])
    );
    assert_eq!(imported["origin"]["source"], file);
    // A report is about a training, which an imported model has not.
    let report = output(&["report", &back]);
    let errors = text(&report.stderr);
    assert_eq!(report.status.code(), Some(2), "{errors}");
    assert!(errors.contains("receptive evaluate"), "{errors}");
    let inside = output(&["report", &format!("{run}/model")]);
    let errors = text(&inside.stderr);
    assert!(
        errors.contains(&format!("receptive report {run}")),
        "{errors}"
    );
    let erf = output(&[
        "erf",
        &back,
        "--input",
        "own",
        "--samples",
        "2",
        "--out",
        &at("erf"),
    ]);
    let errors = text(&erf.stderr);
    assert!(!errors.contains("copied out of its run"), "{errors}");
    assert!(errors.contains("so its data is unknown"), "{errors}");
    let copy = at("copy");
    std::fs::rename(format!("{run}/model"), &copy).unwrap();
    let confusion = |model: &str| {
        json(&[
            "evaluate",
            model,
            "fashion-mini",
            "--limit",
            "300",
            "--json",
        ])["confusion"]
            .clone()
    };
    assert_eq!(confusion(&copy), confusion(&back));

    let mut command = receptive(&[
        "train",
        "fashion-mini",
        "--from",
        &file,
        "--limit",
        "60",
        "--epochs",
        "1",
        "--run-dir",
        &at("tuned"),
    ]);
    let ran = command
        .env("RECEPTIVE_CACHE", at("cache"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
}

#[test]
fn what_an_onnx_file_leaves_open_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, file, out) = (at("run"), at("model.onnx"), at("out"));
    train(run.as_ref());
    done(&["export", &run, "--to", "onnx", "--out", &file]);
    // Without the metadata, whose keys are strings in the file.
    let mut bytes = std::fs::read(&file).unwrap();
    for key in [&b"classes"[..], b"receptive"] {
        let places = 0..bytes.len() - key.len();
        for place in places.rev() {
            // A field of number 1, its length, the key.
            let is_key = bytes[place..].starts_with(key)
                && bytes[place - 2..place] == [0x0a, key.len() as u8];
            if is_key {
                bytes[place] = b'x';
            }
        }
    }
    let bare = at("bare.onnx");
    std::fs::write(&bare, bytes).unwrap();
    let rejected = |arguments: &[&str], code: i32, expected: &str| {
        let ran = output(&[&["import"], arguments, &["--out", &out]].concat());
        let errors = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    };
    rejected(&[&bare], 2, "--mean");
    // A training has no such option.
    let ran = output(&[
        "train",
        "fashion-mini",
        "--from",
        &bare,
        "--run-dir",
        &at("tuned"),
    ]);
    let errors = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{errors}");
    assert!(errors.contains("receptive import"), "{errors}");
    assert!(errors.contains("--from imported"), "{errors}");
    rejected(
        &[&bare, "--mean", "0", "--std", "1", "--classes", "3"],
        2,
        "expected 10 classes",
    );
    rejected(&[&file, "--network", "vgg"], 2, "--network");
    std::fs::write(at("text.onnx"), "no graph").unwrap();
    rejected(&[&at("text.onnx")], 1, "it is not ONNX");
    let ran = output(&["import", &bare, "--mean", "0", "--std", "1", "--out", &out]);
    let errors = text(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    assert!(
        errors.contains("the file has no usable names for its 10 classes"),
        "{errors}"
    );
}
