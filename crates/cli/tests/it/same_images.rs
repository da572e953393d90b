//! Runs of a series or a search have the same images, and say so where they would not.

use crate::several::{file, short_search, splits, train};
use crate::{done, json, output, said};
use image::{Rgb, RgbImage};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Results of runs on other images cannot be compared or added up.
#[test]
fn a_series_or_a_search_goes_on_with_the_same_images_alone() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let (series, folds, search) = (at("series"), at("folds"), at("search"));
    let limited = at("limited");
    let all = [
        ("train", &series),
        ("train", &folds),
        ("train", &limited),
        ("tune", &search),
    ];
    let few = ["--seeds", "2", "--epochs", "1", "--limit", "20"];
    train(&[&[&data, "--run-dir", &limited][..], &few].concat());
    train(&[&data, "--seeds", "2", "--epochs", "1", "--run-dir", &series]);
    train(&[&data, "--folds", "2", "--epochs", "1", "--run-dir", &folds]);
    short_search(&data, &search);
    // As if it had been stopped before the last.
    for directory in [&series, &folds, &limited] {
        let path = format!("{directory}/summary.json");
        let mut summary: Value = serde_json::from_str(&file(&path)).unwrap();
        let name = summary["runs"].as_array_mut().unwrap().pop().unwrap()["name"].clone();
        fs::write(&path, summary.to_string()).unwrap();
        fs::remove_dir_all(format!("{directory}/{}", name.as_str().unwrap())).unwrap();
    }
    let path = format!("{search}/tune.json");
    let mut state: Value = serde_json::from_str(&file(&path)).unwrap();
    state["results"].as_array_mut().unwrap().pop();
    fs::write(&path, state.to_string()).unwrap();
    fs::remove_dir_all(format!("{search}/trial-01")).unwrap();

    let new = Path::new(&data).join("train/cat/new.png");
    RgbImage::from_pixel(8, 8, Rgb([1, 2, 3]))
        .save(&new)
        .unwrap();
    for (command, directory) in all {
        let refused = output(&[command, "--resume", directory]);
        let words = said(&refused);
        assert!(!refused.status.success(), "{words}");
        assert!(
            words.contains("are not those that the first of these runs"),
            "{words}"
        );
    }
    // It is named, though the series be one of an earlier version, which kept no hash.
    let hash = format!("{series}/images.sha256");
    let kept = file(&hash);
    fs::remove_file(&hash).unwrap();
    let words = said(&output(&["train", "--resume", &series]));
    assert!(
        words.contains("1 image was added: `train/cat/new.png`"),
        "{words}"
    );
    fs::write(&hash, kept).unwrap();
    // A damaged one is left out, as the message says.
    fs::write(&new, "").unwrap();
    let refused = output(&["train", "--resume", &folds]);
    assert!(
        said(&refused).contains("use --bad-images skip"),
        "{}",
        said(&refused)
    );
    let skip = ["train", "--resume", &folds, "--bad-images", "skip"];
    done(&skip);
    fs::remove_file(&new).unwrap();
    // A fold's own images are not mistaken for others, nor the data's own test split for new ones.
    let evaluated = json(&["evaluate", &format!("{folds}/fold-1"), "--json"]);
    assert!(evaluated["new"].is_null(), "{evaluated}");
    let notes = evaluated["notes"].to_string();
    assert!(
        notes.contains("test split, 16 images, is left out"),
        "{notes}"
    );
    // Nor with the same ones in other splits.
    let moved = [(0, "test"), (150, "train")];
    let swap = |back: bool| {
        for (i, to) in moved {
            let from = if to == "test" { "train" } else { "test" };
            let path = |split: &str| Path::new(&data).join(format!("{split}/cat/{i}.png"));
            let (one, other) = if back { (to, from) } else { (from, to) };
            fs::rename(path(one), path(other)).unwrap();
        }
    };
    swap(false);
    assert!(!output(&["train", "--resume", &series]).status.success());
    let run = format!("{series}/seed-0");
    let notes = json(&["evaluate", &run, "--json"])["notes"].to_string();
    assert!(
        notes.contains("2 images are in another split of the data than in the run"),
        "{notes}"
    );
    swap(true);
    // Nor with other settings.
    for (name, from, to) in [
        ("base.toml", "\nseed = 0", "\nseed = 5"),
        ("series.json", "\"count\": 2", "\"count\": 3"),
    ] {
        let path = format!("{series}/{name}");
        let kept = file(&path);
        assert!(kept.contains(from), "{kept}");
        fs::write(&path, kept.replace(from, to)).unwrap();
        let words = said(&output(&["train", "--resume", &series]));
        assert!(
            words.contains("was edited since the series began"),
            "{words}"
        );
        fs::write(&path, kept).unwrap();
    }
    // The file as an older version wrote it is resumed below.
    let path = format!("{series}/series.json");
    let mut older: Value = serde_json::from_str(&file(&path)).unwrap();
    older.as_object_mut().unwrap().remove("settings_sha256");
    older["sha256"] = "of other fields".into();
    let open = older["open"].as_object_mut().unwrap();
    open.remove("colours");
    let augment = open.remove("crop").unwrap();
    open.insert("augment".into(), augment);
    fs::write(&path, older.to_string()).unwrap();
    let notes = json(&["evaluate", &run, "--json"])["notes"].to_string();
    assert!(!notes.contains("another split"), "{notes}");
    for (command, directory) in all {
        json(&[command, "--resume", directory, "--json"]);
    }
    // A run that was trained further on its own is no longer the one that was measured.
    assert!(!said(&output(&["train", "--resume", &series])).contains("trained further"));
    done(&["train", "--resume", &run, "--epochs", "3"]);
    let words = said(&output(&["train", "--resume", &series]));
    assert!(
        words.contains("trained further since the series measured it: `seed-0`"),
        "{words}"
    );
}

