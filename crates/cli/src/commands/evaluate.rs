//! `receptive evaluate`.

use super::run::{RunSplit, evaluation_line, image_query, load_model, open_split, remedies};
use crate::args::{DeviceArgs, SourceArgs};
use crate::error::{CliError, Exit};
use crate::render::{Table, TrainProgress, line, print, print_json, say_paragraph};
use clap::Args;
use receptive_core::text::{Printable, grouped, percent};
use receptive_data::{Split, UnavailableImages};
use receptive_model::{Artifact, weights_sha256};
use receptive_train::metrics::{Calibration, CalibrationSums, ClassReport, report};
use receptive_train::{
    Compute, DataPlace, Evaluation, SplitName, Tta, check_evaluation, evaluate, evaluate_views,
    samples_for,
};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
    /// Run directory
    run: PathBuf,
    /// Evaluate on another data set. Images that the run was trained on are recognised by content
    /// and left out
    #[arg(value_name = "OTHER")]
    other: Option<String>,
    /// New path of the run's data, if it was moved; images keep their splits
    #[arg(long, value_name = "DATA", conflicts_with = "other")]
    data: Option<String>,
    /// Split to evaluate [default: test if there is one, else val; if another data set has neither,
    /// all its images]. Images added since training are reported separately
    #[arg(long, value_enum)]
    split: Option<SplitName>,
    /// Also evaluate with test-time augmentation: average the probabilities of several views per
    /// image
    #[arg(long, value_enum, value_name = "VIEWS")]
    tta: Option<Tta>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    devices: DeviceArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// If there are more classes, only the weakest are listed.
const MAX_LISTED: usize = 100;
/// Number of weakest classes listed.
const WEAKEST: usize = 20;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    data: &'a str,
    split: &'a str,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    classes: &'a [ClassReport],
    /// Calibration of the probabilities, without and with the model's temperature.
    calibration: &'a Calibration,
    /// With test-time augmentation, if requested.
    tta: Option<TtaJson<'a>>,
    /// Images left out because they cannot be read.
    damaged: usize,
    /// The run's images that were found, those that no longer exist, and those damaged since.
    known: usize,
    missing: UnavailableImages,
    unreadable: UnavailableImages,
    /// Images left out because the model was trained on them.
    trained_on: usize,
    /// Images left out because the model does not have their class.
    unknown_class: usize,
    /// Images added since the run was trained, evaluated separately.
    new: Option<&'a Evaluation>,
    notes: &'a [String],
}

/// The same images with test-time augmentation.
#[derive(Serialize)]
struct TtaJson<'a> {
    views: usize,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

pub(super) fn run(arguments: &EvaluateArgs) -> Result<Exit, CliError> {
    let compute = arguments.devices.compute()?;
    let artifact = load_model(&arguments.run, compute.device())?;
    let place = DataPlace::new(arguments.data.as_deref(), arguments.other.as_deref());
    let query = image_query(
        &arguments.run,
        remedies("evaluate", &arguments.run, arguments.data.as_deref()),
        place,
        arguments.split,
        &arguments.source,
    );
    let RunSplit {
        mut data,
        split,
        name,
        is_own,
        stand_in,
    } = open_split(&query, &artifact)?;
    if let Some(note) = stand_in {
        say_paragraph("note", &note);
        data.notes.push(note);
    }
    if is_own && name == "val" && artifact.temperature.is_some() {
        let note = "the temperature was fitted on these images, so their calibrated error and loss are optimistic";
        say_paragraph("note", note);
        data.notes.push(note.into());
    }
    if let Some(ranks) = compute.ranks() {
        ranks.check_task(&[
            ("weights", weights_sha256(&artifact.model)),
            ("images", split.fingerprint()),
            ("new images", data.new.fingerprint()),
            (
                "arguments",
                format!("{:?} {:?}", arguments.split, arguments.tta),
            ),
        ])?;
    }
    let (evaluation, calibration) = measure(&artifact, &split, &compute)?;
    let tta = arguments.tta;
    let augmented = tta
        .map(|tta| measure_views(&artifact, tta, &split, &compute))
        .transpose()?;
    let has_new = is_own && arguments.split.is_none() && name != "new" && !data.new.is_empty();
    let new = has_new
        .then(|| measure(&artifact, &data.new, &compute))
        .transpose()?
        .map(|(evaluation, _)| evaluation);
    let classes = report(&evaluation.confusion, &artifact.classes);
    if arguments.json {
        let comparison = data.comparison.clone().unwrap_or_default();
        print_json(&Json {
            data: &data.name,
            split: name,
            evaluation: &evaluation,
            classes: &classes,
            calibration: &calibration,
            tta: tta
                .zip(augmented.as_ref())
                .map(|(tta, evaluation)| TtaJson {
                    views: tta.views(),
                    evaluation,
                }),
            damaged: data.damaged.len(),
            known: comparison.known,
            missing: comparison.missing,
            unreadable: comparison.unreadable,
            trained_on: comparison.left_out,
            unknown_class: data.unknown_class,
            new: new.as_ref(),
            notes: &data.notes,
        })?;
        return Ok(Exit::Done);
    }
    show(&evaluation, &classes, &artifact.classes)?;
    print("")?;
    print(result(&data.name, name, &evaluation))?;
    if let (Some(tta), Some(augmented)) = (tta, &augmented) {
        let (top1, loss) = (percent(augmented.top1), augmented.loss);
        let recall = augmented.mean_recall.map_or("-".into(), percent);
        let views = tta.views();
        print(format!(
            "with {views} views per image: top-1 {top1}, mean recall {recall}, loss {loss:.3}"
        ))?;
    }
    print(calibration_text(&calibration))?;
    if let Some(after) = &calibration.after
        && after.ece > calibration.before.ece
    {
        print("with the temperature the ECE of these images is larger than without it")?;
    }
    if let Some(new) = &new {
        print(result(&data.name, "new", new))?;
    }
    let run = arguments.run.shell_word();
    line("next", format!("receptive predict {run} IMAGE"))?;
    Ok(Exit::Done)
}

