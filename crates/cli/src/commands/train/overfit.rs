//! `train --overfit`.

use super::super::{paragraph, print, print_json};
use super::announce::announce;
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, StepProgress};
use receptive_train::trial::{OverfitOptions, overfit, unregularised};
use receptive_train::{Backend, InputFrom, RunConfig, prepare};

/// Passes over the images where `--epochs` does not say.
const PASSES: usize = 300;

pub(super) fn run(
    arguments: &TrainArgs,
    images: usize,
    config: RunConfig,
    input_from: InputFrom,
) -> Result<Exit, CliError> {
    let backend: Backend = config.machine.backend.parse()?;
    let device = backend.device()?;
    let prepared = prepare(unregularised(config), input_from, &DataProgress::default())?;
    announce(&prepared, backend, None);
    let options = OverfitOptions {
        images,
        passes: arguments.epochs.unwrap_or(PASSES),
    };
    let progress = StepProgress::new("learning by heart", options.passes);
    let on_cpu = backend.kind.is_cpu();
    let found = overfit(&prepared, options, &device, on_cpu, &mut |now| {
        let words = format!(
            "{} of {} right, loss {:.4}",
            now.right, now.images, now.last_loss
        );
        progress.show(now.passes, &words);
    })?;
    drop(progress);
    let exit = if found.learnt {
        Exit::Done
    } else {
        Exit::Failed
    };
    if arguments.json {
        print_json(&found)?;
        return Ok(exit);
    }
    print(format!(
        "{:<11}{} of {} images of {} classes are right after {} steps ({:.1} s)",
        if found.learnt { "learnt" } else { "not learnt" },
        found.right,
        found.images,
        found.classes,
        found.steps,
        found.seconds
    ))?;
    print(format!(
        "loss       {:.4} at first, {:.4} in the end",
        found.first_loss, found.last_loss
    ))?;
    if found.right_evaluated < found.right {
        print(format!(
            "evaluated  {} of {} right: batch norm's running statistics are still behind",
            found.right_evaluated, found.images
        ))?;
    }
    if let Some(advice) = found.advice() {
        print(paragraph("try        ", advice))?;
    }
    Ok(exit)
}
