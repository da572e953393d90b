//! What a run was trained on is never tested, whatever happens to its folder afterwards.

use crate::{done, json, output, text};
use image::{Rgb, RgbImage};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Noise that depends on the name alone: nothing can be learned but each image itself.
pub(crate) fn noise(path: &Path) {
    let name = path.to_str().unwrap();
    let mut state = name.bytes().fold(1u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let image = RgbImage::from_fn(8, 8, |_, _| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Rgb([state >> 40, state >> 48, state >> 56].map(|value| value as u8))
    });
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

pub(crate) const CLASSES: [&str; 3] = ["ant", "bee", "fly"];

/// A folder with 30 images a class and a run of one epoch on it.
struct Trained {
    _directory: tempfile::TempDir,
    root: PathBuf,
    data: PathBuf,
    run: PathBuf,
    /// The split of each image, by its path within the folder.
    record: HashMap<String, String>,
}

impl Trained {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_path_buf();
        let (data, run) = (root.join("data"), root.join("run"));
        for class in CLASSES {
            for i in 0..30 {
                noise(&data.join(class).join(format!("{i:02}.png")));
            }
        }
        train(&data, &run, &[]);
        Self {
            record: record(&run),
            _directory: directory,
            root,
            data,
            run,
        }
    }

    fn evaluate(&self, arguments: &[&str]) -> Value {
        let run = self.run.to_str().unwrap();
        json(&[&["evaluate", run, "--json"], arguments].concat())
    }

    fn in_split(&self, split: &str) -> Vec<String> {
        let mut paths: Vec<String> = self
            .record
            .iter()
            .filter(|(_, of)| *of == split)
            .map(|(path, _)| path.clone())
            .collect();
        paths.sort();
        paths
    }
}

pub(crate) fn train(data: &Path, run: &Path, arguments: &[&str]) {
    let [data, run] = [data, run].map(|path| path.to_str().unwrap());
    let fixed = [
        "train",
        data,
        "--epochs",
        "1",
        "--run-dir",
        run,
        "--tui",
        "off",
    ];
    done(&[&fixed[..], arguments].concat());
}

pub(crate) fn record(run: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(run.join("split.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("split,class,path,sha256,group,pixels"));
    lines
        .filter(|line| !line.starts_with("end,"))
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[2].to_string(), cells[0].to_string())
        })
        .collect()
}

/// The paths that a record has in a split.
pub(crate) fn in_split(run: &Path, split: &str) -> Vec<String> {
    let mut paths: Vec<String> = record(run)
        .into_iter()
        .filter(|(_, of)| of == split)
        .map(|(path, _)| path)
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_run_is_tested_on_its_own_test_images_after_its_folder_changed() {
    let trained = Trained::new();
    let before = trained.evaluate(&[]);
    let test = trained.in_split("test");
    assert_eq!(before["images"], test.len());
    assert_eq!(before["known"], 90);
    assert_eq!(before["new"], Value::Null);

    // One test image and two training images go, three come, one is renamed.
    let gone = [&test[..1], &trained.in_split("train")[..2]].concat();
    for path in &gone {
        fs::remove_file(trained.data.join(path)).unwrap();
    }
    for i in 0..3 {
        noise(&trained.data.join(format!("bee/new-{i}.png")));
    }
    let old = &trained.in_split("train")[5];
    let renamed = trained.data.join(old).with_file_name("aaa.png");
    fs::rename(trained.data.join(old), renamed).unwrap();

    let after = trained.evaluate(&[]);
    assert_eq!(after["split"], "test");
    assert_eq!(after["images"], test.len() - 1);
    assert_eq!(after["known"], 87);
    assert_eq!(
        after["missing"],
        serde_json::json!({ "train": 2, "val": 0, "test": 1 })
    );
    assert_eq!(after["new"]["images"], 3);
    let new = trained.evaluate(&["--split", "new"]);
    assert_eq!(new["images"], 3);
    let resumed = output(&["train", "--resume", trained.run.to_str().unwrap()]);
    let message = text(&resumed.stderr).replace("\n  ", " ");
    assert_eq!(resumed.status.code(), Some(2), "{message}");
    assert!(message.contains("2 train, 0 val, 1 test"), "{message}");

    let said = output(&["evaluate", trained.run.to_str().unwrap()]);
    let said = text(&said.stderr).replace("\n  ", " ");
    for path in &gone {
        assert!(said.contains(path.as_str()), "{said}");
    }
    assert!(
        said.contains("3 images were added since training"),
        "{said}"
    );
}

#[test]
fn a_moved_folder_is_recognized_by_content_however_it_is_named() {
    let trained = Trained::new();
    let before = trained.evaluate(&[]);
    let moved = trained.root.join("elsewhere");
    fs::rename(&trained.data, &moved).unwrap();
    let (run, place) = (trained.run.to_str().unwrap(), moved.to_str().unwrap());

    let refused = output(&["evaluate", run]);
    let message = text(&refused.stderr).replace("\n  ", " ");
    assert!(
        message.contains(&format!("evaluate {run} --data")),
        "{message}"
    );

    for arguments in [&["--data", place][..], &[place]] {
        let after = trained.evaluate(arguments);
        for key in ["split", "images", "top1", "loss"] {
            assert_eq!(after[key], before[key], "{arguments:?}: {key}");
        }
    }
    let report = json(&["report", run, "--data", place, "--samples", "2", "--json"]);
    assert_eq!(report["top1"], before["top1"]);
    let out = trained.root.join("out");
    let out = out.to_str().unwrap();
    let seen = json(&["features", run, "--data", place, "--out", out, "--json"]);
    assert_eq!(
        seen["image"],
        moved.join(&trained.in_split("test")[0]).to_str().unwrap()
    );
    let samples = ["--samples", "2", "--out", out, "--json"];
    let field = json(&[&["erf", run, "--data", place], &samples[..]].concat());
    let input = field["input"].as_str().unwrap();
    assert!(input.contains("elsewhere, test split"), "{input}");
    done(&["train", "--resume", run, "--data", place]);
}

#[test]
fn what_was_trained_on_is_left_out_of_other_data_under_any_name() {
    let trained = Trained::new();
    let other = trained.root.join("other");
    let mut copied = 0;
    for (at, path) in trained.in_split("train").iter().enumerate().take(20) {
        let class = path.split('/').next().unwrap();
        let to = other.join(class).join(format!("copy-{at}.png"));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(trained.data.join(path), to).unwrap();
        copied += 1;
    }
    for class in CLASSES {
        noise(&other.join(class).join("unseen.png"));
    }
    let place = other.to_str().unwrap();
    let evaluated = trained.evaluate(&[place]);
    assert_eq!(evaluated["trained_on"], copied);
    assert_eq!(evaluated["images"], 3);

    for class in CLASSES {
        fs::remove_file(other.join(class).join("unseen.png")).ok();
    }
    let refused = output(&["evaluate", trained.run.to_str().unwrap(), place]);
    let message = text(&refused.stderr).replace("\n  ", " ");
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("trained on all 20 images"), "{message}");
}

