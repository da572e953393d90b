use crate::make::{images, open, rejection, uncut};
use receptive_data::{DataError, DataOptions};
use std::fs;

fn given(classes: &[&str]) -> DataOptions {
    DataOptions {
        classes: Some(classes.iter().map(|class| class.to_string()).collect()),
        ..DataOptions::default()
    }
}

#[test]
fn splits_are_found_by_their_common_names_in_any_case() {
    for [train, val, test] in [
        ["Train", "Valid", "Test"],
        ["TRAIN", "VAL", "TEST"],
        ["training", "validation", "testing"],
        ["Training", "dev", "eval"],
        ["train", "Val", "Evaluation"],
    ] {
        let root = tempfile::tempdir().unwrap();
        for (split, n) in [(train, 3), (val, 2), (test, 1)] {
            images(&root.path().join(split).join("cat"), n);
            images(&root.path().join(split).join("dog"), n);
        }
        let data = open(root.path(), &DataOptions::default()).unwrap();
        assert_eq!(data.classes, ["cat", "dog"], "{train}");
        assert_eq!(data.train.class_counts(), [3, 3], "{train}");
        assert_eq!(data.val.class_counts(), [2, 2], "{val}");
        assert_eq!(data.test.unwrap().class_counts(), [1, 1], "{test}");
        assert!(data.notes.is_empty(), "{:?}", data.notes);
    }
}

#[test]
fn train_and_test_alone_are_splits_in_any_case() {
    for (train, test) in [("Train", "Test"), ("training", "testing")] {
        let root = tempfile::tempdir().unwrap();
        for class in ["cat", "dog"] {
            images(&root.path().join(train).join(class), 10);
            images(&root.path().join(test).join(class), 2);
        }
        let data = open(root.path(), &DataOptions::default()).unwrap();
        assert_eq!(data.classes, ["cat", "dog"]);
        assert_eq!(data.train.len() + data.val.len(), 20);
        assert_eq!(data.test.unwrap().class_counts(), [2, 2]);
    }
}

#[test]
fn two_folders_for_one_split_are_rejected_by_its_name() {
    for (one, two, name) in [
        ("train", "training", "training split"),
        ("val", "dev", "validation split"),
        ("test", "Eval", "test split"),
    ] {
        let root = tempfile::tempdir().unwrap();
        for folder in ["train", one, two] {
            images(&root.path().join(folder).join("cat"), 1);
            images(&root.path().join(folder).join("dog"), 1);
        }
        let text = rejection(root.path());
        assert!(text.contains("both") && text.contains(name), "{text}");
        assert!(text.contains(one) && text.contains(two), "{text}");
    }
}

#[test]
fn of_two_folders_for_one_split_the_one_with_class_folders_is_it() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["train/cat", "train/dog", "eval/cat", "eval/dog", "test"] {
        images(&root.path().join(folder), 2);
    }
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!(data.test.unwrap().class_counts(), [2, 2]);
    assert!(data.notes.join("\n").contains("`test`"), "{:?}", data.notes);
}

#[test]
fn classes_may_have_any_split_name_when_they_hold_images() {
    let root = tempfile::tempdir().unwrap();
    for class in ["Dev", "bus", "eval", "train", "training"] {
        images(&root.path().join(class), 2);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["Dev", "bus", "eval", "train", "training"]);
}

#[test]
fn folders_that_share_class_folders_are_splits_of_unknown_name() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["a/cat", "a/dog", "b/cat", "b/dog"] {
        images(&root.path().join(folder), 2);
    }
    let error = open(root.path(), &uncut()).unwrap_err();
    assert!(matches!(error, DataError::Layout { .. }));
    let text = error.to_string();
    for part in [
        "`a`, `b`",
        "`cat`, `dog`",
        "splits",
        "`train` or `training`",
        "`dev`",
        "`eval`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn splits_within_class_folders_are_rejected() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["cat/train", "cat/test", "dog/train", "dog/test"] {
        images(&root.path().join(folder), 2);
    }
    let text = rejection(root.path());
    assert!(text.contains("`cat`, `dog` contain splits"), "{text}");
    assert!(text.contains("`train/cat`"), "{text}");
}

#[test]
fn folders_inside_of_classes_are_no_splits_without_two_shared_names_that_hold_images() {
    let root = tempfile::tempdir().unwrap();
    for class in ["ant", "bee"] {
        let class = root.path().join(class);
        images(&class.join("images"), 2); // one shared name
        fs::create_dir(class.join("notes")).unwrap(); // without images
    }
    // Images of their own.
    for folder in ["cat", "cat/near", "cat/far", "dog", "dog/near", "dog/far"] {
        images(&root.path().join(folder), 2);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["ant", "bee", "cat", "dog"]);
    assert_eq!(data.train.class_counts(), [2, 2, 6, 6]);
}

