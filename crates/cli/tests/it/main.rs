//! The program as a shell sees it: output, exit codes, signals.

// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attend;
mod bench;
mod calibrated;
mod changed_data;
mod class_counts;
mod commands;
mod damaged;
mod descent;
mod devices;
mod erf;
mod explain;
mod features;
mod gain;
mod groups;
mod guidance;
#[cfg(unix)]
mod hostile_names;
mod hub;
mod interchange;
#[cfg(unix)]
mod interrupted;
#[cfg(target_os = "linux")]
mod kept_files;
mod labels;
mod live;
mod lost_images;
mod manners;
mod manual;
#[cfg(feature = "wgpu")]
mod on_wgpu;
mod onnx;
mod other_data;
mod predict;
mod published;
mod rejections;
#[cfg(unix)]
mod reliability;
mod report;
mod same_images;
mod several;
#[cfg(unix)]
mod signals;
mod split;
mod streams;
mod training;
mod trial;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn receptive(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_receptive"));
    command.args(arguments).env_remove("RECEPTIVE_DATA");
    command
}

fn output(arguments: &[&str]) -> Output {
    receptive(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command says besides its results, in one line, whatever the width of the terminal.
fn said(output: &Output) -> String {
    let words = text(&output.stderr);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Standard output of a command that must succeed.
fn done(arguments: &[&str]) -> String {
    let output = output(arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The last line of standard output as JSON.
fn json(arguments: &[&str]) -> Value {
    let out = done(arguments);
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

/// The shortest run there is, not started yet.
fn short_run(run: &Path) -> Command {
    receptive(&[
        "train",
        "--preset",
        "tutorial",
        "--limit",
        "100",
        "--epochs",
        "2",
        "--run-dir",
        run.to_str().unwrap(),
    ])
}

/// A run of a moment.
fn train(run: &Path) -> Value {
    let run = run.to_str().unwrap();
    json(&[
        "train",
        "--preset",
        "tutorial",
        "--limit",
        "300",
        "--epochs",
        "2",
        "--threads",
        "2",
        "--run-dir",
        run,
        "--json",
    ])
}
