//! Pipes, links and names that are not text: none of them may hang a scan or change a label.

#![cfg(unix)]

use crate::make::{images, open, png, rejection, skipping, uncut, write};
use receptive_data::{DataOptions, DecodeLimits, decode_file, image_files};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_named_like_an_image_is_rejected_unopened() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 2);
    images(&root.path().join("dog"), 2);
    let pipe = root.path().join("dog/pipe.png");
    fifo(&pipe);
    let text = rejection(root.path());
    assert!(
        text.contains("dog/pipe.png") && text.contains("a pipe"),
        "{text}"
    );
    let options = DataOptions {
        val_fraction: 0.0,
        test_fraction: 0.0,
        ..skipping()
    };
    let data = open(root.path(), &options).unwrap();
    assert_eq!(data.damaged.len(), 1);
    assert_eq!(data.damaged[0].path, pipe);
    let error = decode_file(&pipe, &DecodeLimits::default()).unwrap_err();
    assert!(error.to_string().contains("a pipe"), "{error}");
}

#[test]
fn a_pipe_is_no_source_and_pipes_beside_data_files_are_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let pipe = root.path().join("train-images-idx3-ubyte");
    fifo(&pipe);
    fifo(&root.path().join("data_batch_1.bin"));
    assert!(rejection(&pipe).contains("a pipe, device or socket"));
    assert!(image_files(&pipe).is_err());
    assert!(rejection(root.path()).contains("no class folders"));
}

#[test]
fn links_to_files_and_to_class_folders_are_followed() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    images(elsewhere.path(), 3);
    images(&root.path().join("cat"), 1);
    symlink(
        elsewhere.path().join("0.png"),
        root.path().join("cat/link.png"),
    )
    .unwrap();
    symlink(elsewhere.path(), root.path().join("dog")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.train.class_counts(), [2, 3]);
}

#[test]
fn links_to_folders_inside_a_class_are_not_followed_so_a_loop_ends() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    symlink(root.path(), root.path().join("cat/loop")).unwrap();
    symlink(root.path(), root.path().join("cat/loop.png")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.train.class_counts(), [1, 1]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("did not follow links"), "{notes}");
    assert!(notes.contains("`cat/loop`, `cat/loop.png`"), "{notes}");
    assert_eq!(image_files(root.path()).unwrap().len(), 2);
}

#[test]
fn a_dead_link_in_the_place_of_a_class_is_named() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    symlink("/nowhere/owl", root.path().join("owl")).unwrap();
    let data = open(root.path(), &uncut()).unwrap();
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("skipped broken links") && notes.contains("`owl`"),
        "{notes}"
    );
}

#[test]
fn a_dead_link_is_a_damaged_image() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    symlink("gone", root.path().join("cat/dead.png")).unwrap();
    assert!(rejection(root.path()).contains("dead.png"));
}

#[test]
fn a_file_name_that_is_not_text_is_fine_and_a_class_name_is_rejected() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    let odd = root.path().join("cat").join(OsStr::from_bytes(b"\xff.png"));
    if std::fs::write(&odd, png(8, 6, 1)).is_err() {
        eprintln!("skipped: this file system accepts no such name");
        return;
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.train.class_counts(), [2, 1]);
    assert_eq!(data.fingerprint().len(), 64);

    let class = root.path().join(OsStr::from_bytes(b"b\xffd"));
    write(&class.join("a.png"), png(8, 6, 2));
    let text = rejection(root.path());
    assert!(text.contains("not valid UTF-8"), "{text}");
}
