//! A trained run and its data, saved again, renamed, grouped or listed in another way.

use crate::split::{CLASSES, noise, record, train};
use crate::{done, json, output, said, text};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of images in class folders and a run on it.
struct Trained {
    _directory: tempfile::TempDir,
    root: PathBuf,
    data: PathBuf,
    run: PathBuf,
}

impl Trained {
    fn new(images: usize, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_path_buf();
        let (data, run) = (root.join("data"), root.join("run"));
        for class in CLASSES {
            for i in 0..images {
                let patient = i / 2;
                noise(
                    &data
                        .join(class)
                        .join(format!("{class}{patient:02}_{i:02}.png")),
                );
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

    fn evaluate(&self, arguments: &[&str]) -> Value {
        let run = self.run.to_str().unwrap();
        json(&[&["evaluate", run, "--json"], arguments].concat())
    }
}

/// The same pixels in other bytes, whatever the name says.
fn save_again(from: &Path, to: &Path) {
    let image = image::open(from).unwrap();
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    image.save_with_format(to, image::ImageFormat::Bmp).unwrap();
}

#[test]
fn copies_of_what_is_measured_and_of_new_images_are_said() {
    let trained = Trained::new(20, &[]);
    let roles = record(&trained.run);
    let (tested, _) = roles.iter().find(|(_, role)| *role == "test").unwrap();
    let other = CLASSES
        .iter()
        .find(|class| !tested.starts_with(**class))
        .unwrap();
    for i in 0..3 {
        let copy = trained.data.join(other).join(format!("copy{i}.png"));
        save_again(&trained.data.join(tested), &copy);
    }
    let new = trained.data.join(other).join("new.png");
    noise(&new);
    save_again(&new, &trained.data.join(other).join("again.png"));
    let ran = output(&["evaluate", trained.run.to_str().unwrap()]);
    let words = said(&ran);
    assert!(
        words.contains("3 images with the same pixels as another"),
        "{words}"
    );
    assert!(
        words.contains("(new 1)") && words.contains("each copy counts"),
        "{words}"
    );
}

#[test]
fn a_folder_saved_again_without_loss_is_the_one_that_was_trained_on() {
    let trained = Trained::new(20, &[]);
    let before = trained.evaluate(&[]);
    let copy = trained.root.join("copy");
    let roles = record(&trained.run);
    for (i, path) in roles.keys().enumerate() {
        let class = path.split('/').next().unwrap();
        let to = copy.join(class).join(format!("IMG_{i:04}.png"));
        save_again(&trained.data.join(path), &to);
    }
    let place = copy.to_str().unwrap();
    for arguments in [&[place][..], &["--data", place]] {
        let after = trained.evaluate(arguments);
        for key in [
            "split",
            "images",
            "top1",
            "loss",
            "known",
            "new",
            "trained_on",
        ] {
            assert_eq!(after[key], before[key], "{arguments:?}: {key}");
        }
    }
    // Other data with a few of them.
    let other = trained.root.join("other");
    let learned: Vec<&String> = roles
        .keys()
        .filter(|path| roles[*path] == "train")
        .take(5)
        .collect();
    for (i, path) in learned.iter().enumerate() {
        let class = path.split('/').next().unwrap();
        save_again(
            &trained.data.join(path),
            &other.join(class).join(format!("{i}.png")),
        );
    }
    for class in CLASSES {
        noise(&other.join(class).join("unseen.png"));
    }
    let measured = trained.evaluate(&[other.to_str().unwrap()]);
    assert_eq!(measured["trained_on"], 5);
    assert_eq!(measured["images"], 3);
    let notes = measured["notes"].to_string();
    assert!(notes.contains("edited or recompressed"), "{notes}");

    let again = trained.root.join("again.png");
    save_again(&trained.data.join(learned[0]), &again);
    let (run, again) = (trained.run.to_str().unwrap(), again.to_str().unwrap());
    assert_eq!(json(&["predict", run, again, "--json"])["split"], "train");
}

#[test]
fn an_image_under_an_old_name_is_said_to_have_changed() {
    let trained = Trained::new(12, &[]);
    let roles = record(&trained.run);
    let mut learned = roles.iter().filter(|(_, role)| *role == "train");
    // Edited; converted, under a new extension; with its class in a split's folder; and all of it.
    for (images, renamed) in [(1, "png"), (2, "bmp"), (3, "jpg")] {
        let (learned, _) = learned.next().unwrap();
        let path = trained.data.join(learned);
        let image = image::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        image
            .brighten(9)
            .save(path.with_extension(renamed))
            .unwrap();
        let measured = trained.evaluate(&[]);
        assert_eq!(measured["new"]["images"], images);
        let notes = measured["notes"].to_string();
        let has_path = format!(
            "{images} new image{} the path of an image of the run",
            if images == 1 { " has" } else { "s have" }
        );
        assert!(notes.contains(&has_path), "{notes}");
    }
    let [inside, child] = ["inside", "child"].map(|name| trained.root.join(name));
    fs::create_dir(&inside).unwrap();
    fs::rename(&trained.data, inside.join("train")).unwrap();
    let [inside, run, child] = [&inside, &trained.run, &child].map(|path| path.to_str().unwrap());
    let notes = trained.evaluate(&["--data", inside])["notes"].to_string();
    assert!(notes.contains("3 new images have the path"), "{notes}");
    let from = [
        "train",
        inside,
        "--from",
        run,
        "--epochs",
        "1",
        "--run-dir",
        child,
    ];
    let words = said(&output(&from));
    assert!(
        words.contains("3 new images have the path")
            && words.contains("trained on may be in the test split"),
        "{words}"
    );
}

#[test]
fn copies_left_out_of_training_are_not_new_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let (data, run) = (directory.path().join("data"), directory.path().join("run"));
    for (split, images) in [("train", 6), ("val", 3), ("test", 3)] {
        for class in CLASSES {
            for i in 0..images {
                noise(&data.join(split).join(class).join(format!("{i}.png")));
            }
        }
    }
    let at = |path: &str| data.join(path);
    fs::copy(at("train/ant/0.png"), at("test/ant/same.png")).unwrap();
    save_again(&at("train/ant/1.png"), &at("test/ant/again.png"));
    save_again(&at("test/ant/1.png"), &at("val/ant/again.png"));
    fs::copy(at("test/bee/1.png"), at("val/bee/same.png")).unwrap();
    train(&data, &run, &[]);
    let measured = json(&["evaluate", run.to_str().unwrap(), "--json"]);
    assert_eq!(measured["new"], Value::Null);
    assert_eq!(measured["images"], 9);
    assert_eq!(measured["known"], 36);
    assert_eq!(measured["trained_on"], 2);
}

#[test]
fn equal_images_of_two_classes_in_two_splits_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    for split in ["train", "test"] {
        for class in CLASSES {
            for i in 0..3 {
                noise(&data.join(split).join(class).join(format!("{i}.png")));
            }
        }
    }
    save_again(
        &data.join("train/ant/0.png"),
        &data.join("test/bee/wrong.png"),
    );
    let found = json(&["data", data.to_str().unwrap(), "--json"]);
    assert_eq!(
        found["duplicates"],
        json!({ "between_splits": 1, "between_classes": 2, "within_splits": 0 })
    );
}

#[test]
fn a_new_class_is_left_out_and_a_renamed_one_is_measured() {
    let trained = Trained::new(20, &[]);
    let before = trained.evaluate(&[]);
    fs::rename(trained.data.join("bee"), trained.data.join("bees")).unwrap();
    for i in 0..4 {
        noise(&trained.data.join(format!("wasp/{i}.png")));
    }
    let after = trained.evaluate(&[]);
    for key in ["images", "top1", "loss", "known", "new"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["unknown_class"], 4);
    let notes = after["notes"].to_string();
    assert!(notes.contains("20 images of `bees` as `bee`"), "{notes}");
    assert!(notes.contains("left out 4 images of `wasp`"), "{notes}");
    let run = trained.run.to_str().unwrap();
    let report = json(&["report", run, "--samples", "2", "--json"]);
    assert_eq!(report["top1"], before["top1"]);
    let out = trained.root.join("out");
    let out = out.to_str().unwrap();
    let field = json(&["erf", run, "--samples", "2", "--out", out, "--json"]);
    assert!(field["input"].as_str().unwrap().contains("test split"));

    // Other data: what the model has a class for is measured; if it has none, nothing is.
    let other = trained.root.join("other");
    for class in ["ant", "wasp"] {
        noise(&other.join(class).join("1.png"));
    }
    let measured = trained.evaluate(&[other.to_str().unwrap()]);
    assert_eq!(
        (&measured["images"], &measured["unknown_class"]),
        (&json!(1), &json!(1))
    );
    fs::remove_dir_all(other.join("ant")).unwrap();
    let refused = output(&["evaluate", run, other.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("wasp"));
}

#[test]
fn a_run_is_resumed_beside_a_new_class_and_a_renamed_one() {
    let trained = Trained::new(20, &[]);
    let run = trained.run.to_str().unwrap();
    fs::rename(trained.data.join("bee"), trained.data.join("bees")).unwrap();
    for i in 0..4 {
        noise(&trained.data.join(format!("aphid/{i}.png")));
    }
    let resumed = output(&["train", "--resume", run, "--epochs", "2", "--tui", "off"]);
    let said = text(&resumed.stderr).replace("\n         ", " ");
    assert!(resumed.status.success(), "{said}");
    assert!(said.contains("20 images of `bees` as `bee`"), "{said}");
    assert!(said.contains("left out 4 images of `aphid`"), "{said}");
    let classes = fs::read_to_string(trained.run.join("classes.txt")).unwrap();
    assert_eq!(classes, "ant\nbee\nfly\n");

    // A class that is gone: its images are, and the run is made of them.
    fs::rename(trained.data.join("fly"), trained.root.join("fly")).unwrap();
    let refused = output(&["train", "--resume", run, "--epochs", "3", "--tui", "off"]);
    let message = text(&refused.stderr).replace("\n  ", " ");
    assert_eq!(refused.status.code(), Some(2), "{message}");
    for part in [
        "`fly/fly00_00.png`",
        "no images are left of `fly`",
        "restore them",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for class in ["ant", "bees"] {
        fs::remove_dir_all(trained.data.join(class)).unwrap();
    }
    let refused = output(&["train", "--resume", run, "--epochs", "3", "--tui", "off"]);
    let message = text(&refused.stderr).replace("\n  ", " ");
    assert_eq!(refused.status.code(), Some(1), "{message}");
    assert!(message.contains("rename the class folders"), "{message}");
}

#[test]
fn a_report_that_cannot_be_written_beside_the_run_names_another_place() {
    let trained = Trained::new(6, &[]);
    fs::create_dir(trained.run.join("report.html")).unwrap();
    let run = trained.run.to_str().unwrap();
    let failed = output(&["report", run, "--samples", "2"]);
    let message = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{message}");
    for part in ["could not write", "report.html", "--out FILE"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn the_groups_of_a_run_hold_for_other_data_and_for_runs_that_start_from_it() {
    let group = "^([a-z]+[0-9]+)_";
    let trained = Trained::new(30, &["--group", group]);
    let roles = record(&trained.run);
    let other = trained.root.join("other");
    let mut learned = 0;
    for path in roles.keys().filter(|path| path.ends_with("0.png")) {
        let (class, name) = path.split_once('/').unwrap();
        let patient = name.split('_').next().unwrap();
        noise(&other.join(class).join(format!("{patient}_later.png")));
        learned += usize::from(roles[path] == "train");
    }
    let place = other.to_str().unwrap();
    let measured = trained.evaluate(&[place]);
    assert_eq!(measured["trained_on"], learned);
    assert!(learned > 0 && measured["images"].as_u64() > Some(0));
    // Where the names of groups mean others, none are compared.
    assert_eq!(trained.evaluate(&[place, "--group", ""])["trained_on"], 0);

    let child = trained.root.join("child");
    train(
        &other,
        &child,
        &["--from", trained.run.to_str().unwrap(), "--limit", "60"],
    );
    let config = fs::read_to_string(child.join("config.toml")).unwrap();
    assert!(config.contains(group), "{config}");
    // Names that the pattern does not fit are said, and are no error.
    let plain = trained.root.join("plain");
    for class in CLASSES {
        for i in 0..6 {
            noise(&plain.join(class).join(format!("{i}.png")));
        }
    }
    let measured = trained.evaluate(&[plain.to_str().unwrap()]);
    let notes = measured["notes"].to_string();
    assert!(
        notes.contains("are not grouped like those of the run"),
        "{notes}"
    );
    assert_eq!(measured["images"], 18);
}

#[test]
fn a_group_that_was_renumbered_is_known_by_its_images() {
    let trained = Trained::new(30, &["--group", "^([a-z]+[0-9]+)_"]);
    let roles = record(&trained.run);
    let learned = roles
        .iter()
        .find(|(path, role)| *role == "train" && path.starts_with("ant/"));
    let path = trained.data.join(learned.unwrap().0);
    fs::rename(&path, path.with_file_name("ant77_00.png")).unwrap();
    noise(&path.with_file_name("ant77_new.png"));
    let measured = trained.evaluate(&[]);
    assert_eq!(measured["trained_on"], 1);
    assert_eq!(measured["new"], Value::Null);
}

#[test]
fn a_moved_label_list_is_named_wherever_the_data_are_needed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let mut list = "file,class,is_test\n".to_string();
    for (i, class) in CLASSES.iter().cycle().take(36).enumerate() {
        noise(&directory.path().join(format!("images/{i}.png")));
        list += &format!("{i}.png,{class},{}\n", u8::from(i < 9));
    }
    fs::write(at("old.csv"), list).unwrap();
    let (images, run) = (at("images"), at("run"));
    train(
        Path::new(&images),
        Path::new(&run),
        &["--labels", &at("old.csv")],
    );
    let before = json(&["evaluate", &run, "--json"]);
    assert_eq!(
        (&before["split"], &before["images"]),
        (&json!("test"), &json!(9))
    );
    fs::rename(at("old.csv"), at("new.csv")).unwrap();
    let refused = output(&["evaluate", &run]);
    let message = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("--labels NEWLIST"), "{message}");
    let out = at("out");
    let labels = at("new.csv");
    for command in [
        &["evaluate", &run][..],
        &["report", &run, "--samples", "2"],
        &["erf", &run, "--samples", "2", "--out", &out],
        &["features", &run, "--out", &out],
        &["train", "--resume", &run],
    ] {
        done(&[command, &["--labels", &labels]].concat());
    }
}
