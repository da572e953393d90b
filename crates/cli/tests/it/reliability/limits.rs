//! T15: a full disk, and T16: too little memory.

use super::{appears, arguments, assert_no_panic, hash, last_line, resume, spawn, undisturbed};
use crate::text;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program under a limit of the shell.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_receptive")])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn t15_a_full_disk_leaves_the_checkpoint_before() {
    let parent = tempfile::tempdir().unwrap();
    let expected = undisturbed(parent.path());
    let mut recovered = 0;
    let mut refused = 0;
    // No file may be longer than this many KiB: each step of the ladder fails at another file or
    // moment, as metrics, pictures and checkpoints grow.
    for kib in 1..=20 {
        let run = parent.path().join(kib.to_string());
        let path = run.to_str().unwrap();
        let mut child = spawn(&arguments(path, "1steps"));
        appears(&run.join("checkpoints"));
        child.kill().unwrap();
        child.wait().unwrap();
        let ended = limited(&format!("ulimit -f {kib}"), &["train", "--resume", path]);
        assert_no_panic(&ended);
        let errors = text(&ended.stderr);
        if !ended.status.success() {
            refused += 1;
            assert_eq!(ended.status.code(), Some(1), "{errors}");
            assert!(
                errors.contains("File too large") && errors.contains(path),
                "{errors}"
            );
        }
        recovered += usize::from(hash(&last_line(&resume(&run))) == expected);
    }
    println!("T15: {refused} of 20 runs met the limit, {recovered} of 20 went on to the same bits");
    assert!(refused > 5);
    assert_eq!(recovered, 20);
}

#[test]
fn t15_a_directory_that_can_not_be_written_or_is_gone_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    for place in [file.join("run"), Path::new("/proc/receptive/run").into()] {
        let place = place.to_str().unwrap();
        let ended = limited("true", &arguments(place, "1steps"));
        assert_no_panic(&ended);
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            text(&ended.stderr).contains(place),
            "{}",
            text(&ended.stderr)
        );
    }
    // Taken away in the middle.
    let run = parent.path().join("run");
    let mut long = arguments(run.to_str().unwrap(), "1steps");
    let epochs = long.iter().position(|argument| *argument == "10").unwrap();
    long[epochs] = "100000";
    let child = crate::receptive(&long)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    appears(&run.join("checkpoints"));
    while run.exists() {
        // A file may be made while the directory is being emptied.
        let _ = std::fs::remove_dir_all(&run);
    }
    let ended = child.wait_with_output().unwrap();
    assert_no_panic(&ended);
    assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stderr));
}

#[test]
fn t16_too_little_memory_ends_the_run_and_loses_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let expected = undisturbed(parent.path());
    let (mut died, mut recovered) = (0, 0);
    for rung in 0..20 {
        let run = parent.path().join(rung.to_string());
        let path = run.to_str().unwrap();
        let mut child = spawn(&arguments(path, "1steps"));
        appears(&run.join("checkpoints"));
        child.kill().unwrap();
        child.wait().unwrap();
        // In KiB of address space.
        let limit = format!("ulimit -v {}", 20_000 + 30_000 * rung);
        let ended = limited(&limit, &["train", "--resume", path]);
        died += usize::from(!ended.status.success());
        recovered += usize::from(hash(&last_line(&resume(&run))) == expected);
    }
    println!(
        "T16: {died} of 20 runs died of the limit, {recovered} of 20 went on to the same bits"
    );
    assert!(died > 0);
    assert_eq!(recovered, 20);
}

#[test]
fn too_little_memory_to_start_is_said_and_no_abort() {
    let mut said = 0;
    // In KiB of address space. Below the first of these that the program can answer the system cannot load it, or
    // Rust's runtime cannot start it.
    for kib in (40_000..150_000).step_by(4_000) {
        let ended = limited(&format!("ulimit -v {kib}"), &["networks"]);
        let errors = text(&ended.stderr);
        said += usize::from(ended.status.code() == Some(2) && errors.contains("raise the limit"));
        assert!(
            said == 0 || !errors.contains("memory allocation"),
            "{kib}: {errors}"
        );
    }
    assert!(said > 5, "{said}");
}
