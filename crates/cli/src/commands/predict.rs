use super::{machine, model_directory, percent, print, print_json};
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::say_error;
use receptive_data::image_files;
use receptive_model::Artifact;
use receptive_train::{Prediction, TrainError, Workers, predict_files};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Shown<'a> {
    path: String,
    top: &'a [Prediction],
}

/// What stands in an answer's place.
#[derive(Serialize)]
struct Failed {
    path: String,
    error: String,
}

/// Files whose answers are shown together.
const ROUND: usize = 64;

pub(super) fn run(arguments: &PredictArgs) -> Result<Exit, CliError> {
    if arguments.top == 0 {
        return Err(CliError::Usage("--top is 0; use 1 or more".into()));
    }
    let (backend, threads) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let workers = Workers::new(threads)?;
    let mut exit = Exit::Done;
    // One bad picture or path must not hide the answers on the others.
    let mut fail = |path: &Path, error: TrainError| {
        exit = Exit::Failed;
        say_error(&error);
        match arguments.json {
            true => print_json(&Failed {
                path: path.display().to_string(),
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
            let answers = predict_files(&artifact, files, arguments.top, &workers, &device)?;
            for (file, answer) in files.iter().zip(answers) {
                match answer {
                    Ok(top) => show(arguments.json, &file.display().to_string(), &top)?,
                    Err(error) => fail(file, error)?,
                }
            }
        }
    }
    Ok(exit)
}

fn show(json: bool, path: &str, top: &[Prediction]) -> Result<(), CliError> {
    if json {
        return print_json(&Shown {
            path: path.into(),
            top,
        });
    }
    let answers: Vec<String> = top
        .iter()
        .map(|answer| format!("{} {}", answer.class, percent(answer.probability)))
        .collect();
    print(format!("{path}: {}", answers.join(", ")))
}
