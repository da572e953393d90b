//! What a run came to.

use super::super::{percent, print, print_json};
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::say;
use receptive_train::{Backend, Outcome, Prepared, RunDirectory, Trained};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    run: String,
    outcome: &'static str,
    signal: Option<usize>,
    test_top1: Option<f64>,
    test_top5: Option<f64>,
    test_loss: Option<f64>,
    val_top1: Option<f64>,
    val_loss: Option<f64>,
    train_seconds: f64,
    images_per_second: f64,
    data_wait: f64,
    epochs: usize,
    best_epoch: usize,
    weights_sha256: &'a str,
    backend: String,
    threads: usize,
}

pub(super) fn report(
    arguments: &TrainArgs,
    prepared: &Prepared,
    backend: Backend,
    directory: &RunDirectory,
    trained: &Trained,
) -> Result<Exit, CliError> {
    let path = directory.path().display().to_string();
    let exit = trained.outcome.signal().map_or(Exit::Done, Exit::Signal);
    if arguments.json {
        let machine = &prepared.config.machine;
        print_json(&Shown {
            run: path,
            outcome: outcome_word(trained.outcome),
            signal: trained.outcome.signal(),
            test_top1: trained.test.as_ref().map(|test| test.top1),
            test_top5: trained.test.as_ref().map(|test| test.top5),
            test_loss: trained.test.as_ref().map(|test| test.loss),
            val_top1: trained.val.as_ref().map(|val| val.top1),
            val_loss: trained.val.as_ref().map(|val| val.loss),
            train_seconds: trained.train_seconds,
            images_per_second: trained.images_per_second,
            data_wait: trained.data_wait,
            epochs: trained.epochs.len(),
            best_epoch: trained.best_epoch,
            weights_sha256: &trained.weights_sha256,
            backend: backend.to_string(),
            threads: machine.compute_threads(backend.kind.is_cpu()),
        })?;
        return Ok(exit);
    }
    if trained.outcome.signal().is_some() {
        say(format!(
            "stopped after {} whole epochs; go on with `receptive train --resume {path}`",
            trained.epochs.len()
        ));
    }
    for (name, seen) in [("test", &trained.test), ("validation", &trained.val)] {
        if let Some(seen) = seen {
            print(format!(
                "{name:<11}top-1 {}, top-5 {}, loss {:.3} ({} images)",
                percent(seen.top1),
                percent(seen.top5),
                seen.loss,
                seen.images
            ))?;
        }
    }
    let best = match trained.best_epoch {
        0 => "no whole epoch".into(),
        best => format!("best epoch {best} of {}", trained.epochs.len()),
    };
    print(format!(
        "training   {:.0} s, {:.0} images/s, {} waiting for data; {best}",
        trained.train_seconds,
        trained.images_per_second,
        percent(trained.data_wait),
    ))?;
    print(format!("sha256     {}", trained.weights_sha256))?;
    let files = [
        "model",
        RunDirectory::CURVES,
        RunDirectory::CONFUSION,
        RunDirectory::FIELD,
        "metrics.csv",
        "tensorboard",
    ]
    .into_iter()
    .filter(|file| directory.path().join(file).exists())
    .collect::<Vec<_>>()
    .join(", ");
    print(format!("files      in {path}: {files}"))?;
    print(format!(
        "next       receptive report {path}, receptive predict {path} IMAGE"
    ))?;
    Ok(exit)
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "finished",
        Outcome::StoppedEarly => "stopped_early",
        Outcome::Interrupted { .. } => "interrupted",
    }
}