fn measure(
    artifact: &Artifact,
    split: &Split,
    compute: &Compute,
) -> Result<(Evaluation, Calibration), CliError> {
    check_evaluation(artifact.model.plan(), split.len(), compute)?;
    // Each image is read only once, so caching is useless.
    let samples = samples_for(split, &artifact.input, 0);
    let mut progress = TrainProgress::default();
    let mut calibration = CalibrationSums::new(artifact.temperature);
    let evaluation = evaluate(
        &artifact.model,
        &artifact.input,
        &samples,
        compute,
        &mut |answers| {
            answers.answers.iter().for_each(|one| calibration.add(one));
            progress.show_evaluation(answers.split, answers.done, answers.total);
            ControlFlow::Continue(())
        },
    )?;
    progress.clear();
    Ok((evaluation, calibration.finish()))
}

fn measure_views(
    artifact: &Artifact,
    tta: Tta,
    split: &Split,
    compute: &Compute,
) -> Result<Evaluation, CliError> {
    let samples = samples_for(split, &artifact.input, 0);
    let mut progress = TrainProgress::default();
    let evaluation = evaluate_views(artifact, tta, &samples, compute, &mut |answers| {
        progress.show_evaluation(answers.split, answers.done, answers.total);
        ControlFlow::Continue(())
    })?;
    progress.clear();
    Ok(evaluation)
}

/// A description of the calibration without and with the temperature.
fn calibration_text(calibration: &Calibration) -> String {
    let Calibration {
        temperature,
        before,
        after,
    } = calibration;
    let before_ece = percent(before.ece);
    match (temperature, after) {
        (Some(temperature), Some(after)) => format!(
            "calibrated: loss {:.3} -> {:.3}, ECE {before_ece} -> {} (temperature {temperature:.3})",
            before.nll,
            after.nll,
            percent(after.ece)
        ),
        _ => format!(
            "probabilities not calibrated: loss {:.3}, ECE {before_ece}",
            before.nll
        ),
    }
}

/// One line with the evaluated images and the main metrics.
fn result(data: &str, split: &str, evaluation: &Evaluation) -> String {
    format!("{data}, {split} split: {}", evaluation_line(evaluation))
}

fn show(
    evaluation: &Evaluation,
    reports: &[ClassReport],
    classes: &[String],
) -> Result<(), CliError> {
    let mut table = Table::new(&["class", "images", "precision", "recall", "F1"]);
    let share = |value: Option<f64>| value.map_or("-".into(), percent);
    for row in listed(reports) {
        table.row([
            row.class.clone(),
            row.images.to_string(),
            share(row.precision),
            share(row.recall),
            share(row.f1),
        ]);
    }
    print(table.to_string())?;
    if reports.len() > MAX_LISTED {
        print(format!(
            "\nThese are the {WEAKEST} of {} classes with the lowest F1; --json lists all.",
            grouped(reports.len())
        ))?;
    }
    let worst = evaluation.confusion.worst(3);
    if !worst.is_empty() {
        print("")?;
        for (label, predicted, count) in worst {
            print(format!(
                "{count:>5} x {} predicted as {}",
                classes[label], classes[predicted]
            ))?;
        }
    }
    Ok(())
}

/// All classes or, if there are many, those with the lowest F1, sorted by it.
fn listed(reports: &[ClassReport]) -> Vec<&ClassReport> {
    let mut rows: Vec<&ClassReport> = reports.iter().collect();
    if rows.len() > MAX_LISTED {
        // A class without images and predictions has no F1.
        rows.retain(|row| row.f1.is_some());
        rows.sort_by(|a, b| a.f1.unwrap_or(1.0).total_cmp(&b.f1.unwrap_or(1.0)));
        rows.truncate(WEAKEST);
    }
    rows
}
