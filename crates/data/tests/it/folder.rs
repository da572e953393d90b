use crate::make::{images, open, png, rejection, uncut, write};
use receptive_data::{DataError, DataOptions, DataSet, Split};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The classes of the images of a split, by the folder each lies in.
fn agrees_with_folders(data: &DataSet, split: &Split) {
    for i in 0..split.len() {
        let path = split.path(i);
        let folder = Path::new(&path).parent().unwrap().file_name().unwrap();
        assert_eq!(
            folder.to_str().unwrap(),
            data.classes[split.label(i)],
            "{path}"
        );
    }
}

fn paths(split: &Split) -> Vec<String> {
    (0..split.len()).map(|i| split.path(i)).collect()
}

#[test]
fn train_val_and_test_folders_are_the_three_splits() {
    for val in ["val", "valid", "validation"] {
        let root = tempfile::tempdir().unwrap();
        for (split, n) in [("train", 3), (val, 2), ("test", 1)] {
            images(&root.path().join(split).join("cat"), n);
            images(&root.path().join(split).join("dog"), n + 1);
        }
        let data = open(root.path(), &DataOptions::default()).unwrap();
        assert_eq!(data.classes, ["cat", "dog"]);
        assert_eq!(data.train.class_counts(), [3, 4]);
        assert_eq!(data.val.class_counts(), [2, 3]);
        assert_eq!(data.test.as_ref().unwrap().class_counts(), [1, 2]);
        assert!(
            data.notes.is_empty() && data.damaged.is_empty(),
            "{:?}",
            data.notes
        );
        let names: Vec<_> = data.splits().map(Split::name).collect();
        assert_eq!(names, ["train", "val", "test"]);
    }
}

#[test]
fn a_missing_val_folder_is_cut_from_train_and_a_missing_test_folder_is_not() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("train/cat"), 20);
    images(&root.path().join("train/dog"), 10);
    let data = open(root.path(), &DataOptions::default()).unwrap();
    let val = data.val.class_counts();
    assert!(val.iter().all(|count| (1..=5).contains(count)), "{val:?}");
    assert_eq!(data.train.class_counts(), [20 - val[0], 10 - val[1]]);
    assert!(data.test.is_none());
}

#[test]
fn one_folder_of_class_folders_is_split_by_seed_and_fraction() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 40);
    images(&root.path().join("dog"), 20);
    let with_seed = |seed| {
        let options = DataOptions {
            val_fraction: 0.2,
            test_fraction: 0.1,
            seed,
            ..DataOptions::default()
        };
        open(root.path(), &options).unwrap()
    };
    let data = with_seed(1);
    let test = data.test.clone().unwrap();
    let [train, val, test_counts] = [&data.train, &data.val, &test].map(Split::class_counts);
    for (class, images) in [(0, 40), (1, 20)] {
        assert_eq!(train[class] + val[class] + test_counts[class], images);
        assert!(train[class] > images / 3 && val[class] > 0 && test_counts[class] > 0);
    }
    let all: BTreeSet<String> = data.splits().flat_map(paths).collect();
    assert_eq!(all.len(), 60, "no image is in two splits");
    for split in data.splits() {
        agrees_with_folders(&data, split);
    }

    let again = with_seed(1);
    assert_eq!(paths(&data.train), paths(&again.train));
    assert_eq!(paths(&data.val), paths(&again.val));
    assert_eq!(data.fingerprint(), again.fingerprint());
    let other = with_seed(2);
    assert_ne!(paths(&data.val), paths(&other.val));
    assert_ne!(data.fingerprint(), other.fingerprint());
}

#[test]
fn a_fingerprint_survives_a_move_and_notices_a_changed_file() {
    let root = tempfile::tempdir().unwrap();
    let (before, after) = (root.path().join("a"), root.path().join("b"));
    images(&before.join("cat"), 3);
    images(&before.join("dog"), 3);
    let print = |path| open(path, &uncut()).unwrap().fingerprint();
    let first = print(&before);
    assert_eq!(first.len(), 64);
    fs::rename(&before, &after).unwrap();
    assert_eq!(first, print(&after));
    write(&after.join("dog/1.png"), png(20, 20, 5));
    assert_ne!(first, print(&after));
}

#[test]
fn a_limit_keeps_the_proportions_of_classes_and_splits() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 40);
    images(&root.path().join("dog"), 20);
    let options = DataOptions {
        limit: Some(12),
        ..DataOptions::default()
    };
    let data = open(root.path(), &options).unwrap();
    let train = data.train.class_counts();
    assert!(train[0] + train[1] == 12 && train[1] >= 2, "{train:?}");
    let (val, test) = (data.val.len(), data.test.unwrap().len());
    assert!(
        (1..=4).contains(&val) && (1..=4).contains(&test),
        "{val} {test}"
    );
}

#[test]
fn a_class_missing_in_val_shifts_no_label() {
    let root = tempfile::tempdir().unwrap();
    for class in ["ant", "bee", "cat"] {
        images(&root.path().join("train").join(class), 2);
    }
    images(&root.path().join("val/cat"), 2);
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!(data.val.labels(), [2, 2]);
    assert_eq!(data.val.class_counts(), [0, 0, 2]);
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("the val split has no image of `ant`, `bee`"),
        "{notes}"
    );
}

#[test]
fn a_class_that_only_val_or_test_has_is_an_error_that_names_it() {
    for split in ["val", "test"] {
        let root = tempfile::tempdir().unwrap();
        for class in ["shirt", "coat"] {
            images(&root.path().join("train").join(class), 2);
            images(&root.path().join(split).join(class), 1);
        }
        images(&root.path().join(split).join("Shirts"), 1);
        let error = open(root.path(), &DataOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::UnknownClass { .. }));
        let text = error.to_string();
        assert!(text.contains("`Shirts`"), "{text}");
        assert!(text.contains(&format!("{split} split")), "{text}");
        assert!(text.contains("did you mean `shirt`?"), "{text}");
    }
}

