//! T4: SIGINT and SIGTERM at any moment, once and twice.

use super::{Random, appears, arguments, hash, last_line, resume, spawn, undisturbed};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn signals(each: u64) {
    let parent = tempfile::tempdir().unwrap();
    let expected = undisturbed(parent.path());
    let mut random = Random(4);
    let (mut resumable, mut finished) = (0, 0);
    let mut latencies = Vec::new();
    for time in 0..2 * each {
        let (signal, code) = [("-INT", 130), ("-TERM", 143)][time as usize % 2];
        let run = parent.path().join(time.to_string());
        let mut child = spawn(&arguments(run.to_str().unwrap(), "1epochs"));
        appears(&run.join("config.toml"));
        // The handlers are in place a moment later.
        std::thread::sleep(
            Duration::from_millis(30) + Duration::from_micros(random.below(400_000)),
        );
        if child.try_wait().unwrap().is_some() {
            finished += 1;
        } else {
            let began = Instant::now();
            send(&child, signal);
            let ended = child.wait().unwrap();
            latencies.push(began.elapsed());
            // It may have come to its end by itself meanwhile.
            assert!(ended.code() == Some(code) || ended.success(), "{ended:?}");
        }
        resumable += u64::from(hash(&last_line(&resume(&run))) == expected);
        std::fs::remove_dir_all(&run).unwrap();
    }
    latencies.sort();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100];
    println!(
        "T4: {resumable} of {} resumed to the same bits ({finished} had finished); latency p50 \
         {:?}, p95 {:?}, max {:?}",
        2 * each,
        at(50),
        at(95),
        at(100)
    );
    assert_eq!(resumable, 2 * each);
}

#[test]
fn t4_signals_at_any_moment_leave_a_run_that_goes_on() {
    signals(5);
}

#[test]
#[ignore = "the long version: 50 of each signal"]
fn t4_long() {
    signals(50);
}

/// A step that takes long, so that the second signal comes while the first one waits for its end.
#[test]
fn t4_a_second_signal_ends_the_run_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let mut slowest = Duration::ZERO;
    for time in 0..20 {
        let run = parent.path().join(time.to_string());
        let path = run.to_str().unwrap();
        let mut child = spawn(&[
            "train",
            "--preset",
            "vgg",
            "--limit",
            "2000",
            "--batch-size",
            "1024",
            "--threads",
            "1",
            "--run-dir",
            path,
        ]);
        appears(&run.join("log.jsonl"));
        std::thread::sleep(Duration::from_millis(300));
        send(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        send(&child, "-INT");
        assert_eq!(child.wait().unwrap().code(), Some(130));
        slowest = slowest.max(began.elapsed());
    }
    println!("T4: 20 second signals, the slowest after {slowest:?}");
    // The figure is the bar of docs/reliability.md; a loaded machine may take longer.
    assert!(slowest < Duration::from_secs(2));
}
