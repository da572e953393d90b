//! Class folders of which no file is read: a class must not be lost in silence, and what is no class must
//! stop nobody.

use crate::make::{figure, images, jpeg, open, png, rejection, skipping, uncut, write};
use receptive_data::DataOptions;
use std::fs;
use std::path::Path;

fn cats_and_dogs(root: &Path) {
    images(&root.join("cat"), 4);
    images(&root.join("dog"), 4);
}

#[test]
fn a_class_folder_of_files_that_cannot_be_read_is_rejected_by_default_and_named_when_left_out() {
    for (files, kinds) in [
        (&["1.npy", "2.npy", "3.npy"][..], "`owl` (3 .npy)"),
        (&["1.png.bak", "2.png.bak"], "`owl` (2 .bak)"),
        (
            &["a/1.nii.gz", "b/2.NII.gz", "README"],
            "`owl` (2 .gz, 1 without an extension)",
        ),
        (&["photos.zip"], "`owl` (1 .zip)"),
        (&["report.docx", "notes.txt"], "`owl` (1 .docx, 1 .txt)"),
    ] {
        let root = tempfile::tempdir().unwrap();
        cats_and_dogs(root.path());
        for file in files {
            write(&root.path().join("owl").join(file), b"\x93NUMPY\x01\0");
        }
        let text = rejection(root.path());
        for part in [kinds, "data.bad_images", "convert"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(
            text.contains("rename copies"),
            kinds.contains("bak"),
            "{text}"
        );

        let options = DataOptions {
            bad_images: skipping().bad_images,
            ..uncut()
        };
        let data = open(root.path(), &options).unwrap();
        assert_eq!(data.classes, ["cat", "dog"]);
        assert_eq!(data.unread, files.len());
        let notes = data.notes.join("\n");
        assert!(
            notes.contains("left out") && notes.contains(kinds),
            "{notes}"
        );
    }
}

#[test]
fn such_a_folder_of_one_split_is_named_with_the_split() {
    let root = tempfile::tempdir().unwrap();
    for split in ["train", "val"] {
        cats_and_dogs(&root.path().join(split));
    }
    images(&root.path().join("train/owl"), 2);
    write(&root.path().join("val/owl/1.npy"), "x");
    let text = rejection(root.path());
    assert!(text.contains("`owl` (1 .npy) in val"), "{text}");
}

#[test]
fn texts_models_and_what_the_program_wrote_stop_nobody() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    for file in [
        "docs/README",
        "docs/notes.txt",
        "annotations/1.xml",
        "annotations/2.xml",
        "models/model.onnx",
        ".cache/1.npy",
    ] {
        write(&root.path().join(file), "text");
    }
    write(&root.path().join("erf/map.npy"), "x");
    write(&root.path().join("erf/map.png"), figure());
    fs::create_dir(root.path().join("later")).unwrap();
    write(
        &root.path().join("export/model.onnx"),
        b"\x08\x08\x12\x09receptive\x1a",
    );
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    let notes = data.notes.join("\n");
    for part in [
        "`annotations` (2 .xml)",
        "`docs` (1 .txt, 1 without an extension)",
        "`later`",
        "`models` (1 .onnx)",
        "written by receptive: `erf`, `export`",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(!notes.contains(".cache"), "{notes}");
}

#[test]
fn a_class_of_which_a_part_is_read_is_named_with_the_rest() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    images(&root.path().join("owl"), 10);
    for name in ["dog/a.npy", "dog/b/c.npy", "dog/notes.txt"] {
        write(&root.path().join(name), "x");
    }
    for image in 0..3 {
        write(
            &root.path().join(format!("owl/{image}.png")),
            b"\x89PNG\r\n\x1a\n",
        );
    }
    let options = DataOptions {
        bad_images: skipping().bad_images,
        ..uncut()
    };
    let data = open(root.path(), &options).unwrap();
    assert_eq!((data.unread, data.damaged.len()), (0, 3));
    let notes = data.notes.join("\n");
    for part in [
        "`dog` (2 .npy among 4 images)",
        "skipped 1 file that is hidden or not an image",
        "are left out of these classes: `owl` (3 of 10)",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(!notes.contains("`cat`"), "{notes}");
    let note = data.damaged_note().unwrap();
    let part = "0.png: the PNG is truncated: it ends before the image does";
    assert!(note.starts_with("left out 3 damaged images: "), "{note}");
    assert!(
        note.contains("owl/0.png, ") && note.contains(&part[7..]),
        "{note}"
    );
}

#[test]
fn a_folder_that_no_class_of_a_trained_model_is_called_after_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    write(&root.path().join("masks/1.npy"), "x");
    write(&root.path().join("owl/1.npy"), "x");
    let of = |classes: &[&str]| DataOptions {
        classes: Some(classes.iter().map(|class| class.to_string()).collect()),
        ..uncut()
    };
    let data = open(root.path(), &of(&["cat", "dog"])).unwrap();
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("`masks` (1 .npy), `owl` (1 .npy)"),
        "{notes}"
    );
    let error = open(root.path(), &of(&["cat", "dog", "owl"])).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`owl` (1 .npy)") && !text.contains("masks"),
        "{text}"
    );
}

#[test]
fn without_any_image_the_kinds_are_named_too() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("cat/1.npy"), "x");
    write(&root.path().join("dog/1.npy"), "x");
    let text = rejection(root.path());
    assert!(text.contains("contain no image"), "{text}");
    assert!(text.contains("`cat` (1 .npy), `dog` (1 .npy)"), "{text}");
}

#[test]
fn a_class_that_has_less_than_half_of_its_images_in_training_is_named() {
    let root = tempfile::tempdir().unwrap();
    for (split, cats, dogs) in [("train", 8, 2), ("val", 1, 3), ("test", 1, 0)] {
        for (class, count) in [("cat", cats), ("dog", dogs)] {
            for image in 0..count {
                let seed = image + 10 * split.len() as u32 + 100 * u32::from(class == "dog");
                let path = root.path().join(split).join(class);
                write(&path.join(format!("{image}.png")), png(8, 6, seed));
            }
        }
    }
    let remarks = |root: &Path| open(root, &DataOptions::default()).unwrap().remarks();
    let few = remarks(root.path());
    let few = few.iter().find(|note| note.contains("less than half"));
    assert!(
        few.unwrap().contains("of dog (2 of 5) are training images"),
        "{few:?}"
    );
    // Where all classes have few it was meant.
    for image in 0..9 {
        let path = root.path().join("test/cat").join(format!("x{image}.jpg"));
        write(&path, jpeg(8, 6, 200 + image));
    }
    let few = remarks(root.path());
    assert!(!few.join("\n").contains("less than half"), "{few:?}");
}
