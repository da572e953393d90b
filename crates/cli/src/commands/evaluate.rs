use super::{is_artifact, machine, model_directory, paragraph, percent, policy, print, print_json};
use crate::args::{EvaluateArgs, SplitName};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, Table, TrainProgress};
use receptive_data::Split;
use receptive_model::Artifact;
use receptive_train::metrics::{ClassReport, report};
use receptive_train::{
    DataConfig, Evaluation, RunDirectory, TrainError, Workers, data_options, evaluate, samples_for,
};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    data: &'a str,
    split: &'a str,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    classes: &'a [ClassReport],
}

pub(super) fn run(arguments: &EvaluateArgs) -> Result<Exit, CliError> {
    let (backend, threads) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let (mut config, seed) = trained_on(arguments)?;
    config.limit = arguments.source.limit.or(config.limit);
    config.data_dir = arguments.source.data_dir.clone().or(config.data_dir);
    if let Some(chosen) = arguments.source.bad_images {
        config.bad_images = policy(chosen);
    }
    let options = data_options(&config, seed, Some(artifact.classes.clone()));
    let data = receptive_data::open(&config.source, &options, &DataProgress::default())?;
    for note in &data.notes {
        eprintln!("{}", paragraph("note     ", note));
    }
    let split = match arguments.split {
        SplitName::Train => Some(&data.train),
        SplitName::Val => Some(&data.val),
        SplitName::Test => data.test.as_ref(),
    };
    let split = split
        .filter(|split| !split.is_empty())
        .ok_or_else(|| no_split(&data))?;
    let samples = samples_for(split, &artifact.input, config.cache_mb);
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
            split: split.name(),
            evaluation: &evaluation,
            classes: &classes,
        };
        print_json(&shown)?;
        return Ok(Exit::Done);
    }
    show(&evaluation, &classes, &artifact.classes, &data.name, split)?;
    Ok(Exit::Done)
}

/// What the run was trained on, unless another data set is named.
fn trained_on(arguments: &EvaluateArgs) -> Result<(DataConfig, u64), CliError> {
    // `runs/001/last` is an artifact within its run.
    let run = match (is_artifact(&arguments.run), arguments.run.parent()) {
        (true, Some(parent)) => parent,
        _ => &arguments.run,
    };
    let run = RunDirectory::open(run).and_then(|run| run.config());
    match (&arguments.data, run) {
        (None, Ok(config)) => Ok((config.data, config.train.seed)),
        (None, Err(error)) => Err(error.into()),
        (Some(source), run) => {
            let seed = run.map_or(0, |config| config.train.seed);
            Ok((
                DataConfig {
                    source: source.clone(),
                    ..DataConfig::default()
                },
                seed,
            ))
        }
    }
}

fn no_split(data: &receptive_data::DataSet) -> CliError {
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
    split: &Split,
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
        split.name(),
        percent(evaluation.top1),
        percent(evaluation.top5),
        evaluation.loss,
        evaluation.images
    ))
}