#[test]
fn a_run_that_starts_from_another_keeps_its_test_images_unseen() {
    let trained = Trained::new();
    let child = trained.root.join("child");
    let from = trained.run.to_str().unwrap();
    train(&trained.data, &child, &["--from", from, "--seed", "9"]);
    assert_eq!(record(&child), trained.record);

    // Other data: what the parent learned from counts as trained on, also in the grandchild.
    let other = trained.root.join("other");
    for class in CLASSES {
        for i in 0..9 {
            noise(&other.join("train").join(class).join(format!("{i}.png")));
        }
    }
    let leaked = trained.in_split("train")[0].clone();
    let class = leaked.split('/').next().unwrap();
    for class in CLASSES {
        noise(&other.join("test").join(class).join("t.png"));
    }
    fs::copy(
        trained.data.join(&leaked),
        other.join("test").join(class).join("leaked.png"),
    )
    .unwrap();
    let unseen = trained.in_split("test")[0].clone();
    let class = unseen.split('/').next().unwrap();
    fs::copy(
        trained.data.join(&unseen),
        other.join("train").join(class).join("unseen.png"),
    )
    .unwrap();
    let grandchild = trained.root.join("grandchild");
    train(&other, &grandchild, &["--from", child.to_str().unwrap()]);
    let record = record(&grandchild);
    assert!(!record.keys().any(|path| path.ends_with("leaked.png")));
    assert!(!record.keys().any(|path| path.ends_with("unseen.png")));
    assert_eq!(record[&leaked], "before");
    assert_eq!(record.values().filter(|split| *split == "test").count(), 3);
}

