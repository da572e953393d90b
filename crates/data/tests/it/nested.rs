//! Folders around the class folders, joined folders, and names that are spelt in two ways.

use crate::make::{images, images_in_each, open, rejection, uncut, write};
use receptive_data::DataOptions;

#[test]
fn a_folder_around_the_classes_or_splits_is_named_with_the_place_to_give() {
    for (folders, place, what) in [
        (
            &["photos/cat", "photos/dog"][..],
            "photos",
            "class folders (`cat`, `dog`)",
        ),
        (
            &["a/b/c/cat", "a/b/c/dog"],
            "a/b/c",
            "class folders (`cat`, `dog`)",
        ),
        (
            &[
                "archive/train/cat",
                "archive/train/dog",
                "archive/val/cat",
                "archive/val/dog",
            ],
            "archive",
            "the splits (`train`, `val`)",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(2, root.path(), folders);
        write(&root.path().join("README.md"), "text");
        std::fs::create_dir(root.path().join("notes")).unwrap();
        let text = rejection(root.path());
        let advice = format!("use that folder: {}", root.path().join(place).display());
        assert!(text.contains(what), "{text}");
        assert!(text.ends_with(&advice), "{text} does not end with {advice}");
        // Also where the classes are a trained model's.
        let options = DataOptions {
            classes: Some(vec!["cat".into(), "dog".into()]),
            ..uncut()
        };
        let text = open(root.path(), &options).unwrap_err().to_string();
        assert!(text.ends_with(&advice), "{text}");
        assert!(open(&root.path().join(place), &options).is_ok());
    }
}

#[test]
fn one_class_of_a_trained_model_with_folders_inside_is_that_class() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &["cat/near", "cat/far"]);
    let options = DataOptions {
        classes: Some(vec!["cat".into(), "dog".into()]),
        ..uncut()
    };
    assert_eq!(
        open(root.path(), &options).unwrap().train.class_counts(),
        [4, 0]
    );
}

#[test]
fn images_in_one_folder_beside_a_list_name_the_list_and_the_setting() {
    for (folder, list, others) in [
        ("images", "labels.csv", &[][..]),
        // Folders around the images and the list.
        ("top", "top/labels.csv", &[]),
        ("a/b/images", "a/b/list.tsv", &["a/b/README.md"]),
        ("a/b", "a/names.txt", &[]),
        // The splits of a competition.
        ("train", "train.csv", &["sample_submission.csv", "test.csv"]),
        ("train", "train/classes.csv", &["README.md"]),
        ("training", "train_labels.csv", &["a.csv"]),
    ] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(2, root.path(), &[folder]);
        if folder.starts_with("train") {
            images_in_each(2, root.path(), &["test"]);
        }
        for file in others.iter().chain([&list]) {
            write(
                &root.path().join(file),
                "file,class\n0.png,cat\n1.png,dog\n",
            );
        }
        let text = rejection(root.path());
        let list = format!("`{}`", root.path().join(list).display());
        for part in [&format!("`{folder}`"), &list, "data.labels"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // The same without a folder.
    let root = tempfile::tempdir().unwrap();
    images(root.path(), 2);
    write(&root.path().join("labels.csv"), "");
    let text = rejection(root.path());
    assert!(
        text.contains("labels.csv`") && text.contains("data.labels"),
        "{text}"
    );
}

#[test]
fn classes_that_join_folders_are_noted() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        2,
        root.path(),
        &["animals/cat", "animals/dog", "birds/owl", "birds/fox"],
    );
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["animals", "birds"]);
    let notes = data.notes.join("\n");
    for name in ["`animals`, `birds`", "`cat`, `dog`", "one class each"] {
        assert!(notes.contains(name), "{notes}");
    }
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        2,
        root.path(),
        &[
            "animals/photos/cat",
            "animals/photos/dog",
            "birds/photos/owl",
        ],
    );
    let notes = open(root.path(), &uncut()).unwrap().notes.join("\n");
    assert!(
        notes.contains("merged the folders inside `animals`"),
        "{notes}"
    );
    // One folder inside of each is a habit, and no news.
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &["cat/images", "dog/images"]);
    assert!(open(root.path(), &uncut()).unwrap().notes.is_empty());
}

#[test]
fn composed_and_decomposed_letters_are_one_class() {
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, &root.path().join("train"), &[composed, "dog"]);
    images_in_each(2, &root.path().join("val"), &[decomposed, "dog"]);
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, [composed, "dog"]);
    assert_eq!(data.val.class_counts(), [2, 2]);

    // The list of a trained model keeps its spelling.
    let options = DataOptions {
        classes: Some(vec![decomposed.into(), "dog".into()]),
        ..uncut()
    };
    let data = open(root.path(), &options).unwrap();
    assert_eq!(data.classes, [decomposed, "dog"]);
    assert_eq!(data.train.class_counts(), [2, 2]);
    let twice = DataOptions {
        classes: Some(vec![decomposed.into(), composed.into()]),
        ..uncut()
    };
    assert!(
        open(root.path(), &twice)
            .unwrap_err()
            .to_string()
            .contains("twice")
    );

    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &[composed, decomposed, "dog"]);
    let data = open(root.path(), &uncut()).unwrap();
    if root.path().read_dir().unwrap().count() == 3 {
        // else the file system itself takes both for one
        assert_eq!(data.train.class_counts(), [4, 2]);
        assert!(
            data.notes.join("\n").contains("are one class"),
            "{:?}",
            data.notes
        );
    }
}

