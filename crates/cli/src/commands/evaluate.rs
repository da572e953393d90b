use super::run_data::{Chosen, choose, images_of};
use super::{machine, model_directory, percent, print, print_json};
use crate::args::EvaluateArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{Table, TrainProgress};
use receptive_model::Artifact;
use receptive_train::metrics::{ClassReport, report};
use receptive_train::{Evaluation, Workers, evaluate, samples_for};
use serde::Serialize;

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
    let wanted = images_of(
        &arguments.run,
        format!("receptive evaluate {} DATA", arguments.run.display()),
        arguments.data.as_deref(),
        arguments.split.map(Into::into),
        &arguments.source,
    );
    let Chosen { data, split, name } = choose(&wanted, &artifact)?;
    // Each image is read once, so none is worth keeping.
    let samples = samples_for(&split, &artifact.input, 0);
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
