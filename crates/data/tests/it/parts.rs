//! Folders that are parts of one set of images, or splits, but not classes.

use crate::make::{images_in_each, open, rejection, uncut, write};
use std::path::Path;

/// A list of the images of these folders, whose classes alternate.
fn list(root: &Path, file: &str, folders: &[&str], classes: &[&str]) {
    let mut text = String::from("image_id,dx\n");
    for folder in folders {
        for i in 0..4 {
            text += &format!("{folder}/{i}.png,{}\n", classes[i % classes.len()]);
        }
    }
    write(&root.join(file), &text);
}

#[test]
fn folders_named_like_splits_are_not_classes() {
    for folders in [
        &["train_images", "test_images"][..],
        &["train", "test1"],
        &["train2017", "val2017", "test2017"],
        &[
            "seg_train/seg_train/cat",
            "seg_train/seg_train/dog",
            "seg_test/seg_test/cat",
            "seg_test/seg_test/dog",
            "seg_pred/seg_pred",
        ],
    ] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(4, root.path(), folders);
        let text = rejection(root.path());
        assert!(text.contains("look like splits, not classes"), "{text}");
        assert!(!text.contains("data.labels"), "{text}");
        write(&root.path().join("train.csv"), "");
        let text = rejection(root.path());
        let list = format!(
            "data.labels to the list of their classes, if `{}`",
            root.path().join("train.csv").display()
        );
        assert!(text.contains(&list), "{text}");
    }
    // Classes may have such names next to others.
    let root = tempfile::tempdir().unwrap();
    images_in_each(4, root.path(), &["train", "test", "bus"]);
    assert_eq!(open(root.path(), &uncut()).unwrap().classes.len(), 3);
    // Not all are splits: among many classes, such names are classes.
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        4,
        root.path(),
        &["bullet train", "test tube", "cat", "dog", "owl"],
    );
    assert_eq!(open(root.path(), &uncut()).unwrap().classes.len(), 5);
}

#[test]
fn numbered_folders_whose_classes_a_list_has_are_parts() {
    let root = tempfile::tempdir().unwrap();
    let folders = ["images_part_1", "images_part_2"];
    images_in_each(4, root.path(), &folders);
    assert_eq!(open(root.path(), &uncut()).unwrap().classes.len(), 2);
    list(root.path(), "metadata.csv", &folders, &["nv", "mel"]);
    let text = rejection(root.path());
    let file = format!("`{}`", root.path().join("metadata.csv").display());
    for part in ["look like parts", &file, "`mel`", "data.labels"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Which column has the classes is for the user to say.
    std::fs::remove_file(root.path().join("metadata.csv")).unwrap();
    let mut text = String::from("Image Index,Findings,Age,View\n");
    for folder in folders {
        for i in 0..4 {
            text += &format!(
                "{folder}/{i}.png,{},{},{}\n",
                ["a", "b|c"][i % 2],
                40 + i,
                ["PA", "AP"][i / 2]
            );
        }
    }
    write(&root.path().join("entries.csv"), &text);
    let text = rejection(root.path());
    assert!(
        text.contains("entries.csv` names them") && text.contains("data.label_column"),
        "{text}"
    );
}

#[test]
fn folders_with_the_same_folders_at_any_depth_are_no_classes() {
    for folders in [
        &["a/cat", "a/dog", "b/cat", "b/dog"][..],
        &["a/x/cat", "a/x/dog", "b/x/cat", "b/x/dog"],
        &["a/x/cat", "a/x/dog", "b/cat", "b/dog"],
        &[
            "train/a/x/cat",
            "train/a/x/dog",
            "train/b/x/cat",
            "train/b/x/dog",
            "val/a/x/cat",
        ],
        &[
            "train/a/cat",
            "train/a/dog",
            "train/b/cat",
            "train/b/dog",
            "test/a/cat",
        ],
    ] {
        let root = tempfile::tempdir().unwrap();
        images_in_each(4, root.path(), folders);
        let text = rejection(root.path());
        for part in ["`a`, `b`", "`cat`, `dog`", "so they look like splits"] {
            assert!(text.contains(part), "{folders:?}: {text}");
        }
    }
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        4,
        root.path(),
        &["cat/day/images", "cat/night/images", "dog/day/images"],
    );
    assert_eq!(open(root.path(), &uncut()).unwrap().classes, ["cat", "dog"]);
}

#[test]
fn a_split_without_classes_names_the_folder_and_the_list() {
    let root = tempfile::tempdir().unwrap();
    images_in_each(
        4,
        root.path(),
        &["train/n01/images", "train/n02/images", "val/images"],
    );
    let text = rejection(root.path());
    assert!(
        text.contains("are in `images` without class folders"),
        "{text}"
    );
    write(&root.path().join("val/val_annotations.txt"), "");
    let text = rejection(root.path());
    assert!(text.contains("val_annotations.txt`, but"), "{text}");
}

#[test]
fn a_list_of_other_classes_beside_class_folders_is_noted() {
    let folders = ["left", "right"];
    let notes = |make: &dyn Fn(&Path)| {
        let root = tempfile::tempdir().unwrap();
        images_in_each(4, root.path(), &folders);
        make(root.path());
        let notes = open(root.path(), &uncut()).unwrap().notes;
        notes
            .into_iter()
            .filter(|note| note.contains("lists other classes"))
            .collect::<Vec<_>>()
    };
    let found = notes(&|root| list(root, "a.csv", &folders, &["cat", "dog"]));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("`cat`, `dog`") && found[0].contains("data.labels"),
        "{found:?}"
    );
    // The same classes, or their numbers.
    for own in [["left", "right"], ["0", "1"]] {
        let found = notes(&|root| {
            let mut text = String::from("file,class\n");
            for (folder, class) in folders.iter().zip(own) {
                for i in 0..4 {
                    text += &format!("{folder}/{i}.png,{class}\n");
                }
            }
            write(&root.join("a.csv"), &text);
        });
        assert!(found.is_empty(), "{found:?}");
    }
    // Of other images, or no list at all.
    assert!(notes(&|root| list(root, "a.csv", &["up"], &["cat", "dog"])).is_empty());
    assert!(
        notes(&|root| write(
            &root.join("readme.txt"),
            "Photographs of hands\nin two folders\n"
        ))
        .is_empty()
    );
}
