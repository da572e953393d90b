//! `train --dry-run`.

use super::super::{print, print_json};
use super::announce::announce;
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::duration;
use burn::tensor::Device;
use receptive_plot::grouped;
use receptive_train::trial::{DryRun, dry_run};
use receptive_train::{Backend, Prepared, RunDirectory};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
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
    found: &'a DryRun,
}

pub(super) fn run(
    arguments: &TrainArgs,
    prepared: &Prepared,
    backend: Backend,
    device: &Device,
) -> Result<Exit, CliError> {
    if let Some(path) = &arguments.run_dir {
        RunDirectory::check_free(path)?;
    }
    announce(prepared, backend, None);
    let on_cpu = backend.kind.is_cpu();
    let found = dry_run(prepared, device, on_cpu)?;
    if arguments.json {
        let input = &prepared.input;
        print_json(&Shown {
            data: &prepared.data.name,
            classes: prepared.data.classes.len(),
            train_images: prepared.train.len(),
            val_images: prepared.val.len(),
            test_images: prepared.test.as_ref().map_or(0, |test| test.len()),
            input: [input.channels, input.height, input.width],
            batch_size: prepared.config.train.batch_size,
            backend: backend.to_string(),
            threads: prepared.config.machine.compute_threads(on_cpu),
            found: &found,
        })?;
        return Ok(Exit::Done);
    }
    let val = found
        .val_loss
        .map_or(String::new(), |loss| format!(", validation loss {loss:.3}"));
    print(format!(
        "loss       {:.3} before the first step{val}",
        found.train_loss
    ))?;
    print(format!(
        "steps      {} an epoch, {} epochs: {} in all",
        grouped(found.steps_per_epoch as usize),
        grouped(found.epochs),
        grouped(found.steps_per_epoch as usize * found.epochs)
    ))?;
    print(format!(
        "a step     {:.1} ms; {:.1} ms to make its batch; {:.1} s a validation",
        1e3 * found.seconds_per_step,
        1e3 * found.seconds_per_batch,
        found.seconds_per_validation
    ))?;
    print(format!("whole run  about {}", duration(found.seconds)))?;
    print(format!(
        "memory     about {} MiB at most; the model takes {} on the disk",
        found.peak_bytes >> 20,
        bytes(found.model_bytes)
    ))?;
    print("nothing was kept; leave --dry-run out to train")?;
    Ok(Exit::Done)
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..=0xf_ffff => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}
