//! `receptive data --show`: training images as a network sees them.

use super::super::write_picture;
use super::DataArgs;
use crate::error::{CliError, Exit};
use crate::render::{DataProgress, line, paragraph, print_json, say_line};
use receptive_core::text::{Printable, counted, grouped};
use receptive_data::{Augment, DataSet, ImageSize, Resize, Samples};
use receptive_inspect::{augmentation_summary, training_batch};
use receptive_plot::Grid;
use receptive_train::{MachineConfig, TrainConfig, default_input};
use serde::Serialize;
use std::path::Path;

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    file: &'a Path,
    images: usize,
    /// All training images.
    of: usize,
    input: ImageSize,
    seed: u64,
    augment: &'a Augment,
}

/// Images that one figure has room for.
const MAX_DRAWN: usize = 512;

pub(super) fn draw(data: &DataSet, arguments: &DataArgs) -> Result<Exit, CliError> {
    let images = data.train.len();
    if images == 0 {
        return Err(CliError::Usage(format!(
            "--show: {} has no training images that can be read",
            data.name
        )));
    }
    let size = default_input(data);
    let samples = Samples::new(
        data.train.clone(),
        size,
        Resize::Stretch,
        Samples::CACHE_BYTES,
    );
    let threads = MachineConfig::default().thread_count();
    let (mean, _) = samples.mean_std(&DataProgress::default(), threads)?;
    let augment = TrainConfig::default().augment;
    let (seed, count) = (arguments.seed, arguments.count.min(MAX_DRAWN));
    if count < arguments.count.min(images) {
        say_line("note", format!("a figure has at most {MAX_DRAWN} images"));
    }
    let grid = training_batch(&samples, &data.classes, &augment, &mean, seed, count)?;
    let drawn = grid.tiles.len();
    let text = format!(
        "{} of {} training images of {} as the network sees them: {}x{} pixels, {}; {}",
        grouped(drawn),
        grouped(images),
        data.name,
        size.height,
        size.width,
        if size.channels == 1 { "grey" } else { "colour" },
        augmentation_summary(&augment)
    );
    let file = arguments.out.as_path();
    let grid = Grid {
        title: format!("{}: an augmented batch", data.name),
        subtitle: format!("{text}; seed {seed}, epoch 1"),
        ..grid
    };
    write_picture(&grid, file)?;
    if arguments.json {
        print_json(&Json {
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
    paragraph("drawn", text)?;
    if !data.damaged.is_empty() {
        let text = format!(
            "left out {}; `receptive data {}` lists them",
            counted(data.damaged.len(), "damaged file"),
            arguments.data.shell_word()
        );
        paragraph("note", text)?;
    }
    line("file", file.printable())?;
    Ok(Exit::Done)
}
