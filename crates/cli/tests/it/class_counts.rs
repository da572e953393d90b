//! Two classes and a thousand and one: the results are the same ones, written as they can be read.

use crate::{done, json, output, text};
use image::{GrayImage, Luma};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Two images of 8x8 pixels to train on and one each to validate and to test, for every class.
fn folder(root: &Path, classes: usize) {
    for class in 0..classes {
        let directory = root.join(format!("kind {class:05}"));
        fs::create_dir_all(&directory).unwrap();
        for i in 0..4 {
            let value = |x: u32, y: u32| (class as u32 * 7 + x * 3 + y * 5 + i) as u8;
            GrayImage::from_fn(8, 8, |x, y| Luma([value(x, y)]))
                .save(directory.join(format!("{i}.png")))
                .unwrap();
        }
    }
}

struct Run {
    _directory: tempfile::TempDir,
    data: String,
    run: String,
    out: String,
    messages: String,
}

fn trained(classes: usize) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (data, run) = (at("photos"), at("run"));
    folder(data.as_ref(), classes);
    let start = ["train", &data, "--preset", "tutorial", "--epochs", "1"];
    let ended = output(&[&start[..], &["--tui", "off", "--run-dir", &run]].concat());
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    Run {
        _directory: directory,
        data,
        run,
        out: text(&ended.stdout),
        messages: text(&ended.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[test]
fn a_thousand_and_one_classes_end_with_their_result_and_a_picture_of_the_most_confused() {
    let trained = trained(1001);
    let (data, run) = (trained.data.as_str(), trained.run.as_str());
    let (out, messages) = (&trained.out, &trained.messages);
    assert!(out.starts_with("test"), "{out}");
    assert!(out.contains("confusion.png"), "{out}");
    let note = "note confusion.png shows the 40 most confused of 1,001 classes";
    assert!(messages.contains(note), "{messages}");

    let evaluated = json(&["evaluate", run, "--json"]);
    assert_eq!(evaluated["confusion"], Value::Null);
    let counts = evaluated["confusion_counts"].as_array().unwrap();
    let images: u64 = counts.iter().map(|cell| cell[2].as_u64().unwrap()).sum();
    assert_eq!(Some(images), evaluated["images"].as_u64());
    assert_eq!(evaluated["classes"].as_array().unwrap().len(), 1001);
    assert!(evaluated["top5"].is_number());

    let shown = done(&["evaluate", run]);
    assert!(
        shown.contains("These are the 20 of 1,001 classes with the lowest F1"),
        "{shown}"
    );
    assert!(shown.lines().count() < 35, "{shown}");
    let shown = done(&["data", data]);
    assert!(shown.contains("These are the 10 largest and the 10 smallest of 1,001 classes"));
    assert!(shown.lines().count() < 50, "{shown}");
    assert!(
        shown.contains("kind 00000") && shown.contains("kind 01000"),
        "{shown}"
    );
    let listed = json(&["data", data, "--json"]);
    assert_eq!(listed["classes"].as_array().unwrap().len(), 1001);

    let report = json(&["report", run, "--samples", "4", "--json"]);
    assert_eq!(report["missing"], serde_json::json!([]));
    let page = fs::read_to_string(report["file"].as_str().unwrap()).unwrap();
    assert!(page.contains("the 40 most confused of 1,001 classes"));
    assert!(page.contains("The 200 weakest of 1,001 classes"));
    assert!(page.contains("801 in between are not shown"));

    let again = json(&["train", "--resume", run, "--json"]);
    assert_eq!(again["test_top1"], evaluated["top1"]);
}

#[test]
fn of_two_classes_there_is_no_top_5() {
    let trained = trained(2);
    let (run, out) = (trained.run.as_str(), &trained.out);
    assert!(out.contains("top-1") && !out.contains("top-5"), "{out}");
    let shown = done(&["evaluate", run]);
    assert!(
        shown.contains("top-1") && !shown.contains("top-5"),
        "{shown}"
    );
    let evaluated = json(&["evaluate", run, "--json"]);
    assert_eq!(evaluated.get("top5"), Some(&Value::Null));
    assert_eq!(evaluated["confusion"].as_array().unwrap().len(), 2);
    let again = json(&["train", "--resume", run, "--json"]);
    assert_eq!(again.get("test_top5"), Some(&Value::Null));

    // The column stays, for those who read it by name.
    let csv = fs::read_to_string(Path::new(run).join("metrics.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let column = rows[0].iter().position(|name| *name == "val_top5").unwrap();
    assert_eq!(rows[1][column], "");
    assert!(!rows[1][column - 1].is_empty());

    let report = json(&["report", run, "--samples", "4", "--json"]);
    assert_eq!(report.get("top5"), Some(&Value::Null));
    let page = fs::read_to_string(report["file"].as_str().unwrap()).unwrap();
    assert!(!page.contains("top-5"));
}
