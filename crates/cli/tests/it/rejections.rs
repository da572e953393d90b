//! What can't be done is a sentence and an exit code, never a panic.

use crate::{output, text};

#[test]
fn each_rejection_has_its_exit_code_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().to_str().unwrap();
    let plain = directory.path().join("notes.toml");
    std::fs::write(&plain, "[input]\nchannels = \"one\"").unwrap();
    let below_a_file = plain.join("man");
    let (plain, below_a_file) = (plain.to_str().unwrap(), below_a_file.to_str().unwrap());
    for (arguments, code, words) in [
        (
            vec!["train", "--preset", "smol"],
            2,
            "did you mean `small`?",
        ),
        (vec!["train", "fashion-mnit"], 2, "fashion-mnist"),
        (vec!["train", "--set", "train.epochs"], 2, "key=value"),
        (vec!["train", "--set", "train.epoch=3"], 2, "epoch"),
        (vec!["train", "--set", "train.epochs=0"], 2, "train.epochs"),
        (vec!["train", "--epochs", "0"], 2, "from 1 to"),
        (vec!["train", "--epochs", "many"], 2, "--epochs"),
        (
            vec!["train", "--batch-size", "-3"],
            2,
            "expected a whole number, 1 or more",
        ),
        (
            vec!["bench", "--steps", "0"],
            2,
            "expected a whole number from 1",
        ),
        (
            vec!["train", "--threads", "20000", "--dry-run"],
            2,
            "at most 1024",
        ),
        (
            vec!["man", "--out", below_a_file],
            1,
            "could not create the directory",
        ),
        (vec!["man", "foo"], 2, "`receptive` has train"),
        (vec!["train", "--config", plain], 2, "channels"),
        (
            vec!["train", "--seed", "18446744073709551615"],
            2,
            "train.seed",
        ),
        (
            vec!["train", "--set", "model.input.height=9"],
            2,
            "--image-size",
        ),
        (
            vec!["train", "--set", "train.class_weights=some"],
            2,
            "balanced",
        ),
        (vec!["train", "--preset", "plain-0"], 2, "1 to 200"),
        (vec!["train", "--threads", "5000"], 2, "at most 1024"),
        (
            vec!["evaluate", empty, "--threads", "5000"],
            2,
            "at most 1024",
        ),
        (vec!["train", "--backend", "tpu"], 2, "this build has flex"),
        (vec!["train", "--backend", "flex:9"], 2, "no device 9"),
        (vec!["train", "--run-dir", empty], 1, "not empty"),
        (vec!["evaluate", empty], 1, "not a run directory"),
        (vec!["predict", empty, "x.png"], 1, "not a run directory"),
        (vec!["summary", "nothing"], 2, "tutorial, small"),
        (vec!["summary", "--input", "28x28"], 2, "3x32x32"),
        (
            vec!["summary", "tutorial", "--input", "1x1x1"],
            2,
            "layer 2 (max_pool2d)",
        ),
        (vec!["data", "/nowhere/at/all"], 2, "/nowhere/at/all"),
        (vec!["frobnicate"], 2, "frobnicate"),
        (vec![], 2, "Usage"),
    ] {
        let output = output(&arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(
            message.contains(words),
            "{arguments:?}: `{words}` is not in: {message}"
        );
        assert!(!message.contains("panicked"), "{arguments:?}: {message}");
        assert!(
            output.stdout.is_empty(),
            "{arguments:?}: {}",
            text(&output.stdout)
        );
    }
}

#[test]
fn a_damaged_model_is_rejected_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    crate::train(&path);
    let weights = path.join("model/weights.bpk");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let output = output(&["evaluate", path.to_str().unwrap()]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains("weights.bpk") && message.contains("changed"),
        "{message}"
    );
}

#[test]
fn an_error_names_only_arguments_that_its_command_has() {
    let output = output(&["lr-find", "--set", "train.epochs=0"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("train.epochs") && !message.contains("--epochs"),
        "{message}"
    );
}

#[test]
fn a_finished_run_that_is_resumed_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let trained = crate::train(&path);
    let resumed = output(&["train", "--resume", path.to_str().unwrap(), "--json"]);
    let message = text(&resumed.stderr);
    assert_eq!(resumed.status.code(), Some(0), "{message}");
    assert!(message.contains("already finished"), "{message}");
    assert!(message.contains("--epochs N"), "{message}");
    let sha256 = trained["weights_sha256"].as_str().unwrap();
    assert!(text(&resumed.stdout).contains(sha256));
}

#[test]
fn a_series_that_cannot_begin_leaves_no_directory() {
    let parent = tempfile::tempdir().unwrap();
    let data = crate::several::splits(&parent.path().join("data"));
    let series = parent.path().join("series");
    let path = series.to_str().unwrap();
    let refused = output(&["train", &data, "--folds", "99", "--run-dir", path]);
    let words = text(&refused.stderr);
    assert!(words.contains("99 folds need at least as many"), "{words}");
    assert!(!series.exists());
}

#[test]
fn a_run_that_lost_a_part_says_which() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("my run");
    crate::train(&path);
    let run = path.to_str().unwrap();
    let rejected = |arguments: &[&str], code: i32, words: &[&str]| {
        let output = output(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        for word in words {
            assert!(
                message.contains(word),
                "{arguments:?}: `{word}` is not in: {message}"
            );
        }
    };
    crate::done(&["report", run, "--samples", "8"]);
    let page = std::fs::read(path.join("report.html")).unwrap();
    rejected(
        &["report", run, "--data", "nosuch"],
        2,
        &["nothing at nosuch"],
    );
    assert_eq!(std::fs::read(path.join("report.html")).unwrap(), page);
    rejected(
        &["report", run, "--data-dir", "/nosuch"],
        2,
        &["a directory that exists"],
    );

    let config = std::fs::read(path.join("config.toml")).unwrap();
    std::fs::write(path.join("config.toml"), "[data").unwrap();
    rejected(&["evaluate", run], 2, &["could not read the config"]);
    std::fs::write(path.join("config.toml"), config).unwrap();

    let again = format!("`receptive train --config '{run}/config.toml'`");
    std::fs::remove_file(path.join("model/MANIFEST.json")).unwrap();
    rejected(&["evaluate", run], 1, &["no MANIFEST.json", &again]);
    std::fs::remove_dir_all(path.join("model")).unwrap();
    rejected(
        &["evaluate", run],
        1,
        &["it was moved or deleted", "last epoch's model"],
    );
    crate::done(&["evaluate", &format!("{run}/last")]);
    std::fs::remove_dir_all(path.join("last")).unwrap();
    rejected(&["evaluate", run], 1, &["it was moved or deleted", &again]);
}

/// A program that reads the last line finds the error there.
#[test]
fn an_error_is_a_line_of_json_where_json_is_wanted() {
    for (arguments, code, kind, part) in [
        (
            &["data", "/no/such/folder"][..],
            2,
            "usage",
            "no such path exists",
        ),
        (
            &["evaluate", "/no/such/run"],
            1,
            "failure",
            "not a run directory",
        ),
        (
            &["train", "--bogus"],
            2,
            "usage",
            "unexpected argument '--bogus'",
        ),
        (&["evaluate"], 2, "usage", "<RUN>"),
    ] {
        let output = output(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let out = text(&output.stdout);
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(line["kind"], kind, "{out}");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
        assert!(text(&output.stderr).contains("error: "), "{arguments:?}");
        let without = crate::output(arguments);
        assert!(without.stdout.is_empty(), "{arguments:?}");
    }
}
