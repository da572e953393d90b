//! Messages that say what really is the matter, and what to do.

use crate::several::splits;
use crate::split::{CLASSES, noise, record, train};
use crate::{output, text};
use std::fs;
use std::path::{Path, PathBuf};

/// Classes of this many images each in `root/NAME`.
fn folder(root: &Path, name: &str, images: usize) -> PathBuf {
    let folder = root.join(name);
    for class in CLASSES {
        for i in 0..images {
            noise(&folder.join(class).join(format!("{name}{i:02}.png")));
        }
    }
    folder
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Standard error of a command in one line, and whether it succeeded.
fn said(arguments: &[&str]) -> (String, bool) {
    let output = output(arguments);
    let message = text(&output.stderr);
    let words: Vec<&str> = message.split_whitespace().collect();
    (words.join(" "), output.status.success())
}

/// Standard error of a command that must fail.
fn rejected(arguments: &[&str]) -> String {
    let (message, success) = said(arguments);
    assert!(!success, "{arguments:?}: {message}");
    message
}

#[test]
fn other_data_say_what_they_were_used_for_and_a_new_place_must_hold_the_runs_images() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (data, run) = (folder(root, "data", 20), root.join("run"));
    let other = folder(root, "other", 3);
    train(&data, &run, &["--set", "train.monitor=val_loss"]);
    let of_val = |(path, split): (String, String)| (split == "val").then_some(path);
    for path in record(&run).into_iter().filter_map(of_val) {
        fs::copy(data.join(&path), other.join(&path)).unwrap();
    }
    let chosen = "were used to select the best epoch";
    let arguments = ["evaluate", text_of(&run), text_of(&other)];
    let (message, success) = said(&arguments);
    assert!(success && message.contains(chosen), "{message}");
    // The last epoch was chosen by nothing.
    let path = run.join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let last = config.replace("monitor = \"val_loss\"", "monitor = \"last\"");
    assert_ne!(last, config);
    fs::write(&path, last).unwrap();
    let (message, success) = said(&arguments);
    assert!(success && !message.contains(chosen), "{message}");
    fs::write(&path, config).unwrap();

    // A place where the data are not, and one where nothing is: the same of both commands.
    let (strange, nowhere) = (folder(root, "strange", 2), root.join("nowhere"));
    let places = [
        (&nowhere, "given as the new path of the run's data"),
        (&strange, "images"),
    ];
    for (place, words) in places {
        let evaluate = ["evaluate", text_of(&run), "--data", text_of(place)];
        let resume = [
            "train",
            "--resume",
            text_of(&run),
            "--epochs",
            "2",
            "--data",
            text_of(place),
        ];
        for arguments in [&evaluate[..], &resume] {
            let message = rejected(arguments);
            assert!(message.contains(words), "{message}");
            assert!(message.contains(text_of(place)), "{message}");
        }
    }
    let message = rejected(&["evaluate", text_of(&run), "--data", text_of(&strange)]);
    assert!(message.contains("none of the run's 60 images"), "{message}");
    let (message, success) = said(&["evaluate", text_of(&run), text_of(&strange)]);
    assert!(success, "{message}");
}

#[test]
fn a_part_of_the_runs_data_is_not_taken_for_them_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    let data = splits(&directory.path().join("data"));
    let run = directory.path().join("run");
    train(Path::new(&data), &run, &["--preset", "tutorial"]);
    let part = format!("{data}/train");
    let (message, success) = said(&["evaluate", text_of(&run), &part, "--split", "train"]);
    assert!(success, "{message}");
    let note = "has 48 of the run's 80 images, so it is treated as the run's own data";
    assert!(message.contains(note), "{message}");
    let (message, _) = said(&["evaluate", text_of(&run), &data]);
    assert!(!message.contains("is treated as"), "{message}");
}

#[test]
fn a_setting_that_cannot_change_or_has_no_effect_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (data, run) = (folder(root, "data", 12), root.join("run"));
    let network = ["--preset", "tutorial", "--image-size", "16"];
    train(&data, &run, &network);
    // The network has no room in such an image.
    for (argument, value, named) in [
        ("--image-size", "2", "data.image_size"),
        ("--set", "model.input.height=2", "model.input"),
        ("--batch-size", "3", "train.batch_size"),
    ] {
        let resume = ["train", "--resume", text_of(&run), "--epochs", "2"];
        let message = rejected(&[&resume[..], &[argument, value]].concat());
        assert!(message.contains(named), "{message}");
        assert!(!message.contains("kernel"), "{message}");
    }

    let child = |name: &str, more: &[&str]| {
        let child = root.join(name);
        let from = [
            "train",
            text_of(&data),
            "--from",
            text_of(&run),
            "--epochs",
            "1",
            "--run-dir",
            text_of(&child),
        ];
        let (message, success) = said(&[&from, more].concat());
        assert!(success, "{message}");
        (message, record(&child))
    };
    let (message, split) = child("child", &["--set", "data.val_fraction=0.4"]);
    assert!(
        message.contains("data.val_fraction has no effect"),
        "{message}"
    );
    assert_eq!(split, record(&run));
    let (message, _) = child("other", &[]);
    assert!(!message.contains("has no effect"), "{message}");
}

