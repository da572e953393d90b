//! A run continues whether or not anybody reads its output.

use crate::{receptive, short_run};
use std::process::Stdio;

#[test]
fn a_closed_standard_error_does_not_end_a_run() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let mut child = short_run(&run)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(run.join("confusion.png").is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_error_does_not_end_a_run() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = short_run(&run)
        .stdout(Stdio::null())
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_gets_no_complaint() {
    let mut child = receptive(&["summary", "plain-200"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