#[test]
fn what_another_process_trains_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let data = splits(&parent.path().join("data"));
    let series = parent.path().join("series").to_str().unwrap().to_string();
    train(&[&data, "--seeds", "2", "--epochs", "1", "--run-dir", &series]);
    let path = format!("{series}/summary.json");
    let mut summary: Value = serde_json::from_str(&file(&path)).unwrap();
    summary["runs"].as_array_mut().unwrap().pop();
    fs::write(&path, summary.to_string()).unwrap();
    let before = file(&path);
    // The series, and one of its runs.
    for lock in [format!("{series}/.lock"), format!("{series}/seed-1/.lock")] {
        let held = fs::File::create(&lock).unwrap();
        held.try_lock().unwrap();
        let words = said(&output(&["train", "--resume", &series]));
        assert!(words.contains("another process is training"), "{words}");
        assert_eq!(file(&path), before);
    }
    json(&["train", "--resume", &series, "--json"]);
}

#[test]
fn a_class_folder_renamed_during_a_series_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let data = splits(&parent.path().join("data"));
    let series = parent.path().join("series");
    let series = series.to_str().unwrap();
    train(&[&data, "--seeds", "2", "--epochs", "1", "--run-dir", series]);
    for split in ["train", "val", "test"] {
        let split = Path::new(&data).join(split);
        fs::rename(split.join("dog"), split.join("puppy")).unwrap();
    }
    // As if it had been stopped before the results of the first run, and of the second, were kept.
    fs::remove_file(format!("{series}/summary.json")).unwrap();
    let words = said(&output(&["train", "--resume", series]));
    let renamed = "classes have other names than in the runs: 40 images of `puppy` as `dog`";
    assert!(words.contains(renamed), "{words}");
    fs::rename(format!("{series}/seed-0"), parent.path().join("seed-0")).unwrap();
    let words = said(&output(&["train", "--resume", series]));
    assert!(words.contains("are in another class"), "{words}");
}