#[test]
fn with_the_classes_of_a_trained_model_one_split_is_enough() {
    for split in ["test", "val", "Eval"] {
        let root = tempfile::tempdir().unwrap();
        images(&root.path().join(split).join("dog"), 3);
        let data = open(root.path(), &given(&["cat", "dog"])).unwrap();
        assert!(data.train.is_empty());
        let found = if split == "val" {
            data.val.clone()
        } else {
            assert!(data.val.is_empty());
            data.test.clone().unwrap()
        };
        assert_eq!(found.class_counts(), [0, 3]);
        assert_eq!(found.labels(), [1; 3]);
        // To train on it is still refused.
        let text = rejection(root.path());
        assert!(text.contains("no `train` folder"), "{text}");
        // A class that the model does not have, too.
        let error = open(root.path(), &given(&["cat", "ant"])).unwrap_err();
        assert!(matches!(error, DataError::UnknownClass { .. }));
        // And a limit means the images that there are.
        let limited = DataOptions {
            limit: Some(2),
            ..given(&["cat", "dog"])
        };
        let data = open(root.path(), &limited).unwrap();
        assert_eq!(data.splits().map(|split| split.len()).sum::<usize>(), 2);
    }
}

#[test]
fn with_the_classes_of_a_trained_model_train_may_hold_nothing() {
    for empty in ["train", "train/cat"] {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(empty)).unwrap();
        images(&root.path().join("test/cat"), 2);
        let data = open(root.path(), &given(&["cat", "dog"])).unwrap();
        assert_eq!((data.train.len(), data.test.unwrap().len()), (0, 2));
        assert!(!data.notes.is_empty(), "what was passed over is said");
    }
}

#[cfg(unix)]
#[test]
fn class_names_with_control_characters_are_rejected_and_shown_escaped() {
    for name in ["two\nlines", "\u{1b}[31mred"] {
        let root = tempfile::tempdir().unwrap();
        images(&root.path().join("cat"), 1);
        images(&root.path().join(name), 1);
        let text = rejection(root.path());
        assert!(text.contains(&format!("{name:?}")), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    // Also where such a folder is only mentioned.
    let root = tempfile::tempdir().unwrap();
    for folder in ["train/cat", "train/dog", "\u{1b}[31mred"] {
        images(&root.path().join(folder), 1);
    }
    let notes = open(root.path(), &uncut()).unwrap().notes.join(" ");
    assert!(
        notes.contains("red") && !notes.contains('\u{1b}'),
        "{notes:?}"
    );
}

#[test]
fn a_class_without_a_training_image_is_said() {
    let root = tempfile::tempdir().unwrap();
    for (split, class, n) in [
        ("train", "cat", 6),
        ("train", "dog", 6),
        ("test", "cat", 2),
        ("test", "dog", 2),
    ] {
        images(&root.path().join(split).join(class), n);
    }
    let remarks = |classes: &[&str]| open(root.path(), &given(classes)).unwrap().remarks();
    let about_training = |remarks: Vec<String>| {
        let found = remarks.into_iter();
        found
            .filter(|remark| remark.contains("no training images of"))
            .collect::<Vec<_>>()
    };
    assert_eq!(about_training(remarks(&["cat", "dog"])), [""; 0]);
    assert_eq!(
        about_training(remarks(&["cat", "bird", "dog"])),
        ["there are no training images of bird: the network cannot learn it"]
    );
}

#[test]
fn a_share_that_is_set_and_has_no_effect_is_said() {
    let root = tempfile::tempdir().unwrap();
    for split in ["train", "val"] {
        images(&root.path().join(split).join("cat"), 3);
        images(&root.path().join(split).join("dog"), 3);
    }
    let notes = |val_fraction, test_fraction| {
        let options = DataOptions {
            val_fraction,
            test_fraction,
            ..DataOptions::default()
        };
        open(root.path(), &options).unwrap().notes.join("\n")
    };
    assert!(!notes(0.1, 0.1).contains("no effect"));
    let said = notes(0.1, 0.25);
    assert!(said.contains("data.test_fraction has no effect"), "{said}");
    assert!(!said.contains("data.val_fraction"), "{said}");
    let said = notes(0.25, 0.1);
    assert!(said.contains("data.val_fraction has no effect"), "{said}");
    images(&root.path().join("test/cat"), 3);
    assert!(notes(0.1, 0.25).contains("has a test split"));
}

#[test]
fn imbalance_that_training_makes_up_for_is_no_advice_to_do_so() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("train/cat"), 13);
    images(&root.path().join("train/dog"), 4);
    images(&root.path().join("val/cat"), 1);
    let data = open(root.path(), &DataOptions::default()).unwrap();
    let advice = data.imbalance(false).unwrap();
    assert!(advice.contains("13 training images of cat") && advice.contains("train.sampling"));
    let said = data.imbalance(true).unwrap();
    assert!(
        said.contains("13 training images") && !said.contains("train."),
        "{said}"
    );
}
