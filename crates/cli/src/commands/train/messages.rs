//! Messages before a run, and results after it.

use super::super::run::evaluation_line;
use super::shared::{RankTraffic, ranks_text};
use crate::error::{CliError, Exit, note_with_arguments};
use crate::render::{print_json, say, say_line, say_paragraph, wide_line, wide_paragraph};
use receptive_core::text::{Printable, counted, percent, plural};
use receptive_model::Plan;
use receptive_train::metrics::CalibrationProblem;
use receptive_train::{
    Baselines, Compute, Devices, Gain, InitialModel, Outcome, RunDirectory, RunSetup, Score,
    SplitBaselines, StartConfig, TrainConfig, TrainResult,
};
use serde::Serialize;

/// Prints a summary before a run; `None` as its directory if nothing will be written.
pub(super) fn announce(
    prepared: &RunSetup,
    devices: &Devices,
    compute: &Compute,
    directory: Option<&RunDirectory>,
) {
    let data = &prepared.data;
    let plan = &prepared.plan;
    let threads = compute.threads();
    let step = prepared.step_bytes().unwrap_or(0);
    let test = data.test.as_ref().map_or(0, |test| test.len());
    say_line(
        "data",
        format!(
            "{}: {}; {} train, {} val, {test} test {}",
            data.name,
            counted(data.classes.len(), "class"),
            data.train.len(),
            data.val.len(),
            plural(test, "image")
        ),
    );
    let input = &prepared.input;
    let cached = match prepared.cache_bytes().div_ceil(1 << 20) {
        0 => String::new(), // the images are in memory anyway
        mib => format!("; at most {mib} MiB of decoded images"),
    };
    say_line(
        "input",
        format!(
            "{}x{}x{} (channels, height, width){cached}",
            input.channels, input.height, input.width
        ),
    );
    say_line(
        "model",
        format!(
            "{} parameters, {:.1} M multiply-adds per image",
            plan.total.params,
            plan.total.macs as f64 / 1e6
        ),
    );
    if let (Some(start), Some(initial)) = (&prepared.config.start, &prepared.start) {
        say_paragraph("start", initial_model(start, initial, plan));
    }
    say_line(
        "machine",
        format!(
            "{devices}, {}{}; about {} MiB per step",
            counted(threads, "thread"),
            ranks_text(compute),
            step >> 20
        ),
    );
    if let Some(directory) = directory {
        let path = directory.path().printable();
        let mark = match prepared.chooses_epoch() {
            true => " (* marks the best epoch so far)",
            false => "",
        };
        say_line("run", format!("{path}{mark}"));
    }
    // These notes concern the design of a network; for a trained one, `summary` prints them.
    let of_plan = match &prepared.start {
        Some(_) => Vec::new(),
        None => plan.notes(),
    };
    for note in data.notes.iter().cloned().chain(of_plan) {
        say_paragraph("note", note_with_arguments(&note));
    }
    if cfg!(feature = "autotune") && !compute.is_cpu() {
        let kept = match cfg!(feature = "tuning-cache") {
            true => ", unless an earlier run did",
            false => "",
        };
        say_paragraph(
            "note",
            format!(
                "the first steps choose the fastest kernels by measurement{kept}, which may take minutes; the \
                 environment variable CUBECL_AUTOTUNE_LEVEL=0 limits it"
            ),
        );
    }
    if !data.damaged.is_empty() {
        let list = directory.map_or(String::new(), |directory| {
            let list = directory.path().join(RunDirectory::SKIPPED);
            format!(", see {}", list.printable())
        });
        let count = counted(data.damaged.len(), "damaged image");
        say_line("note", format!("left out {count}{list}"));
    }
}

