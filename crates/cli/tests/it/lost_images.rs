//! A trained run some of whose images were damaged or deleted since, and runs that start from it.

use crate::split::{CLASSES, in_split, noise, train};
use crate::{done, json, output, text};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

struct Trained {
    _directory: tempfile::TempDir,
    root: PathBuf,
    data: PathBuf,
    run: PathBuf,
}

impl Trained {
    fn new(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_path_buf();
        let (data, run) = (root.join("data"), root.join("run"));
        for class in CLASSES {
            for i in 0..20 {
                noise(&data.join(class).join(format!("{i:02}.png")));
            }
        }
        train(&data, &run, arguments);
        Self {
            _directory: directory,
            root,
            data,
            run,
        }
    }

    fn run(&self) -> &str {
        self.run.to_str().unwrap()
    }

    /// The paths of a split, below the data.
    fn of(&self, split: &str) -> Vec<String> {
        in_split(&self.run, split)
    }

    fn damage(&self, path: &str) {
        let path = self.data.join(path);
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }

    fn evaluate(&self) -> Value {
        json(&["evaluate", self.run(), "--json"])
    }
}

fn error(arguments: &[&str]) -> String {
    let output = output(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    text(&output.stderr)
}

#[test]
fn an_image_that_was_damaged_since_is_named_and_the_rest_measured() {
    let trained = Trained::new(&[]);
    let test = trained.of("test");
    let learned = trained.of("train");
    trained.damage(&test[0]);
    fs::remove_file(trained.data.join(&learned[0])).unwrap();
    let measured = trained.evaluate();
    assert_eq!(measured["images"], test.len() - 1);
    assert_eq!(
        measured["missing"],
        json!({ "train": 1, "val": 0, "test": 0 })
    );
    assert_eq!(
        measured["unreadable"],
        json!({ "train": 0, "val": 0, "test": 1 })
    );
    assert_eq!(measured["known"], 58);
    let notes = measured["notes"].as_array().unwrap();
    let of = |part: &str| {
        notes
            .iter()
            .find(|note| note.as_str().unwrap().contains(part))
    };
    assert!(
        of("damaged and can no longer be read")
            .unwrap()
            .as_str()
            .unwrap()
            .contains(&test[0])
    );
    assert!(
        of("of the run is missing")
            .unwrap()
            .as_str()
            .unwrap()
            .contains(&learned[0])
    );
    let said = text(&output(&["evaluate", trained.run()]).stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("left out 1 damaged image:"), "{said}");
    assert!(said.contains("the PNG is truncated"), "{said}");

    // Unless it is told not to.
    let refused = error(&["evaluate", trained.run(), "--bad-images", "fail"]);
    assert!(refused.contains(&test[0]), "{refused}");
    let report = json(&["report", trained.run(), "--samples", "10", "--json"]);
    assert_eq!(report["images"], test.len() - 1);
    assert_eq!(report["missing"], json!([]), "{report}");
    let resumed = error(&["train", "--resume", trained.run(), "--epochs", "2"]);
    assert!(resumed.contains("can no longer be read"), "{resumed}");
    assert!(
        resumed.contains(&test[0]) && !resumed.contains("bad_images"),
        "{resumed}"
    );
}

#[test]
fn a_damaged_image_that_the_run_does_not_know_stops_no_resume() {
    let trained = Trained::new(&[]);
    fs::write(trained.data.join("ant/new.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    done(&[
        "train",
        "--resume",
        trained.run(),
        "--epochs",
        "2",
        "--tui",
        "off",
    ]);
    // The policy for such images may change: it does not affect those of the run.
    let skip = ["--epochs", "3", "--bad-images", "skip", "--tui", "off"];
    done(&[&["train", "--resume", trained.run()], &skip[..]].concat());
}

#[test]
fn the_record_of_another_run_is_not_taken_for_the_runs_own() {
    let trained = Trained::new(&[]);
    let other = trained.root.join("other");
    train(&trained.data, &other, &["--seed", "7"]);
    let before = trained.evaluate();
    let record = trained.run.join("split.csv");
    let own = fs::read(&record).unwrap();
    fs::copy(other.join("split.csv"), &record).unwrap();
    let data = trained.data.to_str().unwrap();
    for command in [
        vec!["evaluate", trained.run()],
        vec!["predict", trained.run(), data],
        vec!["train", data, "--from", trained.run()],
        vec!["train", "--resume", trained.run(), "--epochs", "2"],
    ] {
        let refused = error(&command);
        assert!(
            refused.contains("not the record that this run wrote"),
            "{command:?}: {refused}"
        );
    }
    // A report has the sections that do not depend on it.
    let report = json(&["report", trained.run(), "--json"]);
    assert!(report["top1"].is_null(), "{report}");
    assert!(
        report["missing"]
            .to_string()
            .contains("not the record that this run wrote")
    );
    fs::write(&record, own).unwrap();
    assert_eq!(trained.evaluate(), before);
}

#[test]
fn what_stands_in_for_the_test_images_is_said() {
    let trained = Trained::new(&[]);
    let whole = trained.evaluate();
    assert!(
        !whole["notes"].to_string().contains("evaluated instead"),
        "{whole}"
    );
    for path in trained.of("test") {
        fs::remove_file(trained.data.join(path)).unwrap();
    }
    let val = trained.of("val");
    let measured = trained.evaluate();
    assert_eq!(
        (&measured["split"], &measured["images"]),
        (&json!("val"), &json!(val.len()))
    );
    let notes = measured["notes"].to_string();
    assert!(
        notes.contains("test images are available: the validation"),
        "{notes}"
    );
    for path in val {
        trained.damage(&path);
    }
    let refused = error(&["evaluate", trained.run()]);
    assert!(
        refused.contains("no validation or test images of the run"),
        "{refused}"
    );
    assert!(!refused.contains("set by"), "{refused}");
    noise(&trained.data.join("ant/new.png"));
    let measured = trained.evaluate();
    assert_eq!(measured["split"], "new");
    let notes = measured["notes"].to_string();
    assert!(notes.contains("the images added since training"), "{notes}");

    // A run that never had any.
    let run = trained.root.join("val-only");
    let chosen = [
        "--set",
        "data.test_fraction=0",
        "--set",
        "train.monitor=val_loss",
    ];
    train(
        &trained.data,
        &run,
        &[&chosen[..], &["--bad-images", "skip"]].concat(),
    );
    let measured = json(&["evaluate", run.to_str().unwrap(), "--json"]);
    let notes = measured["notes"].to_string();
    let expected = "the run has no test images: the validation images are evaluated instead, which also selected the best epoch";
    assert!(notes.contains(expected), "{notes}");
}

#[test]
fn a_run_that_starts_from_one_that_was_tested_on_all_images_says_so() {
    let trained = Trained::new(&[]);
    let other = trained.root.join("other");
    let test = trained.of("test");
    for path in &test {
        let to = other.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(trained.data.join(path), to).unwrap();
    }
    let refused = error(&["train", other.to_str().unwrap(), "--from", trained.run()]);
    let expected = format!(
        "all its {} images are validation or test images",
        test.len()
    );
    assert!(refused.contains(&expected), "{refused}");
}

fn listed(data: &Path, list: &Path) {
    let mut text = String::from("file,class\n");
    for class in CLASSES {
        for i in 0..20 {
            text += &format!("{class}/{i:02}.png,{class}\n");
        }
    }
    assert!(data.is_dir());
    fs::write(list, text).unwrap();
}

#[test]
fn a_label_list_that_was_moved_is_named_by_its_argument() {
    let trained = Trained::new(&[]);
    let [list, moved] = ["labels.csv", "moved.csv"].map(|name| trained.root.join(name));
    listed(&trained.data, &list);
    let run = trained.root.join("listed");
    train(&trained.data, &run, &["--labels", list.to_str().unwrap()]);
    fs::rename(&list, &moved).unwrap();
    let run = run.to_str().unwrap();
    for arguments in [
        &["train", "--from", run][..],
        &["lr-find", "--from", run],
        &["train", "--resume", run, "--epochs", "2"],
        &["evaluate", run],
        &["features", run],
    ] {
        let refused = error(arguments);
        assert!(
            refused.contains("no longer exists; set its new path"),
            "{refused}"
        );
        assert!(refused.contains("--labels"), "{refused}");
    }
    let moved = moved.to_str().unwrap();
    let dry = ["train", "--from", run, "--labels", moved, "--dry-run"];
    done(&dry);
    // The data were moved too.
    let data = trained.root.join("moved");
    fs::rename(&trained.data, &data).unwrap();
    let data = data.to_str().unwrap();
    for command in [
        &["train", "--resume", run][..],
        &["evaluate", run],
        &["features", run],
    ] {
        let refused = error(command);
        let advice = format!(
            "receptive {} --data NEWPATH --labels NEWLIST",
            command.join(" ")
        );
        assert!(refused.contains(&advice), "{refused}");
        let half = error(&[command, &["--data", data]].concat());
        let advice = format!(
            "receptive {} --data {data} --labels NEWLIST",
            command.join(" ")
        );
        assert!(half.contains(&advice), "{half}");
    }
    done(&["evaluate", run, "--data", data, "--labels", moved]);
}
