//! `receptive data --show`: training images as a network sees them.

use super::super::write_picture;
use super::DataArgs;
use crate::error::{CliError, Exit};
use crate::render::{DataProgress, line, paragraph, print_json, say_line};
use receptive_core::text::{Printable, counted, grouped};
use receptive_data::{Augment, DataSet, ImageSize, Resize, Samples};
use receptive_inspect::{TrainingView, augmentation_summary};
use receptive_model::presets;
use receptive_plot::{Grid, Sheet};
use receptive_train::config::{Open, with_overrides};
use receptive_train::{MachineConfig, RunConfig, TrainConfig, default_input};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Epochs that an image is drawn in.
const EPOCHS: u64 = 7;
/// Mixed images that are drawn.
const MIXED: usize = 16;

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    file: &'a Path,
    images: usize,
    /// All training images.
    of: usize,
    /// How often each was changed at random.
    epochs: u64,
    input: ImageSize,
    seed: u64,
    augment: &'a Augment,
}

/// Images that one figure has room for, a row each.
const MAX_DRAWN: usize = 64;

/// How `train` trains with the same arguments.
fn training(data: &DataSet, arguments: &DataArgs) -> Result<TrainConfig, CliError> {
    let mut config = RunConfig::preset(presets::DEFAULT)?;
    arguments.augment.apply(&mut config.train.augment);
    let other = |key: &&String| !key.trim_start().starts_with("train.augment");
    if let Some(key) = arguments.set.iter().find(other) {
        return Err(CliError::Usage(format!(
            "--set {key}: only settings of random changes have an influence here; use \
             train.augment.NAME=VALUE"
        )));
    }
    let mut config = with_overrides(&config, &arguments.set)?;
    config.train.augment.check()?;
    let is_given = arguments.augment.is_none() || !arguments.set.is_empty();
    let open = Open::except(|setting| setting == "train.augment" && is_given);
    open.choose_for(&mut config, data);
    Ok(config.train)
}

pub(super) fn draw(data: &DataSet, arguments: &DataArgs) -> Result<Exit, CliError> {
    let images = data.train.len();
    if images == 0 {
        return Err(CliError::Usage(format!(
            "--show: {} has no training images that can be read",
            data.name
        )));
    }
    let train = training(data, arguments)?;
    let size = default_input(data);
    let samples = Arc::new(Samples::new(
        data.train.clone(),
        size,
        Resize::Stretch,
        Samples::CACHE_BYTES,
    ));
    let threads = MachineConfig::default().thread_count();
    let (mean, std) = samples.mean_std(&DataProgress::default(), threads)?;
    let (augment, seed) = (&train.augment, arguments.seed);
    let count = arguments.count.min(MAX_DRAWN);
    if count < arguments.count.min(images) {
        say_line("note", format!("a figure has at most {MAX_DRAWN} images"));
    }
    let view = TrainingView {
        samples: &samples,
        classes: &data.classes,
        augment,
        mean: &mean,
        std: &std,
        seed,
    };
    let epochs = view.epochs(count, EPOCHS)?;
    let drawn = epochs.row_names.len();
    let text = format!(
        "{} of {} training images of {} as the network sees them: {}x{} pixels, {}; {}",
        grouped(drawn),
        grouped(images),
        data.name,
        size.height,
        size.width,
        if size.channels == 1 { "grey" } else { "colour" },
        augmentation_summary(augment)
    );
    let file = arguments.out.as_path();
    let title = format!("{}: training images", data.name);
    let subtitle = format!("{text}; seed {seed}");
    match augment.mix() {
        Some(_) => {
            let mixed = Grid {
                title: "Mixed".into(),
                subtitle: "The first epoch's first batch, with the share of each class".into(),
                ..view.batch(MIXED, train.batch_size)?
            };
            let single = Grid {
                title: "Before they are mixed".into(),
                ..epochs
            };
            let sheet = Sheet::new(&title).subtitle(&subtitle);
            write_picture(&sheet.row(&[&single])?.row(&[&mixed])?, file)?;
        }
        None => {
            let grid = Grid {
                title,
                subtitle,
                ..epochs
            };
            write_picture(&grid, file)?;
        }
    }
    if arguments.json {
        print_json(&Json {
            name: &data.name,
            file,
            images: drawn,
            of: images,
            epochs: EPOCHS,
            input: size,
            seed,
            augment,
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
