//! `train --dry-run`.

use super::TrainArgs;
use super::messages::announce;
use crate::error::{CliError, Exit};
use crate::render::{print, print_json, wide_line};
use receptive_core::text::{duration, grouped, plural};
use receptive_train::trial::{DryRun, dry_run};
use receptive_train::{Compute, Devices, RunDirectory, RunSetup};
use serde::Serialize;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    data: &'a str,
    classes: usize,
    train_images: usize,
    val_images: usize,
    test_images: usize,
    input: [usize; 3],
    batch_size: usize,
    backend: String,
    threads: usize,
    #[serde(flatten)]
    estimate: &'a DryRun,
}

pub(super) fn run(
    arguments: &TrainArgs,
    prepared: &RunSetup,
    devices: &Devices,
    compute: &Compute,
) -> Result<Exit, CliError> {
    if let Some(path) = &arguments.run_dir {
        RunDirectory::check_free(path)?;
    }
    announce(prepared, devices, compute, None);
    let estimate = dry_run(prepared, compute)?;
    if arguments.json {
        let input = &prepared.input;
        print_json(&Json {
            data: &prepared.data.name,
            classes: prepared.data.classes.len(),
            train_images: prepared.train.len(),
            val_images: prepared.val.len(),
            test_images: prepared.test.as_ref().map_or(0, |test| test.len()),
            input: [input.channels, input.height, input.width],
            batch_size: prepared.config.train.batch_size,
            backend: devices.to_string(),
            threads: compute.threads(),
            estimate: &estimate,
        })?;
    } else {
        show(&estimate)?;
    }
    Ok(Exit::Done)
}

fn show(estimate: &DryRun) -> Result<(), CliError> {
    let val = estimate
        .val_loss
        .map_or(String::new(), |loss| format!(", validation loss {loss:.3}"));
    let loss = estimate.train_loss;
    wide_line("loss", format!("{loss:.3} before the first step{val}"))?;
    let (steps, epochs) = (estimate.steps_per_epoch as usize, estimate.epochs);
    wide_line(
        "steps",
        format!(
            "{} per epoch, {} {}: {} in all",
            grouped(steps),
            grouped(epochs),
            plural(epochs, "epoch"),
            grouped(steps * epochs)
        ),
    )?;
    wide_line(
        "a step",
        format!(
            "{:.1} ms; {:.1} ms to load its batch; {:.1} s per validation pass",
            1e3 * estimate.seconds_per_step,
            1e3 * estimate.seconds_per_batch,
            estimate.seconds_per_validation
        ),
    )?;
    wide_line("whole run", format!("about {}", duration(estimate.seconds)))?;
    wide_line(
        "memory",
        format!(
            "about {} MiB at most; the model takes {} on disk",
            estimate.peak_bytes >> 20,
            bytes(estimate.model_bytes)
        ),
    )?;
    print("nothing was written; run without --dry-run to train")
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..=0xf_ffff => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}
