//! A model on other images than those it was trained on.

use crate::{json, output, said, text};
use image::{GrayImage, Luma};
use std::fs;
use std::path::Path;

/// Four pictures of each class, other ones in a folder of another name.
fn folder(root: &Path, classes: &[&str]) {
    let name = root.file_name().unwrap().len() as u32;
    for (c, class) in classes.iter().enumerate() {
        let class = root.join(class);
        fs::create_dir_all(&class).unwrap();
        for i in 0..4u32 {
            let picture = GrayImage::from_fn(16, 16, |x, y| {
                let along = if c == 0 { x } else { y };
                Luma([(8 * along + 4 * name + i) as u8])
            });
            picture.save(class.join(format!("{i}.png"))).unwrap();
        }
    }
}

fn trained(root: &Path, run: &Path) {
    json(&[
        "train",
        root.to_str().unwrap(),
        "--preset",
        "tutorial",
        "--epochs",
        "1",
        "--set",
        "data.test_fraction=0.25",
        "--set",
        "data.val_fraction=0.25",
        "--run-dir",
        run.to_str().unwrap(),
        "--json",
    ]);
}

#[test]
fn another_folder_is_measured_whole_and_the_own_one_as_it_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let [own, other, run] = ["own", "other", "run"].map(|name| directory.path().join(name));
    folder(&own, &["across", "down"]);
    folder(&other, &["across", "down"]);
    trained(&own, &run);
    let images = |arguments: &[&str]| {
        let run = run.to_str().unwrap();
        let evaluated = json(&[&["evaluate", run, "--json"], arguments].concat());
        let split = evaluated["split"].as_str().unwrap().to_string();
        (evaluated["images"].as_u64().unwrap(), split)
    };
    let (own, other) = (own.to_str().unwrap(), other.to_str().unwrap());
    let (test, split) = images(&[]);
    assert!((2..=4).contains(&test) && split == "test", "{test} {split}");
    assert_eq!(images(&[own]), (test, "test".into()));
    assert_eq!(images(&[other]), (8, "whole".into()));
    let (test, split) = images(&[other, "--split", "test"]);
    assert!((2..=4).contains(&test) && split == "test", "{test} {split}");
}

#[test]
fn a_folder_with_a_test_split_alone_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let [own, other, run] = ["own", "other", "run"].map(|name| directory.path().join(name));
    folder(&own, &["across", "down"]);
    folder(&other.join("test"), &["down"]);
    trained(&own, &run);
    let evaluated = json(&[
        "evaluate",
        run.to_str().unwrap(),
        other.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(evaluated["images"], 4);
    // The labels are the model's: the first class has no image.
    assert_eq!(evaluated["classes"][0]["images"], 0);
    assert_eq!(evaluated["classes"][1]["images"], 4);
}

#[test]
fn a_copied_model_asks_for_its_data_and_a_moved_data_set_for_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let [own, run, copy] = ["own", "run", "copy"].map(|name| directory.path().join(name));
    folder(&own, &["across", "down"]);
    trained(&own, &run);
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(run.join("model")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let rejected = |path: &Path, words: &str| {
        let output = output(&["evaluate", path.to_str().unwrap()]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(words), "{message}");
    };
    rejected(&copy, "name the images to apply it to: receptive evaluate");
    fs::rename(&own, directory.path().join("moved")).unwrap();
    rejected(&run, "set its new path");
}

#[test]
fn predict_goes_on_after_a_path_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let [own, run] = ["own", "run"].map(|name| directory.path().join(name));
    folder(&own, &["across", "down"]);
    trained(&own, &run);
    let good = own.join("down/0.png");
    let output = output(&[
        "predict",
        run.to_str().unwrap(),
        "missing.png",
        good.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["path"], "missing.png");
    assert!(lines[0]["error"].is_string());
    assert_eq!(lines[1]["top"].as_array().unwrap().len(), 2);
}

#[test]
fn data_with_a_folder_around_them_or_named_by_a_config_alone_are_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let (data, run) = (parent.path().join("data"), parent.path().join("run"));
    folder(&data, &["cat", "dog"]);
    trained(&data, &run);
    let inner = parent.path().join("inner");
    fs::rename(&data, &inner).unwrap();
    fs::create_dir(&data).unwrap();
    fs::rename(&inner, data.join("inner")).unwrap();
    let run_word = run.to_str().unwrap();
    let words = said_by_failing(&["evaluate", run_word]);
    let advice = format!("receptive evaluate {run_word} --data NEWPATH");
    assert!(words.contains(&advice), "{words}");

    let words = said_by_failing(&["train", "--resume", run_word, "--epochs", "2"]);
    let advice = format!("receptive train --resume {run_word} --data NEWPATH");
    assert!(words.contains(&advice), "{words}");

    fs::rename(&data, parent.path().join("moved")).unwrap();
    let config = run.join("config.toml");
    let config = config.to_str().unwrap();
    for command in ["train", "lr-find", "tune"] {
        let words = said_by_failing(&[command, "--config", config]);
        assert!(words.contains("config.toml: its data"), "{words}");
        assert!(words.contains("DATA"), "{words}");
    }
}

/// What a command that fails says.
fn said_by_failing(arguments: &[&str]) -> String {
    let ran = output(arguments);
    assert!(!ran.status.success(), "{arguments:?}");
    said(&ran)
}
