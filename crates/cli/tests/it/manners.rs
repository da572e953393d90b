//! Small promises of the command line: where results go, what a message names, what is tried at all.

use crate::split::{CLASSES, noise, train};
use crate::{done, output, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with these numbers of images of the three classes, and a run of one epoch on it.
fn trained(root: &Path, images: [usize; 3]) -> (PathBuf, PathBuf) {
    let (data, run) = (root.join("data"), root.join("run"));
    for (class, images) in CLASSES.iter().zip(images) {
        for i in 0..images {
            noise(&data.join(class).join(format!("{i:02}.png")));
        }
    }
    train(&data, &run, &[]);
    (data, run)
}

#[test]
fn a_table_of_predictions_goes_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let (data, run) = trained(directory.path(), [8; 3]);
    let image = data.join("ant/00.png");
    let table = done(&["predict", text_of(&run), text_of(&image), "--csv", "-"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("path,class"), "{table}");
    assert!(lines[1].contains("00.png"), "{table}");
    assert!(!Path::new("-").exists());
}

#[test]
fn an_image_from_standard_input_is_marked_as_trained_on() {
    let directory = tempfile::tempdir().unwrap();
    let (data, run) = trained(directory.path(), [8; 3]);
    let record = crate::split::record(&run);
    let (path, _) = record.iter().find(|(_, split)| *split == "train").unwrap();
    let file = fs::File::open(data.join(path)).unwrap();
    let out = crate::receptive(&["predict", text_of(&run), "-"])
        .stdin(file)
        .output()
        .unwrap();
    assert!(text(&out.stdout).contains("(trained on)"), "{out:?}");
    let said = text(&out.stderr).replace("\n  ", " ");
    assert!(
        said.contains("1 of 1 image was used for training"),
        "{said}"
    );
}

#[test]
fn the_format_of_an_export_follows_from_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let (_, run) = trained(directory.path(), [8; 3]);
    for name in ["a.onnx", "b.ONNX", "c.safetensors"] {
        let file = directory.path().join(name);
        done(&["export", text_of(&run), "--out", text_of(&file)]);
        assert!(file.is_file(), "{name}");
    }
    let refused = output(&["export", text_of(&run), "--out", text_of(directory.path())]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--to onnx"));
}

#[test]
fn a_missing_image_does_not_hide_the_explanation_of_another() {
    let directory = tempfile::tempdir().unwrap();
    let (data, run) = trained(directory.path(), [8; 3]);
    let out = directory.path().join("out");
    let explained = output(&[
        "attend",
        text_of(&run),
        text_of(&data.join("missing.png")),
        text_of(&data.join("ant/00.png")),
        "--smooth",
        "0",
        "--out",
        text_of(&out),
    ]);
    assert_eq!(explained.status.code(), Some(1));
    assert!(text(&explained.stderr).contains("missing.png"));
    assert!(out.join("00/attend.png").is_file());
}

#[test]
fn an_invalid_setting_is_named_with_what_set_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    for class in CLASSES {
        (0..4).for_each(|i| noise(&data.join(class).join(format!("{i}.png"))));
    }
    for (arguments, wanted) in [
        (&["--image-size", "0"][..], "--image-size"),
        (&["--image-size", "20000"], "(set by --image-size)"),
        (&["--set", "train.epochs=0"], "(set by --set)"),
        (
            &["--epochs", "3", "--set", "train.epochs=none"],
            "cannot be left out",
        ),
        (&["--set", "train.epochs=many"], "expected a whole number"),
        (&["--set", "model.classes=7"], "follows from the data"),
    ] {
        let refused = output(&[&["train", text_of(&data), "--dry-run"], arguments].concat());
        let message = text(&refused.stderr).replace("\n  ", " ");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(wanted), "{arguments:?}: {message}");
        for word in ["usize", "u64", "unknown field", "invalid type"] {
            assert!(!message.contains(word), "{arguments:?}: {message}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_no_machine_can_hold_is_rejected_before_it_is_tried() {
    for arguments in [
        &["erf", "plain-20", "--size", "8000x8000", "--samples", "2"][..],
        &[
            "bench", "vgg", "--infer", "--batch", "1000000", "--steps", "1",
        ],
        &["bench", "data", "fashion-mini", "--size", "1000000"],
    ] {
        let refused = output(arguments);
        let message = text(&refused.stderr).replace("\n  ", " ");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.contains("available") || message.contains("pixels"),
            "{message}"
        );
    }
}

#[test]
fn what_a_benchmark_would_ignore_is_rejected() {
    for (arguments, told) in [
        (
            &["data", "fashion-mini", "--infer"][..],
            "--infer: it applies to networks",
        ),
        (
            &["data", "fashion-mini", "--steps", "3"],
            "--steps: it applies to networks",
        ),
        (
            &["fashion", "--workers", "3"],
            "--workers: networks are timed on random images",
        ),
        (
            &["fashion", "--bad-images", "skip"],
            "use it with `bench data`",
        ),
        (
            &["photo", "--scaling"],
            "--scaling: it applies to training only",
        ),
        (&["alexnet", "--size", "16"], "--size: layer 4 (max_pool2d)"),
    ] {
        let refused = output(&[&["bench"], arguments].concat());
        let message = text(&refused.stderr).replace("\n  ", " ");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn mean_recall_stands_beside_top1_where_classes_are_imbalanced() {
    let directory = tempfile::tempdir().unwrap();
    for (images, expected) in [([40, 40, 5], true), ([12, 12, 12], false)] {
        let root = directory.path().join(expected.to_string());
        let data = root.join("data");
        for (class, images) in CLASSES.iter().zip(images) {
            (0..images).for_each(|i| noise(&data.join(class).join(format!("{i:02}.png"))));
        }
        let run = root.join("run");
        let trained = output(&[
            "train",
            text_of(&data),
            "--epochs",
            "1",
            "--run-dir",
            text_of(&run),
        ]);
        let said = text(&trained.stderr);
        let epoch = said.lines().find(|line| line.starts_with("epoch")).unwrap();
        assert_eq!(epoch.contains(" recall "), expected, "{epoch}");
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
        let end: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(end["test_mean_recall"].is_f64(), "{end}");
    }
}

#[test]
fn a_folder_that_is_neither_validated_nor_tested_is_said_so_once() {
    let directory = tempfile::tempdir().unwrap();
    for class in CLASSES {
        noise(&directory.path().join("train").join(class).join("0.png"));
    }
    let shown = done(&["data", text_of(directory.path())]).replace("\n         ", " ");
    assert!(
        shown.contains("neither validation nor test images"),
        "{shown}"
    );
    assert_eq!(shown.matches("there are no").count(), 0, "{shown}");
}
