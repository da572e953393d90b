//! `receptive predict`.

mod input;
mod table;

use super::run::{load_model, predictions_line};
use crate::args::{DeviceArgs, PixelArgs, parse_positive};
use crate::error::{CliError, ErrorJson, Exit};
use crate::render::{line, print, print_json, say_error, say_paragraph};
use clap::Args;
use input::{STDIN, listed_files, stdin_image};
use receptive_core::text::{Printable, counted};
use receptive_data::{DecodeLimits, ImageIdentity, Role, SplitRecord, image_files};
use receptive_inspect::Prediction;
use receptive_model::Artifact;
use receptive_train::{
    Compute, FilePrediction, Pass, RunDirectory, TrainError, Tta, check_pass, predict_files,
    predict_image,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::CsvTable;

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    /// Run directory
    run: PathBuf,
    /// Image files, directories of them, or `-` for one image's bytes from standard input
    #[arg(required_unless_present = "files_from", value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Also predict the images listed in FILE (`-`: standard input), one path per line, or
    /// NUL-separated (`find -print0`)
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Show the K most probable classes
    #[arg(
        long,
        value_name = "K",
        default_value_t = 3,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    top: usize,
    /// Test-time augmentation: average the probabilities of several views per image
    #[arg(long, value_enum, value_name = "VIEWS")]
    tta: Option<Tta>,
    #[command(flatten)]
    max_pixels: PixelArgs,
    #[command(flatten)]
    devices: DeviceArgs,
    /// Write a table of all images to FILE (`-`: standard output), replacing an earlier one: path, class,
    /// probability, then the next classes
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    csv: Option<PathBuf>,
    /// Print JSON: one object per image
    #[arg(long)]
    json: bool,
}

/// The prediction for one image, as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a> {
    path: String,
    top: &'a [Prediction],
    /// What the run used an image with the same bytes or pixels for: `train`, `val`, `test`, `before` (by the
    /// pretrained model); null if it was not in the data.
    split: Option<&'static str>,
    /// The temperature by which the logits were divided for calibrated probabilities; null if the model has
    /// none.
    temperature: Option<f64>,
}

/// Printed instead of a prediction that failed.
#[derive(Serialize)]
struct Failure {
    path: String,
    #[serde(flatten)]
    error: ErrorJson,
}

/// Number of files whose predictions are printed together.
const ROUND: usize = 64;

pub(super) fn run(arguments: &PredictArgs) -> Result<Exit, CliError> {
    let images = images(arguments)?;
    let table = arguments.csv.as_deref().map(CsvTable::new).transpose()?;
    let compute = arguments.devices.compute()?;
    let artifact = load_model(&arguments.run, compute.device())?;
    check_pass(
        artifact.model.plan(),
        Pass::Forward,
        compute.threads(),
        compute.device(),
        "computing the network's outputs",
        "use fewer --threads, or a network with a smaller input",
    )?;
    let mut predictor = Predictor {
        top: arguments.top,
        tta: arguments.tta,
        output: match (table, arguments.json) {
            (Some(table), _) => Output::Csv(table),
            (None, true) => Output::Json,
            (None, false) => Output::Text,
        },
        exit: Exit::Done,
        artifact: &artifact,
        compute: &compute,
        record: match RunDirectory::around(&arguments.run) {
            Some(run) => run.split_record()?,
            None => None,
        },
        answered: 0,
        trained_on: 0,
        limits: arguments.max_pixels.limits(&arguments.run)?,
    };
    for path in &images {
        if path.as_os_str() == STDIN {
            predictor.stdin()?;
            continue;
        }
        match image_files(path) {
            Ok(files) => predictor.files(&files)?,
            Err(error) => predictor.fail(path, &error.into())?,
        }
    }
    if predictor.answered > 0 {
        let calibration = match artifact.temperature {
            Some(temperature) => format!(
                "the probabilities are calibrated on the run's validation images (temperature \
                 {temperature:.3})"
            ),
            None => {
                "the probabilities are not calibrated: no temperature was fitted for this model"
                    .into()
            }
        };
        say_paragraph("note", calibration);
    }
    if predictor.trained_on > 0 {
        say_paragraph(
            "note",
            format!(
                "{} of {} {} used for training; accuracy on such images does not carry over to \
                 new ones",
                predictor.trained_on,
                counted(predictor.answered, "image"),
                if predictor.trained_on == 1 {
                    "was"
                } else {
                    "were"
                }
            ),
        );
    }
    if let Output::Csv(table) = predictor.output {
        let top = arguments.top.min(artifact.classes.len());
        if let Some((path, rows)) = table.write(top)? {
            let images = counted(rows, "image");
            line("file", format!("{} ({images})", path.printable()))?;
        }
    }
    Ok(predictor.exit)
}