/// Which parts of the pretrained model are kept.
fn initial_model(start: &StartConfig, initial: &InitialModel, plan: &Plan) -> String {
    let trainable: usize = plan
        .layers
        .iter()
        .skip(start.freeze)
        .map(|layer| layer.params)
        .sum();
    let head = if initial.has_new_head {
        format!("a new last layer for {}", counted(plan.classes, "class"))
    } else {
        "the same classes".into()
    };
    format!(
        "{}; {head}; {} of {} frozen, {trainable} of {} parameters trainable",
        start.from.printable(),
        start.freeze.min(plan.layers.len()),
        counted(plan.layers.len(), "layer"),
        plan.total.params
    )
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    run: String,
    outcome: &'static str,
    signal: Option<usize>,
    test_top1: Option<f64>,
    test_top5: Option<f64>,
    test_mean_recall: Option<f64>,
    test_loss: Option<f64>,
    val_top1: Option<f64>,
    val_mean_recall: Option<f64>,
    val_loss: Option<f64>,
    temperature: Option<f64>,
    uncalibrated: Option<CalibrationProblem>,
    train_seconds: f64,
    images_per_second: f64,
    data_wait: f64,
    epochs: usize,
    /// `null` until an epoch is complete.
    best_epoch: Option<usize>,
    /// For fine-tuning: classifiers on the frozen features of the pretrained model.
    #[serde(skip_serializing_if = "Option::is_none")]
    baselines: Option<Vec<SplitJson<'a>>>,
    /// For fine-tuning: its gain over these baselines.
    #[serde(skip_serializing_if = "Option::is_none")]
    gain: Option<&'a Gain>,
    /// `null` until there is a model.
    weights_sha256: Option<&'a str>,
    backend: String,
    threads: usize,
    /// For a run shared by several processes: traffic and waiting time of the first process.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<RankTraffic>,
}

/// The baselines of a split.
#[derive(Serialize)]
struct SplitJson<'a> {
    split: &'a str,
    nearest_mean: &'a Score,
    head_only: &'a Score,
}

impl<'a> From<&'a SplitBaselines> for SplitJson<'a> {
    fn from(of: &'a SplitBaselines) -> Self {
        Self {
            split: &of.split,
            nearest_mean: &of.nearest_mean,
            head_only: &of.head_only,
        }
    }
}

/// Prints the results of a run.
pub(super) fn report(
    json: bool,
    devices: &Devices,
    compute: &Compute,
    directory: &RunDirectory,
    prepared: &RunSetup,
    trained: &TrainResult,
) -> Result<Exit, CliError> {
    // A damaged baselines file must not cost a run its result.
    let baselines = match prepared.config.start {
        Some(_) => directory.baselines().ok().flatten(),
        None => None,
    };
    if let Some(message) = stopped_early(&prepared.config.train, trained) {
        say(message);
    }
    if trained.outcome.signal().is_some() {
        say_stopped(directory, trained);
    }
    if json {
        let baselines = baselines.as_ref();
        print_json(&result_json(
            devices, compute, directory, baselines, trained,
        ))?;
    } else {
        show_scores(baselines.as_ref(), trained)?;
        show_training(compute, prepared, trained)?;
        show_files(directory, trained)?;
    }
    Ok(trained.outcome.signal().map_or(Exit::Done, Exit::Signal))
}

/// How far a stopped run came, and how to resume it.
fn say_stopped(directory: &RunDirectory, trained: &TrainResult) {
    let model = match directory.has_model() {
        true => "",
        false => ", so there is no model yet",
    };
    say_paragraph(
        "stopped",
        format!(
            "after {}{model}; resume with `receptive train --resume {}`",
            counted(trained.epochs.len(), "complete epoch"),
            directory.path().shell_word()
        ),
    );
}

fn result_json<'a>(
    devices: &Devices,
    compute: &Compute,
    directory: &RunDirectory,
    baselines: Option<&'a Baselines>,
    trained: &'a TrainResult,
) -> Json<'a> {
    let (test, val) = (trained.test.as_ref(), trained.val.as_ref());
    Json {
        run: directory.path().to_string_lossy().into_owned(),
        outcome: outcome_name(trained.outcome),
        signal: trained.outcome.signal(),
        test_top1: test.map(|test| test.top1),
        test_top5: test.and_then(|test| test.top5),
        test_mean_recall: test.and_then(|test| test.mean_recall),
        test_loss: test.map(|test| test.loss),
        val_top1: val.map(|val| val.top1),
        val_mean_recall: val.and_then(|val| val.mean_recall),
        val_loss: val.map(|val| val.loss),
        temperature: trained.temperature,
        uncalibrated: trained.uncalibrated,
        train_seconds: trained.train_seconds,
        images_per_second: trained.images_per_second,
        data_wait: trained.data_wait,
        epochs: trained.epochs.len(),
        best_epoch: Some(trained.best_epoch).filter(|best| *best > 0),
        baselines: baselines.map(|all| all.splits.iter().map(SplitJson::from).collect()),
        gain: trained.gain.as_ref(),
        weights_sha256: directory
            .has_model()
            .then_some(trained.weights_sha256.as_str()),
        backend: devices.to_string(),
        threads: compute.threads(),
        network: RankTraffic::of(compute),
    }
}

