//! T2, T4, T15 to T17, T19 and T20 of docs/reliability.md: the program under kill -9, signals, full
//! disks, little memory, a second process, and arguments and files that make no sense.
//!
//! What takes minutes is ignored unless asked for: `cargo test --workspace --test tests --
//! --ignored reliability --nocapture`. Every random choice comes from a seed in the code.

mod killed;
mod limits;
mod nonsense;
mod signalled;
mod soak;

use crate::{json, receptive, text};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

/// A generator of test cases.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Sixty steps, each of which is saved: with AdamW, dropout, augmentation and batch norm.
fn arguments<'a>(run: &'a str, every: &'a str) -> Vec<&'a str> {
    let mut arguments = vec![
        "train", "--config", NETWORK, "--limit", "192", "--epochs", "10",
    ];
    arguments.extend(["--batch-size", "32", "--set", "train.optimizer.kind=adamw"]);
    arguments.extend([
        "--set",
        "train.augment.rotation=5",
        "--set",
        "train.micro_batch=8",
    ]);
    arguments.extend([
        "--threads",
        "1",
        "--checkpoint-every",
        every,
        "--run-dir",
        run,
        "--json",
    ]);
    arguments
}

const NETWORK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/reliability/network.toml"
);

/// The hash of the weights that the run ends with when nothing happens.
fn undisturbed(parent: &Path) -> String {
    let run = parent.join("undisturbed");
    let done = json(&arguments(run.to_str().unwrap(), "1steps"));
    assert_eq!(done["outcome"], "finished");
    hash(&done)
}

fn hash(done: &Value) -> String {
    done["weights_sha256"].as_str().unwrap().to_string()
}

fn spawn(arguments: &[&str]) -> Child {
    receptive(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Resumes the run and waits until it ends.
fn resume(run: &Path) -> Output {
    receptive(&["train", "--resume", run.to_str().unwrap(), "--json"])
        .output()
        .unwrap()
}

/// The last line of standard output as JSON, of a process that must have succeeded.
fn last_line(output: &Output) -> Value {
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_no_panic(output);
    serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap()
}

/// Whatever the message: a panic or an abort is a failure.
fn assert_no_panic(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked at"), "{errors}");
    assert_ne!(output.status.code(), Some(101), "{errors}");
}

/// Waits until there is such a file.
fn appears(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} never came",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}
