use super::{machine, model_directory, percent, print, print_json};
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::exit::Exit;
use receptive_data::image_files;
use receptive_model::Artifact;
use receptive_train::{Prediction, predict_file};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    path: String,
    top: &'a [Prediction],
}

pub(super) fn run(arguments: &PredictArgs) -> Result<Exit, CliError> {
    if arguments.top == 0 {
        return Err(CliError::Usage("--top is 0; use 1 or more".into()));
    }
    let (backend, _) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let mut exit = Exit::Done;
    for path in &arguments.images {
        for file in image_files(path)? {
            match predict_file(&artifact, &file, arguments.top, &device) {
                Ok(top) => show(arguments.json, &file.display().to_string(), &top)?,
                // One bad picture must not hide the answers on the others.
                Err(error) => {
                    eprintln!("error: {error}");
                    exit = Exit::Failed;
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
