//! What is never data: junk of systems, links to folders, and what this program wrote.

use crate::make::{figure, images, open, png, rejection, uncut, write};
use receptive_data::{DataOptions, image_files};
use std::fs;
use std::path::Path;

fn cats_and_dogs(root: &Path) {
    images(&root.join("cat"), 4);
    images(&root.join("dog"), 4);
}

#[test]
fn a_hidden_class_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    images(&root.path().join(".owl"), 4);
    images(&root.path().join("cat/.more"), 2);
    write(&root.path().join("dog/.iphone/IMG_1.HEIC"), "photo");
    write(&root.path().join(".git/HEAD"), "ref");
    write(&root.path().join(".git/logo.svg"), "<svg/>");
    let notes = open(root.path(), &uncut()).unwrap().notes.join("\n");
    assert!(notes.contains("hidden folders with images"), "{notes}");
    for hidden in ["`.owl`", "`cat/.more`", "`dog/.iphone`"] {
        assert!(notes.contains(hidden), "{notes}");
    }
    assert!(!notes.contains(".git"), "{notes}");

    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(&root.path().join(".photos"));
    let refused = rejection(root.path());
    assert!(
        refused.contains("hidden folders") && refused.contains("`.photos`"),
        "{refused}"
    );
}

#[test]
fn what_the_program_wrote_is_no_data_wherever_it_lies() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    let before = open(root.path(), &uncut()).unwrap().fingerprint();
    // Runs of this version and, with figures that have no mark, of earlier ones.
    for (run, drawn) in [("runs/001", figure()), ("runs/old", png(8, 6, 1))] {
        let run = root.path().join(run);
        write(&run.join("config.toml"), "[data]");
        write(&run.join("curves.png"), &drawn);
        write(&run.join("features/001/maps.png"), &drawn);
        fs::create_dir(run.join("checkpoints")).unwrap();
    }
    write(&root.path().join("erf/depth.png"), figure());
    write(&root.path().join("cat/attend.png"), figure());
    write(&root.path().join("cat/maps/1.png"), figure());
    write(&root.path().join("lr.png"), figure());
    let page = "<!DOCTYPE html><meta name=\"generator\" content=\"receptive 0.1.0\">";
    write(&root.path().join("dog/report.html"), page);

    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.train.class_counts(), [4, 4]);
    assert_eq!(data.fingerprint(), before);
    let notes = data.notes.join("\n");
    assert!(notes.contains("files written by receptive"), "{notes}");
    for name in [
        "runs",
        "erf",
        "cat/attend.png",
        "cat/maps",
        "lr.png",
        "dog/report.html",
    ] {
        assert!(notes.contains(&format!("`{name}`")), "{name}: {notes}");
    }
    assert_eq!(image_files(root.path()).unwrap().len(), 8);
}

#[test]
fn a_folder_of_images_into_which_a_run_s_files_were_copied_stays_a_class_and_is_named() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    let before = open(root.path(), &uncut()).unwrap().fingerprint();
    for name in [
        "config.toml",
        "metrics.csv",
        "split.csv",
        "MANIFEST.json",
        "model.json",
    ] {
        write(&root.path().join("cat").join(name), "");
    }
    fs::create_dir(root.path().join("cat/checkpoints")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.train.class_counts(), [4, 4]);
    assert_eq!(data.fingerprint(), before);
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("are treated as data") && notes.contains("`cat`"),
        "{notes}"
    );

    // The same of a split.
    let root = tempfile::tempdir().unwrap();
    for split in ["train", "val"] {
        cats_and_dogs(&root.path().join(split));
    }
    write(&root.path().join("train/config.toml"), "");
    write(&root.path().join("train/metrics.csv"), "");
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (8, 8));
    assert!(
        data.notes.join("\n").contains("`train`"),
        "{:?}",
        data.notes
    );
}