#[test]
fn a_directory_of_runs_names_one_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (data, series) = (folder(root, "data", 6), root.join("series"));
    train(&data, &series.join("fold-2"), &["--preset", "tutorial"]);
    fs::create_dir(series.join("notes")).unwrap();
    let image = data.join("ant/data00.png");
    for arguments in [
        &["evaluate", text_of(&series)][..],
        &["report", text_of(&series)],
        &["predict", text_of(&series), text_of(&image)],
    ] {
        let message = rejected(arguments);
        let run = series.join("fold-2");
        let named = message.contains(&format!("such as {}", text_of(&run)));
        assert!(named, "{arguments:?}: {message}");
    }
    let message = rejected(&["evaluate", text_of(&data)]);
    assert!(message.contains("no config.toml"), "{message}");
}

#[test]
fn a_run_that_diverged_at_once_is_not_to_be_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (data, run) = (folder(root, "data", 12), root.join("run"));
    rejected(&[
        "train",
        text_of(&data),
        "--preset",
        "tutorial",
        "--lr",
        "1e30",
        "--run-dir",
        text_of(&run),
    ]);
    let message = rejected(&["evaluate", text_of(&run)]);
    assert!(
        message.contains("training diverged in its first epoch"),
        "{message}"
    );
    assert!(!message.contains("--resume"), "{message}");
}

#[test]
fn a_share_that_is_set_already_is_not_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let data = folder(directory.path(), "data", 1);
    let stopping = ["train", text_of(&data), "--patience", "2", "--dry-run"];
    let message = rejected(&stopping);
    assert!(
        message.contains("data.val_fraction of 0.1: increase it"),
        "{message}"
    );
    let none = [&stopping[..], &["--set", "data.val_fraction=0"]].concat();
    let message = rejected(&none);
    assert!(
        message.contains("set a data.val_fraction above 0"),
        "{message}"
    );
}

#[test]
fn a_search_without_epochs_to_train_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (data, run) = (folder(root, "data", 12), root.join("run"));
    train(&data, &run, &["--preset", "tutorial", "--image-size", "16"]);
    let search = root.join("search");
    let message = rejected(&[
        "tune",
        text_of(&data),
        "--from",
        text_of(&run),
        "--set",
        "start.head=\"only\"",
        "--set",
        "train.epochs=0",
        "--run-dir",
        text_of(&search),
    ]);
    assert!(message.contains("only the head is fitted"), "{message}");
    assert!(!search.exists());
}

#[test]
fn the_recipe_of_fine_tuning_is_printed_and_kept_whatever_else_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let data = folder(root, "data", 12);
    let from = root.join("from");
    train(&data, &from, &[]);
    let from = text_of(&from);
    let fine_tuned = |name: &str, given: &[&str]| {
        let run = root.join(name);
        let arguments = [
            "train",
            text_of(&data),
            "--from",
            from,
            "--run-dir",
            text_of(&run),
        ];
        let (message, success) = said(&[&arguments, given].concat());
        assert!(success, "{message}");
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        (message, config)
    };
    let always = [
        "AdamW with a learning rate of 0.0003 for the head",
        "the learning rate follows the schedule cosine",
        "random crops and colour jitter against overfitting (train.augment)",
    ];
    let given = ["--epochs", "1", "--batch-size", "8"];
    let (message, config) = fine_tuned("given", &given);
    for line in always {
        assert!(message.contains(line), "{line}: {message}");
    }
    assert!(!message.contains("(train.epochs"), "{message}");
    for setting in [
        "epochs = 1\n",
        "batch_size = 8\n",
        "kind = \"adamw\"",
        "crop = 0.5",
    ] {
        assert!(config.contains(setting), "{setting}: {config}");
    }
    let (message, config) = fine_tuned("batch", &["--epochs", "1"]);
    let batches = "batches of 16 images, so that few images give several steps per epoch \
                   (train.batch_size, --batch-size)";
    assert!(message.contains(batches), "{message}");
    assert!(config.contains("batch_size = 16\n"), "{config}");
    // Only a head: nothing that would train the other layers.
    let (message, config) = fine_tuned("head", &["--set", "start.head=only"]);
    assert!(
        message.contains("no epochs, since only the head is fitted"),
        "{message}"
    );
    assert!(!message.contains("AdamW"), "{message}");
    assert!(config.contains("epochs = 0\n"), "{config}");
}
