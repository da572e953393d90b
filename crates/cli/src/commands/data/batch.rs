//! `receptive data --show`: training images as a network sees them.

use crate::args::DataArgs;
use crate::commands::{not_understood, paragraph, print, print_json};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::DataProgress;
use receptive_data::{Augment, DataSet, ImageSize, Resize, Samples};
use receptive_plot::{Draw, grouped};
use receptive_train::look::{changes, training_batch};
use receptive_train::{MachineConfig, TrainConfig, usual_input};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    file: &'a Path,
    images: usize,
    /// All training images.
    of: usize,
    input: ImageSize,
    seed: u64,
    augment: &'a Augment,
}

pub(super) fn draw(data: &DataSet, arguments: &DataArgs) -> Result<Exit, CliError> {
    let images = data.train.len();
    if images == 0 {
        return Err(CliError::Usage(format!(
            "--show: {} has no training images that can be read",
            data.name
        )));
    }
    if arguments.count == 0 {
        return Err(not_understood("--count", "it is 0; use 1 or more".into()));
    }
    let size = usual_input(data);
    let samples = Samples::new(
        data.train.clone(),
        size,
        Resize::Stretch,
        Samples::CACHE_BYTES,
    );
    let threads = MachineConfig::default().thread_count();
    let (mean, _) = samples.mean_std(&DataProgress::default(), threads)?;
    let augment = TrainConfig::default().augment;
    let (seed, count) = (arguments.seed, arguments.count);
    let grid = training_batch(&samples, &data.classes, &augment, &mean, seed, count)?;
    let drawn = grid.tiles().len();
    let words = format!(
        "{} of {} training images of {} as the network sees them: {}x{} pixels, {}; {}",
        grouped(drawn),
        grouped(images),
        data.name,
        size.height,
        size.width,
        if size.channels == 1 { "grey" } else { "colour" },
        changes(&augment)
    );
    let file = arguments.out.as_path();
    grid.title(&format!("{}: an augmented batch", data.name))
        .subtitle(&format!("{words}; seed {seed}, epoch 1"))
        .write(file)?;
    if arguments.json {
        print_json(&Shown {
            name: &data.name,
            file,
            images: drawn,
            of: images,
            input: size,
            seed,
            augment: &augment,
        })?;
        return Ok(Exit::Done);
    }
    print(paragraph("drawn    ", &words))?;
    if !data.damaged.is_empty() {
        let words = format!(
            "{} damaged files are left out; `receptive data {}` lists them",
            grouped(data.damaged.len()),
            data.name
        );
        print(paragraph("note     ", &words))?;
    }
    print(format!("file     {}", file.display()))?;
    Ok(Exit::Done)
}
