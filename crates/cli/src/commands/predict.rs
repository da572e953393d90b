//! `receptive predict`.

use super::run::{load_model, predictions_line};
use crate::args::{MachineArgs, parse_positive};
use crate::error::{CliError, Exit};
use crate::render::{print, print_json, say_error};
use clap::Args;
use receptive_core::text::Printable;
use receptive_data::image_files;
use receptive_inspect::Prediction;
use receptive_train::{TrainError, predict_files};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    /// Run directory
    run: PathBuf,
    /// Image files, or directories of them
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Show the K most probable classes
    #[arg(
        long,
        value_name = "K",
        default_value_t = 3,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    top: usize,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON: one object per image
    #[arg(long)]
    json: bool,
}

/// One image's answer, as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a> {
    path: String,
    top: &'a [Prediction],
}

/// What is printed instead of an answer.
#[derive(Serialize)]
struct Failure {
    path: String,
    error: String,
}

/// Files whose answers are shown together.
const ROUND: usize = 64;

pub(super) fn run(arguments: &PredictArgs) -> Result<Exit, CliError> {
    let (_, compute) = arguments.machine.compute()?;
    let artifact = load_model(&arguments.run, compute.device())?;
    let mut exit = Exit::Done;
    // One bad picture or path must not hide the answers on the others.
    let mut fail = |path: &Path, error: TrainError| {
        exit = Exit::Failed;
        say_error(&error);
        match arguments.json {
            true => print_json(&Failure {
                path: path.to_string_lossy().into_owned(),
                error: error.to_string(),
            }),
            false => Ok(()),
        }
    };
    for path in &arguments.images {
        let files = match image_files(path) {
            Ok(files) => files,
            Err(error) => {
                fail(path, error.into())?;
                continue;
            }
        };
        for files in files.chunks(ROUND) {
            let answers = predict_files(&artifact, files, arguments.top, &compute)?;
            for (file, answer) in files.iter().zip(answers) {
                match answer {
                    Ok(top) => show(arguments.json, &file.printable().into_owned(), &top)?,
                    Err(error) => fail(file, error)?,
                }
            }
        }
    }
    Ok(exit)
}

fn show(json: bool, path: &str, top: &[Prediction]) -> Result<(), CliError> {
    if json {
        return print_json(&Answer {
            path: path.into(),
            top,
        });
    }
    print(format!("{path}: {}", predictions_line(top)))
}
