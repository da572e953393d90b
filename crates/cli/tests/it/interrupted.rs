//! What is said of a run, a series of runs or a search that was stopped, and that it continues.

use crate::several::splits;
use crate::{json, output, receptive, said, text};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Presses Ctrl-C as soon as this file is there, which is written when signals are caught.
fn interrupted(arguments: &[&str], at: &Path) -> Output {
    let child = receptive(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !at.exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "{at:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
    ended
}

fn last_json(output: &Output) -> Value {
    let shown = text(&output.stdout);
    serde_json::from_str(shown.lines().last().unwrap()).unwrap()
}

fn words(of: &[String]) -> Vec<&str> {
    of.iter().map(String::as_str).collect()
}

/// A run whose first epoch takes a while.
const LONG: [&str; 5] = ["train", "--preset", "tutorial", "--batch-size", "2"];
/// A run of a moment.
const SHORT: [&str; 5] = ["train", "--preset", "tutorial", "--batch-size", "16"];

#[test]
fn a_run_stopped_within_its_first_epoch_has_no_model_and_says_how_to_resume() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let run = path.to_str().unwrap();
    let ended = interrupted(
        &[&LONG[..], &["--run-dir", run]].concat(),
        &path.join("config.toml"),
    );
    let resume = format!("receptive train --resume {run}");
    let expected = format!(
        "stopped after 0 complete epochs, so there is no model yet; resume with `{resume}`"
    );
    assert!(said(&ended).contains(&expected), "{}", said(&ended));
    let shown = text(&ended.stdout);
    assert!(shown.contains(&format!("next       {resume}")), "{shown}");
    assert!(
        !shown.contains("predict") && !shown.contains("sha256"),
        "{shown}"
    );
    assert!(!path.join("model").exists());
    for command in ["evaluate", "report"] {
        let refused = output(&[command, run]);
        assert_eq!(refused.status.code(), Some(1));
        let error = text(&refused.stderr);
        assert!(
            error.contains("no model yet") && error.contains(&resume),
            "{error}"
        );
    }

    let path = parent.path().join("json");
    let ended = interrupted(
        &[&LONG[..], &["--json", "--run-dir", path.to_str().unwrap()]].concat(),
        &path.join("config.toml"),
    );
    let found = last_json(&ended);
    assert_eq!(found["outcome"], "interrupted");
    assert_eq!(found["best_epoch"], Value::Null);
    assert_eq!(found["weights_sha256"], Value::Null);
    assert!(said(&ended).contains("there is no model yet"));
}

