use super::{machine, model_directory, paragraph, percent, policy, print, print_json};
use crate::args::{EvaluateArgs, SplitName};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, Table, TrainProgress, say};
use receptive_data::{DataSet, KNOWN_NAMES, Split};
use receptive_model::Artifact;
use receptive_train::metrics::{ClassReport, report};
use receptive_train::{
    DataConfig, Evaluation, RunConfig, RunDirectory, TrainError, Workers, data_options, evaluate,
    samples_for,
};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Shown<'a> {
    data: &'a str,
    split: &'a str,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    classes: &'a [ClassReport],
    /// Images left out because they can't be read.
    damaged: usize,
}

pub(super) fn run(arguments: &EvaluateArgs) -> Result<Exit, CliError> {
    let (backend, threads) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let wanted = wanted(arguments)?;
    let options = data_options(&wanted.config, wanted.seed, Some(artifact.classes.clone()));
    let data = receptive_data::open(&wanted.config.source, &options, &DataProgress::default())?;
    for note in &data.notes {
        say(paragraph("note     ", note));
    }
    if !data.damaged.is_empty() {
        let note = format!("{} damaged images are left out", data.damaged.len());
        say(paragraph("note     ", &note));
    }
    let (split, name) = choose(&data, arguments.split, wanted.is_own)?;
    // Each image is read once, so none is worth keeping.
    let samples = samples_for(split, &artifact.input, 0);
    let workers = Workers::new(threads)?;
    let mut progress = TrainProgress::default();
    let evaluation = evaluate(
        &artifact.model,
        &artifact.input,
        &samples,
        &workers,
        &device,
        &mut progress,
    )?;
    progress.clear();
    let classes = report(&evaluation.confusion, &artifact.classes);
    if arguments.json {
        let shown = Shown {
            data: &data.name,
            split: name,
            evaluation: &evaluation,
            classes: &classes,
            damaged: data.damaged.len(),
        };
        print_json(&shown)?;
        return Ok(Exit::Done);
    }
    show(&evaluation, &classes, &artifact.classes, &data.name, name)?;
    print(format!(
        "next     receptive predict {} IMAGE",
        arguments.run.display()
    ))?;
    Ok(Exit::Done)
}

/// What is to be measured on.
struct Wanted {
    config: DataConfig,
    seed: u64,
    /// Whether it is what the run was trained on, cut as it was then.
    is_own: bool,
}

fn wanted(arguments: &EvaluateArgs) -> Result<Wanted, CliError> {
    // `runs/001/last` is an artifact within its run.
    let place = match (Artifact::is_at(&arguments.run), arguments.run.parent()) {
        (true, Some(parent)) => parent,
        _ => &arguments.run,
    };
    let run = RunDirectory::open(place).and_then(|run| run.config());
    let own = |run: RunConfig| Wanted {
        config: run.data,
        seed: run.train.seed,
        is_own: true,
    };
    let mut wanted = match (&arguments.data, run) {
        (None, Err(_)) => {
            return Err(CliError::Usage(format!(
                "{path}: this model was copied out of its run and does not know its data; name \
                 some: receptive evaluate {path} DATA",
                path = arguments.run.display()
            )));
        }
        (None, Ok(run)) => {
            let source = &run.data.source;
            if !KNOWN_NAMES.contains(&source.as_str()) && !Path::new(source).exists() {
                return Err(CliError::Usage(format!(
                    "{source}: what the run was trained on is no longer there; name its new place: \
                     receptive evaluate {} DATA",
                    arguments.run.display()
                )));
            }
            own(run)
        }
        (Some(source), Ok(run)) if is_same(source, &run.data.source) => own(run),
        (Some(source), run) => {
            let (trained, seed) =
                run.map_or_else(|_| Default::default(), |run| (run.data, run.train.seed));
            // Without `--split` all that there is, else the parts that training would cut.
            let share = |fraction| {
                if arguments.split.is_some() {
                    fraction
                } else {
                    0.0
                }
            };
            Wanted {
                config: DataConfig {
                    source: source.clone(),
                    val_fraction: share(trained.val_fraction),
                    test_fraction: share(trained.test_fraction),
                    ..DataConfig::default()
                },
                seed,
                is_own: false,
            }
        }
    };
    let config = &mut wanted.config;
    config.limit = arguments.source.limit.or(config.limit);
    config.data_dir = arguments.source.data_dir.clone().or(config.data_dir.take());
    if let Some(chosen) = arguments.source.bad_images {
        config.bad_images = policy(chosen);
    }
    Ok(wanted)
}

fn is_same(a: &str, b: &str) -> bool {
    let place = |source: &str| Path::new(source).canonicalize().ok();
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

/// The part of the data that was asked for, or else the one most like a test; and its name.
fn choose(
    data: &DataSet,
    split: Option<SplitName>,
    is_own: bool,
) -> Result<(&Split, &'static str), CliError> {
    let test = data.test.as_ref();
    let (val, train) = (Some(&data.val), Some(&data.train));
    let candidates = match split {
        Some(SplitName::Test) => vec![(test, "test")],
        Some(SplitName::Val) => vec![(val, "val")],
        Some(SplitName::Train) => vec![(train, "train")],
        // Accuracy on what a model was trained on says little, so that must be asked for.
        None if is_own => vec![(test, "test"), (val, "val")],
        None => vec![(test, "test"), (val, "val"), (train, "whole")],
    };
    candidates
        .into_iter()
        .find_map(|(split, name)| Some((split.filter(|split| !split.is_empty())?, name)))
        .ok_or_else(|| no_split(data))
}

fn no_split(data: &DataSet) -> CliError {
    let there: Vec<String> = data
        .splits()
        .filter(|split| !split.is_empty())
        .map(|split| format!("--split {}", split.name()))
        .collect();
    CliError::Train(TrainError::Setting {
        setting: "--split".into(),
        problem: format!(
            "{} has no such images; there is {}",
            data.name,
            there.join(", ")
        ),
    })
}

fn show(
    evaluation: &Evaluation,
    reports: &[ClassReport],
    classes: &[String],
    data: &str,
    split: &str,
) -> Result<(), CliError> {
    let mut table = Table::new(&["class", "images", "precision", "recall", "F1"]);
    let share = |value: Option<f64>| value.map_or("-".into(), percent);
    for row in reports {
        table.row([
            row.class.clone(),
            row.images.to_string(),
            share(row.precision),
            share(row.recall),
            share(row.f1),
        ]);
    }
    print(table.to_string())?;
    let worst = evaluation.confusion.worst(3);
    if !worst.is_empty() {
        print("")?;
        for (label, predicted, count) in worst {
            print(format!(
                "{count:>5} x {} taken for {}",
                classes[label], classes[predicted]
            ))?;
        }
    }
    print(format!(
        "\n{data}, {} split: top-1 {}, top-5 {}, loss {:.3} ({} images)",
        split,
        percent(evaluation.top1),
        percent(evaluation.top5),
        evaluation.loss,
        evaluation.images
    ))
}
