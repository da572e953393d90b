//! `train --dry-run`, `train --overfit` and `lr-find`.

use crate::{done, json, output, text};
use std::fs;
use std::path::Path;

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_dry_run_says_what_would_be_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (run, scratch) = (directory.path().join("run"), directory.path().join("tmp"));
    fs::create_dir(&scratch).unwrap();
    let arguments = [
        "train",
        "--dry-run",
        "--preset",
        "tutorial",
        "--limit",
        "300",
        "--epochs",
        "3",
        "--run-dir",
        run.to_str().unwrap(),
        "--json",
    ];
    let output = crate::receptive(&arguments)
        .current_dir(directory.path())
        .env("TMPDIR", &scratch)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["train_images"], 300);
    assert_eq!(found["steps_per_epoch"], 5);
    assert_eq!(found["params"], 160 + 200_768 + 650);
    assert!(found["seconds"].as_f64() > Some(0.0) && found["peak_bytes"].is_number());
    assert_eq!(files(directory.path()), 1, "only the scratch directory");
    assert_eq!(files(&scratch), 0);

    let words = done(&arguments[..arguments.len() - 1]);
    assert!(
        words.contains("15 in all") && words.contains("nothing was written"),
        "{words}"
    );
    assert!(
        words.lines().all(|line| line.chars().count() <= 80),
        "{words}"
    );
    assert!(!run.exists());
    // A directory that the run itself would refuse.
    let full = [
        "train",
        "--dry-run",
        "--limit",
        "50",
        "--run-dir",
        directory.path().to_str().unwrap(),
    ];
    let refused = crate::output(&full);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("not empty"));
}

#[test]
fn a_few_images_are_overfitted_or_the_exit_code_says_no() {
    let fitted = json(&["train", "--overfit", "8", "--preset", "tutorial", "--json"]);
    assert_eq!(
        (&fitted["overfit"], &fitted["correct"]),
        (&true.into(), &8.into())
    );

    let still = [
        "train",
        "--overfit",
        "8",
        "--preset",
        "tutorial",
        "--epochs",
        "3",
        "--set",
        "train.optimizer.learning_rate=1e-12",
    ];
    let refused = output(&still);
    assert_eq!(refused.status.code(), Some(1));
    let words = text(&refused.stdout);
    assert!(
        words.contains("not overfit") && words.contains("lr-find"),
        "{words}"
    );
    assert!(
        words.lines().all(|line| line.chars().count() <= 80),
        "{words}"
    );
    let none = output(&["train", "--overfit", "0"]);
    assert_eq!(none.status.code(), Some(2), "{}", text(&none.stderr));
}

#[test]
fn labels_that_contradict_each_other_cannot_be_learnt() {
    let directory = tempfile::tempdir().unwrap();
    for class in ["cat", "dog"] {
        let folder = directory.path().join("photos").join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..12u8 {
            // The same picture in both classes.
            let pixels: Vec<u8> = (0..=255).map(|p: u8| p.wrapping_mul(i + 1)).collect();
            let path = folder.join(format!("{class}{i}.png"));
            image::save_buffer(path, &pixels, 16, 16, image::ExtendedColorType::L8).unwrap();
        }
    }
    let photos = directory.path().join("photos");
    let refused = output(&[
        "train",
        photos.to_str().unwrap(),
        "--overfit",
        "100",
        "--preset",
        "tutorial",
        "--epochs",
        "40",
        "--json",
    ]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    let found: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(found["overfit"], false);
}

#[test]
fn growing_rates_leave_a_chart_and_a_rate_to_use() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("rates");
    let arguments = [
        "lr-find",
        "--preset",
        "tutorial",
        "--limit",
        "2000",
        "--out",
        out.to_str().unwrap(),
    ];
    let words = done(&arguments);
    let used = words.lines().find(|line| line.starts_with("use")).unwrap();
    let (_, rate) = used.split_once("--lr ").unwrap();
    let rate: f64 = rate.parse().unwrap();
    assert!((1e-4..1.0).contains(&rate), "{words}");
    assert!(
        words.lines().all(|line| line.chars().count() <= 80),
        "{words}"
    );
    let csv = fs::read_to_string(out.join("lr.csv")).unwrap();
    assert!(
        csv.starts_with("step,learning_rate,loss,smoothed_loss\n1,"),
        "{csv}"
    );
    assert!(
        fs::read(out.join("lr.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    let with_json = [&arguments[..], &["--json"]].concat();
    let found = json(&with_json);
    assert_eq!(
        found["tried"].as_array().unwrap().len() + 1,
        csv.lines().count()
    );
    let shown = found["learning_rate"].as_f64().unwrap();
    assert!((shown / rate - 1.0).abs() < 0.05, "{shown} and {rate}");

    // The rates do not depend on whether the chart can be written; somebody's picture is kept.
    fs::write(out.join("lr.png"), "a holiday").unwrap();
    let unwritten = output(&with_json);
    assert_eq!(unwritten.status.code(), Some(1));
    let answers = text(&unwritten.stdout);
    let again: serde_json::Value =
        serde_json::from_str(answers.lines().next().unwrap_or_default()).unwrap();
    assert_eq!(again["learning_rate"], found["learning_rate"]);
    assert!(again["out"].is_null(), "{answers}");
    assert_eq!(fs::read(out.join("lr.png")).unwrap(), b"a holiday");

    let refused = output(&["lr-find", "--from-rate", "2", "--to-rate", "1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("invalid range"));
}