#[test]
fn outputs_beside_the_splits_change_no_layout_and_are_named() {
    let root = tempfile::tempdir().unwrap();
    for split in ["train", "val"] {
        cats_and_dogs(&root.path().join(split));
    }
    write(&root.path().join("runs/001/config.toml"), "");
    write(&root.path().join("runs/001/metrics.csv"), "");
    write(&root.path().join("runs/001/confusion.png"), png(8, 6, 0));
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (8, 8));
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("files written by receptive: `runs`"),
        "{notes}"
    );
    assert!(!notes.contains("outside the splits"), "{notes}");
}

#[test]
fn the_programs_manual_is_no_class() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    let page = ".TH receptive-erf 1  \"receptive 0.1.0\"";
    write(&root.path().join("man/receptive-erf.1"), page);
    write(&root.path().join("man/_receptive"), "#compdef receptive");
    let data = open(root.path(), &DataOptions::default()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("written by receptive: `man`"), "{notes}");
}

#[test]
fn a_class_called_runs_that_holds_images_is_a_class() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    images(&root.path().join("runs"), 4);
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog", "runs"]);
}

#[test]
fn folders_that_systems_leave_are_passed_over_by_name() {
    let root = tempfile::tempdir().unwrap();
    cats_and_dogs(root.path());
    for junk in [
        "@eaDir/cat",
        "$RECYCLE.BIN",
        "System Volume Information",
        "#recycle",
        "lost+found",
        "__MACOSX/cat",
        "cat/@eaDir/0.png",
    ] {
        images(&root.path().join(junk), 2);
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.train.class_counts(), [4, 4]);
    let notes = data.notes.join("\n");
    for name in [
        "@eaDir",
        "$RECYCLE.BIN",
        "#recycle",
        "__MACOSX",
        "cat/@eaDir",
    ] {
        assert!(notes.contains(&format!("`{name}`")), "{name}: {notes}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_inside_a_class_is_named() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    images(elsewhere.path(), 3);
    cats_and_dogs(root.path());
    fs::create_dir(root.path().join("owl")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("owl/more")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("did not follow links"), "{notes}");
    assert!(notes.contains("`owl/more`"), "{notes}");
}

#[cfg(unix)]
#[test]
fn a_link_to_the_data_or_to_a_folder_above_is_never_followed_and_named() {
    use std::os::unix::fs::symlink;
    let above = tempfile::tempdir().unwrap();
    images(&above.path().join("elsewhere/bird"), 2);
    let root = above.path().join("data");
    cats_and_dogs(&root);
    let before = open(&root, &uncut()).unwrap().fingerprint();
    symlink(".", root.join("all")).unwrap();
    symlink("../..", root.join("up")).unwrap();
    symlink(&root, root.join("cat/again")).unwrap();
    let data = open(&root, &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.fingerprint(), before);
    let notes = data.notes.join("\n");
    let note = "did not follow links to a parent folder";
    for name in ["`cat/again`", "`all`", "`up`"] {
        assert!(
            notes.contains(note) && notes.contains(name),
            "{name}: {notes}"
        );
    }
    assert_eq!(image_files(&root).unwrap().len(), 8);

    // A link to another place still is a class.
    symlink("../elsewhere/bird", root.join("bird")).unwrap();
    let data = open(&root, &uncut()).unwrap();
    assert_eq!(data.classes, ["bird", "cat", "dog"]);

    // The same inside of a split, to the folder of the splits.
    let root = above.path().join("splits");
    for split in ["train", "val"] {
        cats_and_dogs(&root.join(split));
    }
    symlink("..", root.join("train/up")).unwrap();
    let data = open(&root, &uncut()).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (8, 8));
    assert!(
        data.notes.join("\n").contains("`train/up`"),
        "{:?}",
        data.notes
    );
}

#[test]
fn a_folder_of_outputs_alone_has_no_class_folders() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("erf/depth.png"), figure());
    assert!(rejection(root.path()).contains("no class folders"));
}
