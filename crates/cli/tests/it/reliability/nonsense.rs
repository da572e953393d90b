//! T20: arguments and config files that make no sense.

use super::{NETWORK, Random, assert_no_panic};
use crate::receptive;
use std::process::Output;
use std::time::{Duration, Instant};

const COMMANDS: [&str; 10] = [
    "train", "evaluate", "predict", "erf", "export", "import", "summary", "data", "backends",
    "help",
];
const WORDS: [&str; 44] = [
    "--preset",
    "--config",
    "--set",
    "--epochs",
    "--batch-size",
    "--seed",
    "--run-dir",
    "--limit",
    "--threads",
    "--workers",
    "--backend",
    "--json",
    "--top",
    "--split",
    "--to",
    "--out",
    "--input",
    "--classes",
    "--network",
    "--mean",
    "--std",
    "--layer",
    "--unit",
    "--channels",
    "--samples",
    "--size",
    "--noise",
    "--from",
    "--freeze",
    "--resume",
    "--checkpoint-every",
    "small",
    "vgg",
    "-1",
    "0",
    "1",
    "999999999999999999999",
    "NaN",
    "3x3x3",
    "0x0",
    "a=b",
    "train.epochs=1",
    "",
    "/dev/null",
];

/// What ends soon: nothing here may start a training.
fn ends(output: &Output) {
    assert_no_panic(output);
    let code = output.status.code();
    assert!(matches!(code, Some(0..=2)), "{output:?}");
}

fn arguments(count: u64) {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(20);
    let mut slowest = Duration::ZERO;
    for _ in 0..count {
        let mut words = vec![COMMANDS[random.below(COMMANDS.len() as u64) as usize]];
        for _ in 0..random.below(6) {
            words.push(WORDS[random.below(WORDS.len() as u64) as usize]);
        }
        // A source that is not there, so that no run begins.
        if words[0] == "train" {
            words.insert(1, "no-such-data");
        }
        // A measurement of one sample is quick.
        if words[0] == "erf" {
            words.push("--samples=0");
        }
        let began = Instant::now();
        let output = receptive(&words)
            .current_dir(directory.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        slowest = slowest.max(began.elapsed());
        ends(&output);
    }
    println!("T20: {count} lists of arguments, no panic, the slowest {slowest:?}");
}

fn configs(count: u64) {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let whole = crate::train(&run);
    assert!(whole["run"].is_string());
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let network = std::fs::read_to_string(NETWORK).unwrap();
    let path = directory.path().join("mutated.toml");
    let mut random = Random(21);
    let mut accepted = 0;
    for round in 0..count {
        let mut bytes = if round % 2 == 0 { &config } else { &network }
            .clone()
            .into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(5) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes[at] = b"0123456789-.e\"[]="[random.below(17) as usize],
                2 => drop(bytes.drain(at..(at + 1 + random.below(20) as usize).min(bytes.len()))),
                3 => bytes.splice(at..at, *b"99999999").for_each(drop),
                _ => {
                    let piece = bytes[at..(at + 30).min(bytes.len())].to_vec();
                    bytes.extend(piece);
                }
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let output = receptive(&["summary", path.to_str().unwrap()])
            .output()
            .unwrap();
        ends(&output);
        accepted += usize::from(output.status.success());
    }
    println!("T20: {count} mutated configs, no panic, {accepted} still made sense");
}

#[test]
fn t20_random_arguments_never_panic() {
    arguments(150);
}

#[test]
fn t20_mutated_configs_never_panic() {
    configs(150);
}

#[test]
#[ignore = "the long version: 1,000 of each"]
fn t20_long() {
    arguments(1_000);
    configs(1_000);
}
