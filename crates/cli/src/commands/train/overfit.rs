//! `train --overfit`.

use super::TrainArgs;
use super::messages::announce;
use crate::error::{CliError, Exit};
use crate::render::{DataProgress, StepProgress, print_json, wide_line, wide_paragraph};
use receptive_core::text::counted;
use receptive_train::trial::{OverfitOptions, OverfitResult, overfit, unregularised_setup};
use receptive_train::{InputFrom, RunConfig, prepare};

/// Default number of passes over the images.
const DEFAULT_EPOCHS: usize = 300;

pub(super) fn run(
    arguments: &TrainArgs,
    images: usize,
    config: RunConfig,
    input_from: InputFrom,
) -> Result<Exit, CliError> {
    let devices = config.machine.devices()?;
    let compute = config.machine.compute()?;
    let mut config = config;
    config.train.early_stopping = None;
    // Steps are not larger than this, so the estimate of memory fits.
    config.train.batch_size = config.train.batch_size.min(images.max(2));
    let prepared = prepare(config, input_from, &DataProgress::default())?;
    let prepared = unregularised_setup(prepared)?;
    announce(&prepared, &devices, &compute, None);
    let options = OverfitOptions {
        images,
        passes: arguments.epochs.unwrap_or(DEFAULT_EPOCHS),
    };
    let progress = StepProgress::new("overfitting", options.passes as u64);
    let result = overfit(&prepared, options, &compute, &mut |now| {
        let status = format!(
            "{} of {} correct, loss {:.4}",
            now.correct, now.images, now.last_loss
        );
        progress.show(now.passes as u64, options.passes as u64, &status);
    })?;
    drop(progress);
    if arguments.json {
        print_json(&result)?;
    } else {
        show(&result)?;
    }
    Ok(if result.overfit {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn show(result: &OverfitResult) -> Result<(), CliError> {
    wide_line(
        if result.overfit {
            "overfit"
        } else {
            "not overfit"
        },
        format!(
            "{} of {} of {} correct after {} ({:.1} s)",
            result.correct,
            counted(result.images, "image"),
            counted(result.classes, "class"),
            counted(result.steps as usize, "step"),
            result.seconds
        ),
    )?;
    wide_line(
        "loss",
        format!(
            "{:.4} at the start, {:.4} at the end",
            result.first_loss, result.last_loss
        ),
    )?;
    if result.correct_evaluated < result.correct {
        let (correct, images) = (result.correct_evaluated, result.images);
        wide_line(
            "evaluated",
            format!(
                "{correct} of {images} correct: batch norm's running statistics still lag behind"
            ),
        )?;
    }
    if let Some(advice) = result.advice() {
        let advice = advice.replace("by a range test", "with `receptive lr-find`");
        wide_paragraph("try", advice)?;
    }
    Ok(())
}
