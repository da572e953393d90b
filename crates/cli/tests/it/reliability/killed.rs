//! T2: kill -9 at any moment, and T19: two processes on one run.

use super::{
    Random, appears, arguments, assert_no_panic, hash, last_line, resume, spawn, undisturbed,
};
use crate::{output, text};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the run takes, from its first checkpoint on.
fn takes(parent: &Path) -> Duration {
    let run = parent.join("timed");
    let mut child = spawn(&arguments(run.to_str().unwrap(), "1steps"));
    appears(&run.join("checkpoints"));
    let began = Instant::now();
    child.wait().unwrap();
    began.elapsed()
}

fn kills(times: u64) {
    let parent = tempfile::tempdir().unwrap();
    let expected = undisturbed(parent.path());
    let takes = takes(parent.path()).as_micros() as u64;
    let mut random = Random(2);
    let (mut equal, mut killed, mut resumes) = (0, 0, 0);
    for time in 0..times {
        let run = parent.path().join(time.to_string());
        let path = run.to_str().unwrap();
        let mut child = spawn(&arguments(path, "1steps"));
        // Some die before the first checkpoint, some twice or three times.
        if time % 10 != 0 {
            appears(&run.join("checkpoints"));
        }
        for again in 0..=time % 3 {
            std::thread::sleep(Duration::from_micros(random.below(takes)));
            child.kill().unwrap();
            killed += u64::from(child.wait().unwrap().code().is_none());
            if again < time % 3 {
                child = spawn(&["train", "--resume", path]);
                resumes += 1;
            }
        }
        if !run.join("config.toml").exists() {
            // Killed before it had written what it is made of: there is nothing to go on with.
            let ended = resume(&run);
            assert!(text(&ended.stderr).contains("config.toml"));
            equal += 1;
            continue;
        }
        let ended = resume(&run);
        equal += u64::from(hash(&last_line(&ended)) == expected);
        assert!(
            !text(&ended.stderr).contains("refused"),
            "{}",
            text(&ended.stderr)
        );
        std::fs::remove_dir_all(&run).unwrap();
    }
    println!("T2: {equal} of {times} runs equal; {killed} kills, {resumes} resumes killed again");
    assert_eq!(equal, times);
}

#[test]
fn t2_killed_runs_end_with_the_same_bits() {
    kills(12);
}

#[test]
#[ignore = "the long version: 100 runs"]
fn t2_long() {
    kills(100);
}

#[test]
fn t19_a_second_process_on_a_run_is_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let path = run.to_str().unwrap();
    let mut long = arguments(path, "1epochs");
    let epochs = long.iter().position(|argument| *argument == "10").unwrap();
    long[epochs] = "100000";
    let mut child = spawn(&long);
    appears(&run.join("checkpoints"));
    let mut refused = 0;
    for _ in 0..20 {
        let second = output(&["train", "--resume", path]);
        assert_no_panic(&second);
        assert_eq!(second.status.code(), Some(1));
        refused += usize::from(text(&second.stderr).contains("another process is training"));
    }
    println!("T19: {refused} of 20 refused");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(refused, 20);
    // The lock dies with its process.
    let mut third = spawn(&["train", "--resume", path]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(third.try_wait().unwrap().is_none(), "it may go on now");
    third.kill().unwrap();
    third.wait().unwrap();
}