#[test]
fn a_stopped_fine_tuning_has_the_baselines_that_were_computed() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let (first, tuned) = (at("first"), at("tuned"));
    json(
        &[
            &SHORT[..],
            &[&data, "--epochs", "1", "--json", "--run-dir", &first],
        ]
        .concat(),
    );
    let fine_tune = [
        "train",
        &data,
        "--from",
        &first,
        "--epochs",
        "500",
        "--run-dir",
        &tuned,
    ];
    let ended = interrupted(
        &[&fine_tune[..], &["--json"]].concat(),
        &parent.path().join("tuned/baselines.json"),
    );
    let found = last_json(&ended);
    assert_eq!(found["outcome"], "interrupted");
    assert_eq!(found["gain"], Value::Null);
    assert_eq!(found["baselines"][0]["split"], "test");
    for of in ["nearest_mean", "head_only"] {
        assert_eq!(found["baselines"][0][of]["images"], 16, "{found}");
    }

    // What may change within a run may be changed as it is resumed, but not after its end.
    let refused = output(&["train", "--resume", &first, "--augment", "none"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = said(&refused);
    assert!(error.contains("cannot take effect"), "{error}");
    assert!(
        error.contains("train.augment.flip: true -> false"),
        "{error}"
    );
    let resumed = output(&[
        "train",
        "--resume",
        &first,
        "--epochs",
        "2",
        "--augment",
        "none",
    ]);
    assert!(resumed.status.success());
    let changed = said(&resumed);
    assert!(
        changed.contains("changed train.augment.flip: true -> false"),
        "{changed}"
    );
}

#[test]
fn a_series_stopped_in_its_first_run_or_a_later_one_says_what_was_done() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let series = at("seeds");
    let ended = interrupted(
        &[&LONG[..], &["--seeds", "3", "--run-dir", &series]].concat(),
        &parent.path().join("seeds/seed-0/config.toml"),
    );
    let expected = format!(
        "stopped with 0 of 3 seeds done, seed-0 begun; resume with `receptive train --resume {series}`"
    );
    assert!(said(&ended).contains(&expected), "{}", said(&ended));
    let shown = text(&ended.stdout);
    assert!(
        shown.contains(&format!("next       receptive train --resume {series}")),
        "{shown}"
    );
    assert!(!shown.contains("summary.json"), "{shown}");

    let data = splits(&parent.path().join("data"));
    let folds = at("folds");
    let cross = |place: &'static str| -> Vec<String> {
        let more = [&data, "--epochs", "8", "--folds", "3", "--run-dir"];
        let all = SHORT.into_iter().chain(more).map(String::from);
        all.chain([at(place)]).collect()
    };
    let ended = interrupted(
        &words(&cross("folds")),
        &parent.path().join("folds/fold-2/config.toml"),
    );
    let expected = format!(
        "stopped with 1 of 3 folds done, fold-2 begun; resume with `receptive train --resume {folds}`"
    );
    assert!(said(&ended).contains(&expected), "{}", said(&ended));
    let shown = text(&ended.stdout);
    assert!(shown.contains("(1 of 3 folds: no deviation)"), "{shown}");
    assert!(shown.contains("\n           mean recall "), "{shown}");

    let refused = output(&["train", "--resume", &folds, "--augment", "none"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("keep their settings"),
        "{}",
        said(&refused)
    );
    let resumed = json(&["train", "--resume", &folds, "--json"]);
    let undisturbed = json(&[&words(&cross("whole"))[..], &["--json"]].concat());
    assert_eq!(resumed["out_of_fold"], undisturbed["out_of_fold"]);
    assert_eq!(resumed["means"], undisturbed["means"]);
}

#[test]
fn a_search_that_was_stopped_or_whose_time_was_over_ends_as_if_it_was_not() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let place = ["stopped", "short", "whole"].map(at);
    let tune = |place: &str, more: &[&str]| -> Vec<String> {
        let start = [
            "tune",
            &data,
            "--networks",
            "tutorial",
            "--batch-size",
            "16",
        ];
        let plan = ["--trials", "3", "--epochs", "6", "--run-dir", place];
        let all = start.iter().chain(&plan).chain(more);
        all.map(|word| (*word).to_string()).collect()
    };
    let whole = json(&words(&tune(&place[2], &["--json"])));
    let losses = |found: &Value| -> Vec<(u64, u64, Value)> {
        let results = found["results"].as_array().unwrap().iter();
        let number = |one: &Value, name: &str| one[name].as_u64().unwrap();
        let mut losses: Vec<(u64, u64, Value)> = results
            .map(|one| {
                (
                    number(one, "rung"),
                    number(one, "trial"),
                    one["val_loss"].clone(),
                )
            })
            .collect();
        losses.sort_by_key(|(rung, trial, _)| (*rung, *trial));
        losses
    };

    let second = parent.path().join("stopped/trial-01/epochs-2/config.toml");
    let ended = interrupted(&words(&tune(&place[0], &[])), &second);
    let expected = format!(
        "stopped in round 1 of 2, 1 of its 3 trials done; resume with `receptive tune --resume {}`",
        place[0]
    );
    assert!(said(&ended).contains(&expected), "{}", said(&ended));
    let refused = output(&["tune", "--resume", &place[0], "--mixup", "0.2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("a search keeps its settings"),
        "{}",
        said(&refused)
    );
    let resumed = json(&["tune", "--resume", &place[0], "--json"]);
    assert_eq!(losses(&resumed), losses(&whole));

    // A limit that ends the first trial before its first epoch.
    let ended = output(&words(&tune(&place[1], &["--minutes", "0.00001"])));
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    assert!(text(&ended.stdout).contains("no trial has a result"));
    let expected = "the limit was reached in round 1 of 2, ";
    assert!(said(&ended).contains(expected), "{}", said(&ended));
    let resumed = json(&["tune", "--resume", &place[1], "--minutes", "60", "--json"]);
    assert_eq!(losses(&resumed), losses(&whole));
    assert_eq!(resumed["best"]["val_loss"], whole["best"]["val_loss"]);
}