/// The given images and those listed in files.
fn images(arguments: &PredictArgs) -> Result<Vec<PathBuf>, CliError> {
    let is_stdin = |path: &Path| path.as_os_str() == STDIN;
    let given = arguments.images.iter().map(PathBuf::as_path);
    let readers = given.chain(arguments.files_from.as_deref());
    if readers.filter(|path| is_stdin(path)).count() > 1 {
        let problem = "standard input can be read only once; give `-` once";
        return Err(CliError::argument("-", problem));
    }
    let mut images = arguments.images.clone();
    if let Some(list) = &arguments.files_from {
        images.extend(listed_files(list)?);
    }
    Ok(images)
}

/// The split of an image in the run, or the use of the image by its pretrained model.
fn known_role(record: &SplitRecord, identity: &ImageIdentity) -> Option<Role> {
    let role = record.role(&record.content(identity))?;
    (role.is_own() || role.is_trained_on()).then_some(role)
}

/// The error message with this command's argument instead of the setting.
fn with_argument(error: &TrainError) -> String {
    error.to_string().replace("data.max_pixels", "--max-pixels")
}

enum Output {
    Text,
    Json,
    Csv(CsvTable),
}

/// Predicts one image after the other. An invalid image or path must not hide the predictions for the others.
struct Predictor<'a> {
    top: usize,
    tta: Option<Tta>,
    output: Output,
    exit: Exit,
    artifact: &'a Artifact,
    compute: &'a Compute,
    /// The images that the run was trained on, if known.
    record: Option<Arc<SplitRecord>>,
    answered: usize,
    trained_on: usize,
    limits: DecodeLimits,
}

impl Predictor<'_> {
    fn files(&mut self, files: &[PathBuf]) -> Result<(), CliError> {
        for files in files.chunks(ROUND) {
            let answers = predict_files(
                self.artifact,
                files,
                self.top,
                self.tta,
                &self.limits,
                self.compute,
            )?;
            for (file, answer) in files.iter().zip(answers) {
                self.answer(file, answer)?;
            }
        }
        Ok(())
    }

    fn stdin(&mut self) -> Result<(), CliError> {
        let device = self.compute.device();
        let read = stdin_image(&self.artifact.input, &self.limits);
        let answer = read.map(|image| FilePrediction {
            top: predict_image(&image, self.artifact, self.top, self.tta, device),
            identity: image.identity().copied().unwrap_or_default(),
        });
        self.answer(Path::new(STDIN), answer)
    }

    fn answer(
        &mut self,
        path: &Path,
        answer: Result<FilePrediction, TrainError>,
    ) -> Result<(), CliError> {
        let FilePrediction { top, identity } = match answer {
            Ok(answer) => answer,
            Err(error) => return self.fail(path, &error),
        };
        let record = self.record.as_ref();
        let role = record.and_then(|record| known_role(record, &identity));
        let is_trained_on = role.is_some_and(Role::is_trained_on);
        self.answered += 1;
        self.trained_on += usize::from(is_trained_on);
        match &mut self.output {
            Output::Text => {
                let mark = if is_trained_on { " (trained on)" } else { "" };
                let line = predictions_line(&top);
                print(format!("{}: {line}{mark}", path.printable()))
            }
            Output::Json => print_json(&Answer {
                path: path.to_string_lossy().into_owned(),
                top: &top,
                split: role.map(Role::name),
                temperature: self.artifact.temperature,
            }),
            Output::Csv(table) => {
                table.answer(path, top, role);
                Ok(())
            }
        }
    }

    fn fail(&mut self, path: &Path, error: &TrainError) -> Result<(), CliError> {
        self.exit = Exit::Failed;
        let error = &with_argument(error);
        say_error(error);
        match &mut self.output {
            Output::Text => Ok(()),
            Output::Json => print_json(&Failure {
                path: path.to_string_lossy().into_owned(),
                error: ErrorJson::new(error.clone(), Exit::Failed),
            }),
            Output::Csv(table) => {
                table.failure(path, error.clone());
                Ok(())
            }
        }
    }
}