/// Prints the accuracy on each split, the gain of fine-tuning and the calibration.
fn show_scores(baselines: Option<&Baselines>, trained: &TrainResult) -> Result<(), CliError> {
    let splits = [
        ("test", "test", &trained.test),
        ("val", "validation", &trained.val),
    ];
    for (split, name, evaluation) in splits {
        let Some(evaluation) = evaluation else {
            continue;
        };
        wide_line(name, evaluation_line(evaluation))?;
        if let Some(gain) = trained.gain.as_ref().filter(|gain| gain.split == split) {
            show_gain_rows(gain)?;
        }
    }
    match (&trained.gain, baselines) {
        (Some(gain), _) => wide_paragraph("gain", gain.verdict())?,
        (None, Some(baselines)) => show_baselines(baselines)?,
        (None, None) => {}
    }
    match (trained.temperature, trained.uncalibrated) {
        (Some(temperature), _) => wide_line(
            "calibrated",
            format!("temperature {temperature:.3}, fitted on the validation split"),
        )?,
        (None, Some(reason)) => wide_paragraph("calibrated", format!("no: {reason}"))?,
        (None, None) => {}
    }
    Ok(())
}

/// Prints the classifiers that a gain compares.
pub(super) fn show_gain_rows(gain: &Gain) -> Result<(), CliError> {
    gain.rows()
        .into_iter()
        .try_for_each(|row| show_row("", row))
}

fn show_row(label: &str, (name, score): (&str, &Score)) -> Result<(), CliError> {
    let recall = score.mean_recall.map_or(String::new(), |recall| {
        format!(", mean recall {}", percent(recall))
    });
    wide_line(label, format!("{name}: top-1 {}{recall}", score.words()))
}

/// Prints the time that training took, and which epoch is kept.
fn show_training(
    compute: &Compute,
    prepared: &RunSetup,
    trained: &TrainResult,
) -> Result<(), CliError> {
    let best = match trained.best_epoch {
        0 if prepared.config.train.epochs == 0 => "fitted the head only; no epochs trained".into(),
        0 => "no complete epoch".into(),
        best if prepared.chooses_epoch() => {
            format!("best epoch {best} of {}", trained.epochs.len())
        }
        last => format!("the last epoch, {last}, is kept"),
    };
    wide_line(
        "training",
        format!(
            "{:.0} s, {:.0} images/s, {} waiting for data; {best}",
            trained.train_seconds,
            trained.images_per_second,
            percent(trained.data_wait),
        ),
    )?;
    if let Some(network) = RankTraffic::of(compute) {
        wide_paragraph("network", network.text(trained.train_seconds))?;
    }
    Ok(())
}

/// Prints the files of a run, and what to do next.
fn show_files(directory: &RunDirectory, trained: &TrainResult) -> Result<(), CliError> {
    let has_model = directory.has_model();
    let path = directory.path();
    if has_model {
        wide_line("sha256", &trained.weights_sha256)?;
    }
    let files = [
        "model",
        RunDirectory::CURVES,
        RunDirectory::CONFUSION,
        RunDirectory::FIELD,
        "metrics.csv",
        "tensorboard",
    ]
    .into_iter()
    .filter(|file| path.join(file).exists())
    .collect::<Vec<_>>()
    .join(", ");
    wide_line("files", format!("in {}: {files}", path.printable()))?;
    let path = path.shell_word();
    let next = match has_model {
        true => format!("receptive report {path}, receptive predict {path} IMAGE"),
        false => format!("receptive train --resume {path}"),
    };
    wide_line("next", next)?;
    Ok(())
}

/// Prints the results with frozen features, for a run that has no result of its own yet.
fn show_baselines(baselines: &Baselines) -> Result<(), CliError> {
    for of in &baselines.splits {
        for row in of.rows() {
            show_row(&of.split, row)?;
        }
    }
    Ok(())
}

/// Why a run ended before its last epoch.
fn stopped_early(config: &TrainConfig, trained: &TrainResult) -> Option<String> {
    let stopping = config.early_stopping.as_ref()?;
    (trained.outcome == Outcome::StoppedEarly).then(|| {
        format!(
            "stopped early after epoch {} of {}: {} has not improved for {}; the model of epoch {} is \
             kept",
            trained.epochs.len(),
            config.epochs,
            stopping.metric.name(),
            counted(stopping.patience, "epoch"),
            trained.best_epoch
        )
    })
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "finished",
        Outcome::StoppedEarly => "stopped_early",
        Outcome::Interrupted { .. } => "interrupted",
    }
}
