//! Ctrl-C and SIGTERM end a run with everything saved.

use crate::receptive;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(run: &Path) -> Child {
    let run = run.to_str().unwrap();
    receptive(&[
        "train",
        "--preset",
        "tutorial",
        "--limit",
        "400",
        "--epochs",
        "100000",
        "--run-dir",
        run,
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap()
}

/// Waits until the first epoch is over, so that the handlers are in place.
fn first_epoch(run: &Path) {
    let began = Instant::now();
    while !run.join("checkpoints").exists() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the run did not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn a_signal_finishes_the_step_saves_and_exits_as_shells_expect() {
    let directory = tempfile::tempdir().unwrap();
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = directory.path().join(name);
        let mut child = start(&run);
        first_epoch(&run);
        signal(&child, name);
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(code), "{name}");
        let evaluated = receptive(&["evaluate", run.to_str().unwrap(), "--json"])
            .output()
            .unwrap();
        assert!(evaluated.status.success());
        let newest = std::fs::read_dir(run.join("checkpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .max()
            .unwrap();
        let log = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
        assert!(newest.parse::<u64>().unwrap() > 0);
        assert!(log.lines().last().unwrap().contains("interrupted"), "{log}");
    }
}
