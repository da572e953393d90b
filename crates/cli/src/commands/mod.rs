//! One file a command: arguments to a library call to what is shown.

mod attend;
mod backends;
mod bench;
mod completions;
mod data;
mod erf;
mod evaluate;
mod explain;
mod export;
mod features;
mod import;
mod lr_find;
mod man;
mod network;
mod predict;
mod report;
mod run_data;
mod run_settings;
mod summary;
mod train;

use crate::args::{Arguments, Command, MachineArgs, Policy};
use crate::error::CliError;
use crate::exit::Exit;
use receptive_data::BadImages;
use receptive_model::Artifact;
use receptive_train::{Backend, MachineConfig, RunDirectory, TrainError};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    match arguments.command {
        Command::Train(arguments) => train::run(&arguments),
        Command::LrFind(arguments) => lr_find::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Attend(arguments) => attend::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments.layer),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Erf(arguments) => erf::run(&arguments),
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Backends(arguments) => backends::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// Writes a line to standard output.
fn print(text: impl AsRef<str>) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.as_ref().trim_end())?;
    Ok(out.flush()?)
}

/// Writes one line of JSON to standard output.
fn print_json<T: Serialize>(value: &T) -> Result<(), CliError> {
    print(serde_json::to_string(value)?)
}

/// The device and the threads a trained run is applied with.
fn machine(arguments: &MachineArgs) -> Result<(Backend, usize), CliError> {
    let backend = match &arguments.backend {
        Some(name) => name.parse()?,
        None => Backend::usual()?,
    };
    let mut machine = MachineConfig::default();
    machine.threads = arguments.threads.unwrap_or(machine.threads);
    machine.check()?;
    Ok((backend, machine.compute_threads(backend.kind.is_cpu())))
}

/// The directory of a run's artifact: a run directory, or an artifact copied elsewhere.
fn model_directory(run: &Path) -> Result<PathBuf, CliError> {
    if Artifact::is_at(run) {
        return Ok(run.into());
    }
    Ok(RunDirectory::open(run)?.kept_model()?)
}

/// Makes a directory for what a command writes.
fn create(directory: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(directory).map_err(|source| {
        CliError::Train(TrainError::Io {
            path: directory.into(),
            action: "creating the directory",
            source,
        })
    })
}

fn policy(policy: Policy) -> BadImages {
    match policy {
        Policy::Fail => BadImages::Fail,
        Policy::Skip => BadImages::Skip,
    }
}

/// The whole numbers of an argument such as `3x32x32`, from its parts; `None` where one is something
/// else.
fn numbers<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Vec<usize>> {
    parts.map(|part| part.parse().ok()).collect()
}

/// The error of an argument that can't be read.
fn not_understood(flag: &str, problem: String) -> CliError {
    CliError::Train(TrainError::Setting {
        setting: flag.into(),
        problem,
    })
}

/// The words below a heading, wrapped so that they fit 80 columns.
fn paragraph(heading: &str, text: &str) -> String {
    let indent = " ".repeat(heading.chars().count());
    let options = textwrap::Options::new(80)
        .initial_indent(heading)
        .subsequent_indent(&indent)
        .break_words(false);
    textwrap::fill(text, options)
}

/// A share as a percentage with one digit.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