#[test]
fn names_that_look_the_same_are_noted() {
    for other in ["cat ", "cat\u{200b}", "\u{feff}cat", "c\u{ad}at"] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(2, root.path(), &["cat", other, "dog"]);
        let data = open(root.path(), &uncut()).unwrap();
        assert_eq!(data.classes.len(), 3, "{other:?}");
        let notes = data.notes.join("\n");
        assert!(notes.contains("look the same"), "{other:?}: {notes}");
    }
}

#[test]
fn the_order_of_classes_does_not_depend_on_how_letters_are_stored() {
    // As a Mac stores it, `é` begins with an `e`.
    let names = ["e\u{301}t\u{e9}", "fox", "\u{e9}toile"];
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &names);
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, [names[1], names[2], names[0]]);
}

#[test]
fn a_class_whose_name_cannot_be_seen_is_rejected() {
    for name in ["\u{200b}", "\u{2060}\u{feff}", "\u{3000}"] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(2, root.path(), &["cat", name]);
        let text = rejection(root.path());
        assert!(text.contains("invisible"), "{name:?}: {text}");
        assert!(text.contains("\\u{"), "{name:?}: {text}");
    }
}

#[test]
fn thousands_of_classes_with_the_same_folder_inside_are_found() {
    let root = tempfile::tempdir().unwrap();
    for class in 0..3_000 {
        let folder = root.path().join(format!("n{class:05}"));
        images(&folder.join("images"), 1);
        images(&folder.join(format!("more{class}")), 1);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes.len(), 3_000);
    assert!(data.train.class_counts().iter().all(|count| *count == 2));
}

#[test]
fn class_folders_in_one_folder_of_each_split_are_found() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        2,
        root.path(),
        &[
            "train/images/cat",
            "train/images/dog",
            "val/images/cat",
            "test/images/dog",
        ],
    );
    write(&root.path().join("train/README.md"), "text");
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.train.class_counts(), [2, 2]);
    assert_eq!(data.val.class_counts(), [2, 0]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("in a subfolder, `images`"), "{notes}");

    // Two folders around them.
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        2,
        root.path(),
        &["train/a/b/cat", "train/a/b/dog", "val/a/b/dog"],
    );
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.val.class_counts(), [0, 2]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("in a subfolder, `a/b`"), "{notes}");

    // A class of that name has folders inside of it.
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        2,
        root.path(),
        &[
            "train/cat",
            "train/images/near",
            "val/images/near",
            "val/images/far",
        ],
    );
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "images"]);
    assert_eq!(data.val.class_counts(), [0, 4]);
}

#[test]
fn split_images_without_class_folders_are_no_class_called_images() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &["images/train"]);
    write(&root.path().join("labels/train/0.txt"), "0 0.5 0.5 1 1");
    let text = rejection(root.path());
    assert!(text.contains("without class folders"), "{text}");
    assert!(text.contains("images/train"), "{text}");
}

#[test]
fn data_sets_side_by_side_and_classes_beside_a_split_are_rejected_by_name() {
    for (folders, named) in [
        (
            &["x/train/cat", "x/train/dog", "y/train/owl", "y/train/bee"][..],
            ["`x`", "`train`"],
        ),
        (
            &[
                "x/train/cat",
                "x/train/dog",
                "x/val/cat",
                "y/train/cat",
                "y/train/dog",
            ],
            ["`x`", "`train`"],
        ),
        (&["train/cat", "cat", "dog"], ["`cat`, `dog`", "`train`"]),
        (
            &["train/cat", "train/dog", "val/cat", "val/dog", "dog"],
            ["`dog`", "`train`"],
        ),
        (
            &["train/images", "train/labels", "val/images"],
            ["train/images", "boxes or masks"],
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(2, root.path(), folders);
        let labels = root.path().join("train/labels");
        if labels.is_dir() {
            for i in 0..2 {
                std::fs::remove_file(labels.join(format!("{i}.png"))).unwrap();
            }
            write(&labels.join("0.txt"), "0 0.5 0.5 0.1 0.1");
        }
        let text = rejection(root.path());
        assert!(named.iter().all(|name| text.contains(name)), "{text}");
    }
    // Images that no split has need not be a class.
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &["train/cat", "train/dog", "unlabelled"]);
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
}

#[test]
fn a_folder_called_test_with_images_of_no_class_is_a_class_and_named() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(2, root.path(), &["cat", "dog", "test"]);
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!(data.classes, ["cat", "dog", "test"]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("`test` is read as a class"), "{notes}");
}