#[test]
fn a_model_without_a_record_is_said_to_have_none_and_so_are_those_trained_from_it() {
    let trained = Trained::new();
    let copy = trained.root.join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(trained.run.join("model")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let copy = copy.to_str().unwrap();
    let data = trained.data.to_str().unwrap();
    let said = |arguments: &[&str]| {
        let output = output(arguments);
        let message = text(&output.stderr).replace("\n  ", " ");
        assert!(output.status.success(), "{message}");
        assert!(
            message.contains("complete split.csv"),
            "{arguments:?}: {message}"
        );
    };
    said(&["evaluate", copy, data]);
    let child = trained.root.join("child");
    let child = child.to_str().unwrap();
    let short = ["--epochs", "1", "--tui", "off"];
    said(
        &[
            &["train", data, "--from", copy, "--run-dir", child],
            &short[..],
        ]
        .concat(),
    );
    said(&["evaluate", child]);
    let grandchild = trained.root.join("grandchild");
    let grandchild = grandchild.to_str().unwrap();
    said(
        &[
            &["train", data, "--from", child, "--run-dir", grandchild],
            &short[..],
        ]
        .concat(),
    );
    said(&["evaluate", grandchild]);

    let lost = output(&["train", "--from", copy]);
    assert_eq!(lost.status.code(), Some(2));
    assert!(text(&lost.stderr).contains("give DATA"));
}

#[test]
fn a_run_on_a_part_of_its_folder_finds_its_images_under_other_names_and_classes() {
    let trained = Trained::new();
    let run = trained.root.join("limited");
    train(&trained.data, &run, &["--limit", "40"]);
    let before = json(&["evaluate", run.to_str().unwrap(), "--json"]);
    assert_eq!(before["new"], Value::Null);
    for class in CLASSES {
        for i in 0..30 {
            let old = trained.data.join(class).join(format!("{i:02}.png"));
            fs::rename(&old, old.with_file_name(format!("x{}.png", 29 - i))).unwrap();
        }
    }
    let after = json(&["evaluate", run.to_str().unwrap(), "--json"]);
    for key in ["images", "top1", "loss", "known"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["new"], Value::Null);
    // Renamed images keep the order of the run too, so that it can be resumed.
    done(&["train", "--resume", run.to_str().unwrap(), "--epochs", "2"]);

    let moved = trained.data.join("ant/x0.png");
    fs::rename(&moved, trained.data.join("bee/moved.png")).unwrap();
    let output = output(&["evaluate", trained.run.to_str().unwrap()]);
    let message = text(&output.stderr).replace("\n  ", " ");
    assert!(message.contains("1 image is in another class"), "{message}");
}

#[test]
fn predict_says_which_images_were_trained_on() {
    let trained = Trained::new();
    let copy = trained.root.join("copy.png");
    fs::copy(trained.data.join(&trained.in_split("train")[0]), &copy).unwrap();
    let test = trained.data.join(&trained.in_split("test")[0]);
    let fresh = trained.root.join("fresh.png");
    noise(&fresh);
    let paths = [&copy, &test, &fresh].map(|path| path.to_str().unwrap());
    let run = trained.run.to_str().unwrap();
    let out = done(&[&["predict", run, "--json"], &paths[..]].concat());
    let splits: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["split"].clone())
        .collect();
    assert_eq!(splits, [Value::from("train"), "test".into(), Value::Null]);

    let output = output(&[&["predict", run], &paths[..]].concat());
    let marked = text(&output.stdout);
    assert_eq!(marked.matches("(trained on)").count(), 1, "{marked}");
    assert!(text(&output.stderr).contains("1 of 3 images"));
}

#[test]
fn equal_images_never_stand_in_two_splits_and_in_two_classes_not_unsaid() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    for split in ["train", "val", "test"] {
        for class in CLASSES {
            for i in 0..4 {
                noise(&data.join(split).join(class).join(format!("{i}.png")));
            }
        }
    }
    let copy = |from: &str, to: &str| fs::copy(data.join(from), data.join(to)).unwrap();
    copy("train/ant/0.png", "test/ant/same.png");
    copy("train/ant/0.png", "val/ant/same.png");
    copy("test/bee/0.png", "val/bee/same.png");
    copy("train/fly/0.png", "train/bee/wrong.png");
    let found = json(&["data", data.to_str().unwrap(), "--json"]);
    assert_eq!(found["splits"]["test"], serde_json::json!([4, 4, 4]));
    assert_eq!(found["splits"]["val"], serde_json::json!([4, 4, 4]));
    assert_eq!(found["splits"]["train"], serde_json::json!([4, 5, 4]));
    assert_eq!(
        found["duplicates"],
        serde_json::json!({ "between_splits": 3, "between_classes": 2, "within_splits": 0 })
    );
    let shown = done(&["data", data.to_str().unwrap()]).replace("\n  ", " ");
    assert!(
        shown.contains("left 1 image out of the test split"),
        "{shown}"
    );
    assert!(
        shown.contains("left 2 images out of the validation split"),
        "{shown}"
    );
    assert!(shown.contains("train/bee/wrong.png"), "{shown}");
}

#[test]
fn a_damaged_record_is_rejected_and_a_missing_one_is_said() {
    let trained = Trained::new();
    let path = trained.run.join("split.csv");
    let good = fs::read_to_string(&path).unwrap();
    let cut = good.lines().take(40).map(|line| format!("{line}\n"));
    fs::write(&path, cut.collect::<String>()).unwrap();
    let refused = output(&["evaluate", trained.run.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("truncated or edited"));
    fs::write(&path, good.replacen("train,", "learn,", 1)).unwrap();
    let run = trained.run.to_str().unwrap();
    let refused = output(&["evaluate", run]);
    let message = text(&refused.stderr);
    assert!(!refused.status.success());
    assert!(
        message.contains("split.csv") && message.contains("learn"),
        "{message}"
    );

    fs::remove_file(&path).unwrap();
    let said = output(&["evaluate", run]);
    assert!(said.status.success());
    let note = text(&said.stderr).replace("\n  ", " ");
    assert!(note.contains("complete split.csv"), "{note}");
}
