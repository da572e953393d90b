//! Runs that start from another's model, over generations.

use crate::split::{CLASSES, in_split, noise, record, train};
use crate::{output, text};
use std::fs;
use std::path::{Path, PathBuf};

/// Classes of 12 images each in `root/NAME`.
fn folder(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    for class in CLASSES {
        for i in 0..12 {
            noise(&folder.join(class).join(format!("{i:02}.png")));
        }
    }
    folder
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_grandchild_does_not_train_on_what_its_grandparent_was_tested_on() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (one, two) = (folder(root, "one"), folder(root, "two"));
    let run = |name: &str| root.join(name);
    train(&one, &run("first"), &[]);
    // The second knows nothing of the first's images but what the record says.
    train(&two, &run("second"), &["--from", text_of(&run("first"))]);
    let tested = in_split(&run("first"), "test");
    assert!(!tested.is_empty());
    assert_eq!(in_split(&run("second"), "test_before"), tested);
    let chosen_by = in_split(&run("first"), "val");
    assert_eq!(in_split(&run("second"), "val_before"), chosen_by);

    // The third trains on all images of the first, under other names.
    let three = root.join("three");
    for class in CLASSES {
        for i in 0..12 {
            let from = one.join(class).join(format!("{i:02}.png"));
            let to = three.join(class).join(format!("x{i:02}.png"));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    train(
        &three,
        &run("third"),
        &["--from", text_of(&run("second")), "--seed", "7"],
    );
    let renamed = |paths: Vec<String>| -> Vec<String> {
        let old = paths.into_iter();
        old.map(|path| path.replace('/', "/x")).collect()
    };
    assert_eq!(in_split(&run("third"), "test"), renamed(tested));
    assert_eq!(in_split(&run("third"), "val"), renamed(chosen_by));
}

#[test]
fn groups_that_an_ungrouped_parent_had_divided_are_named_and_new_images_follow_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let data = root.join("data");
    for patient in 0..10 {
        for image in 0..4 {
            let class = CLASSES[patient % 3];
            noise(&data.join(class).join(format!("p{patient:02}_{image}.png")));
        }
    }
    let (parent, child) = (root.join("parent"), root.join("child"));
    train(&data, &parent, &[]);
    let before = record(&parent);
    for patient in 0..10 {
        noise(
            &data
                .join(CLASSES[patient % 3])
                .join(format!("p{patient:02}_new.png")),
        );
    }
    let said = output(&[
        "train",
        text_of(&data),
        "--from",
        text_of(&parent),
        "--group",
        "(p[0-9]+)_",
        "--epochs",
        "1",
        "--run-dir",
        text_of(&child),
    ]);
    let message = text(&said.stderr).replace("\n  ", " ");
    assert!(said.status.success(), "{message}");
    let after = record(&child);
    let mut divided = 0;
    for patient in 0..10 {
        let class = CLASSES[patient % 3];
        let of = |image: &str| format!("{class}/p{patient:02}_{image}.png");
        let olds: Vec<&String> = (0..4).map(|i| &before[&of(&i.to_string())]).collect();
        if olds.iter().any(|old| *old != olds[0]) {
            divided += 1;
        }
        // The new one stands where what was learned says most.
        let wanted = ["train", "val", "test"]
            .into_iter()
            .find(|split| olds.iter().any(|old| old == split));
        assert_eq!(
            Some(after[&of("new")].as_str()),
            wanted,
            "patient {patient}"
        );
    }
    assert!(divided > 0);
    let note = format!("groups with images in more than one split: {divided}, since");
    assert!(message.contains(&note), "{note}: {message}");
}

#[test]
fn a_child_is_resumed_without_its_parent() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let data = folder(root, "data");
    let (parent, child) = (root.join("parent"), root.join("child"));
    train(&data, &parent, &[]);
    train(
        &data,
        &child,
        &["--from", text_of(&parent), "--freeze", "1"],
    );
    fs::remove_dir_all(&parent).unwrap();
    let longer = output(&["train", "--resume", text_of(&child), "--epochs", "2"]);
    let message = text(&longer.stderr).replace("\n  ", " ");
    assert!(longer.status.success(), "{message}");
    assert!(
        message.contains("resumes from its own checkpoint"),
        "{message}"
    );

    // Not even a model of its own: the checkpoint suffices.
    for model in ["model", "last"] {
        fs::remove_dir_all(child.join(model)).unwrap();
    }
    let longer = output(&["train", "--resume", text_of(&child), "--epochs", "3"]);
    let message = text(&longer.stderr).replace("\n  ", " ");
    assert!(message.contains("epoch 3/3"), "{message}");
    // If no later epoch is better, the model of the best is missing at the end.
    let is_kept = child.join("model").is_dir();
    assert_eq!(longer.status.success(), is_kept, "{message}");
    assert!(
        is_kept || message.contains("was moved or deleted"),
        "{message}"
    );
    fs::remove_dir_all(child.join("checkpoints")).unwrap();
    fs::remove_file(child.join("log.jsonl")).unwrap();
    let refused = output(&["train", "--resume", text_of(&child)]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("parent"));
}

#[test]
fn what_the_data_decide_is_not_ignored_in_silence_on_resume() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let data = folder(root, "data");
    let run = root.join("run");
    train(&data, &run, &["--image-size", "10"]);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for (set, named) in [
        ("model.classes=7", "model.classes"),
        ("model.input.height=9", "model.input"),
    ] {
        let refused = output(&[
            "train",
            "--resume",
            text_of(&run),
            "--epochs",
            "2",
            "--set",
            set,
        ]);
        let message = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{set}: {message}");
        assert!(message.contains(named), "{set}: {message}");
    }
    let moved = data.join("ant/00.png");
    fs::rename(&moved, data.join("bee/moved.png")).unwrap();
    let refused = output(&["train", "--resume", text_of(&run), "--epochs", "2"]);
    let message = text(&refused.stderr).replace("\n  ", " ");
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(
        message.contains("another class") && message.contains("ant/00.png"),
        "{message}"
    );
    let after = fs::read_to_string(run.join("config.toml")).unwrap();
    assert_eq!(after, config, "a rejected resume leaves the run as it was");
}