#[test]
fn a_given_class_list_maps_labels_by_name() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("bee"), 1);
    images(&root.path().join("cat"), 2);
    let given = |classes: &[&str]| DataOptions {
        classes: Some(classes.iter().map(|class| class.to_string()).collect()),
        ..uncut()
    };
    let data = open(root.path(), &given(&["cat", "dog", "bee"])).unwrap();
    assert_eq!(data.classes, ["cat", "dog", "bee"]);
    assert_eq!(data.train.class_counts(), [2, 0, 1]);
    agrees_with_folders(&data, &data.train);
    assert!(data.val.is_empty() && data.test.is_none());

    // Of a class that the model does not have, nothing is measured, and that is said.
    let data = open(root.path(), &given(&["cat", "dog"])).unwrap();
    assert_eq!(data.train.class_counts(), [2, 0]);
    assert_eq!(data.unknown_class, 1);
    let notes = data.notes.join("\n");
    assert!(notes.contains("left out 1 image of `bee`"), "{notes}");
}

#[test]
fn one_class_is_enough_for_a_trained_model_and_not_for_training() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 3);
    let text = rejection(root.path());
    assert!(
        text.contains("only one class, `cat`") && text.contains("at least two"),
        "{text}"
    );
    let options = DataOptions {
        classes: Some(vec!["bee".into(), "cat".into()]),
        ..uncut()
    };
    assert_eq!(open(root.path(), &options).unwrap().train.labels(), [1; 3]);
}

#[test]
fn a_folder_may_have_the_other_name_of_a_class() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("n02123045"), 2);
    images(&root.path().join("bee"), 1);
    let words = |words: [&str; 3]| Some(words.map(String::from).to_vec());
    let options = DataOptions {
        classes: words(["bee", "tabby", "n02206856"]),
        // The last is a class's own name too, which comes first.
        class_ids: words(["n02206856", "n02123045", "n00000001"]),
        ..uncut()
    };
    assert_eq!(
        open(root.path(), &options).unwrap().train.labels(),
        [0, 1, 1]
    );
    std::fs::rename(root.path().join("bee"), root.path().join("n02206856")).unwrap();
    assert_eq!(
        open(root.path(), &options).unwrap().train.labels(),
        [1, 1, 2]
    );
}

#[test]
fn hidden_and_other_files_are_passed_over_and_counted() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 2);
    images(&root.path().join("cat/more"), 2);
    images(&root.path().join("dog"), 2);
    images(&root.path().join(".git"), 2);
    for name in [
        "cat/.hidden.png",
        "cat/notes.txt",
        "dog/Thumbs.db",
        "README.md",
    ] {
        write(&root.path().join(name), "text");
    }
    write(&root.path().join("loose.png"), png(8, 6, 0));
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.train.class_counts(), [4, 2]);
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("skipped 4 files that are hidden or not images"),
        "{notes}"
    );
    assert!(notes.contains("skipped 1 image outside"), "{notes}");
}

#[test]
fn an_empty_class_folder_is_no_class_and_is_noted() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("bee"), 2);
    images(&root.path().join("cat"), 2);
    fs::create_dir(root.path().join("ant")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["bee", "cat"]);
    assert!(data.notes.join("\n").contains("`ant`"), "{:?}", data.notes);
}

#[test]
fn a_folder_without_images_says_what_was_expected() {
    let root = tempfile::tempdir().unwrap();
    assert!(rejection(root.path()).contains("no class folders"));
    write(&root.path().join("a.png"), png(8, 6, 0));
    let text = rejection(root.path());
    assert!(text.contains("found 1 images"), "{text}");
    fs::create_dir_all(root.path().join("cat")).unwrap();
    let text = rejection(root.path());
    assert!(
        text.contains("contain no image") && text.contains("`cat`"),
        "{text}"
    );
}

#[test]
fn classes_that_differ_only_by_case_are_two_and_noted() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    images(&root.path().join("Cat"), 1);
    let data = open(root.path(), &uncut()).unwrap();
    if data.classes.len() == 3 {
        // else the file system itself takes both for one
        assert!(data.notes.join("\n").contains("`Cat`, `cat` differ only"));
    }
}

#[test]
fn split_folders_that_hold_images_directly_are_not_taken_for_classes() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("train"), 3);
    images(&root.path().join("val"), 3);
    let text = rejection(root.path());
    assert!(
        text.contains("train") && text.contains("class folders"),
        "{text}"
    );
}

#[test]
fn a_val_folder_with_the_same_classes_beside_class_folders_is_no_class() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["cat", "dog", "val/cat", "val/dog"] {
        images(&root.path().join(folder), 2);
    }
    let text = rejection(root.path());
    assert!(text.contains("val") && text.contains("train"), "{text}");
}

#[test]
fn classes_may_be_called_train_and_test_when_they_hold_images() {
    let root = tempfile::tempdir().unwrap();
    for class in ["bus", "train", "test"] {
        images(&root.path().join(class), 2);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["bus", "test", "train"]);
}

#[test]
fn folders_beside_the_splits_are_noted() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["train/cat", "train/dog", "unlabelled"] {
        images(&root.path().join(folder), 2);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert!(data.notes.join("\n").contains("`unlabelled`"));
}

#[test]
fn a_path_that_does_not_exist_suggests_the_name_that_was_meant() {
    let error = receptive_data::open(
        "fashion-mimi",
        &DataOptions::default(),
        &receptive_data::NoProgress,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("did you mean `fashion-mini`?"), "{text}");
    assert!(text.contains("cifar100"), "{text}");
}
