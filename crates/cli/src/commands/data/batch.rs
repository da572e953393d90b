//! `receptive data --show`: training images as the network sees them.

use super::super::run::RunSettings;
use super::super::write_picture;
use super::DataArgs;
use crate::args::{DeviceArgs, MachineArgs, NetworkArgs, SourceArgs};
use crate::error::{CliError, Exit};
use crate::render::{DataProgress, line, paragraph, print_json, say_line};
use receptive_core::text::{Printable, counted, grouped};
use receptive_data::{Augment, BadImages, ImageSize};
use receptive_inspect::{TrainingView, augmentation_summary};
use receptive_plot::{Grid, Sheet};
use receptive_train::{RunSetup, prepare_open};
use serde::Serialize;
use std::path::Path;

/// Number of epochs shown for each image.
const EPOCHS: u64 = 7;
/// Number of mixed images shown.
const MIXED: usize = 16;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    file: &'a Path,
    images: usize,
    /// Number of training images.
    of: usize,
    /// Number of augmented versions of each.
    epochs: u64,
    input: ImageSize,
    seed: u64,
    augment: &'a Augment,
}

/// Maximum number of images in one figure, one per row.
const MAX_DRAWN: usize = 64;

/// The setup that `train` derives from the same arguments.
fn setup(arguments: &DataArgs) -> Result<RunSetup, CliError> {
    let other = |key: &&String| !key.trim_start().starts_with("train.augment");
    if let Some(key) = arguments.set.iter().find(other) {
        let problem = "only augmentation settings apply here; use train.augment.NAME=VALUE";
        return Err(CliError::argument(&format!("--set {key}"), problem));
    }
    let network = NetworkArgs {
        data: Some(arguments.data.clone()),
        preset: None,
        config: None,
        from: arguments.from.clone(),
        offline: arguments.offline,
        freeze: None,
        set: arguments.set.clone(),
        batch_size: None,
        accumulate: None,
        optimizer: None,
        precision: None,
        stochastic_depth: None,
        image_size: arguments.image_size,
        grey: arguments.grey,
        balance: None,
        augment: arguments.augment.clone(),
        seed: Some(arguments.seed),
        workers: None,
        source: SourceArgs {
            labels: arguments.labels.clone(),
            data_dir: arguments.data_dir.clone(),
            // Damaged images are reported below.
            bad_images: Some(BadImages::Skip),
            limit: None,
        },
        devices: DeviceArgs {
            machine: MachineArgs {
                backend: None,
                threads: None,
            },
            devices: Vec::new(),
        },
    };
    let (mut config, input_from, open) =
        RunSettings::from_args(&network)?.finish(&arguments.set)?;
    config.data.max_pixels = arguments
        .max_pixels
        .max_pixels
        .unwrap_or(config.data.max_pixels);
    Ok(prepare_open(
        config,
        open,
        input_from,
        &DataProgress::default(),
    )?)
}

pub(super) fn draw(arguments: &DataArgs) -> Result<Exit, CliError> {
    let RunSetup {
        config,
        data,
        input,
        train: samples,
        ..
    } = setup(arguments)?;
    let (train, images, size) = (&config.train, samples.len(), input.size());
    let (mean, std) = (&input.mean, &input.std);
    let (augment, seed) = (&train.augment, arguments.seed);
    let count = arguments.count.min(MAX_DRAWN);
    if count < arguments.count.min(images) {
        say_line("note", format!("a figure has at most {MAX_DRAWN} images"));
    }
    let view = TrainingView {
        samples: &samples,
        classes: &data.classes,
        augment,
        mean,
        std,
        seed,
    };
    let epochs = view.epochs(count, EPOCHS)?;
    let drawn = epochs.row_names.len();
    // Fine-tuning augments images differently from training with random initial weights.
    let command = match &arguments.from {
        Some(from) => format!("`train --from {}`", from.shell_word()),
        None => "`train`".into(),
    };
    let text = format!(
        "{} of {} training images of {} as {} shows them to the network: {}x{} pixels, {}; {}",
        grouped(drawn),
        grouped(images),
        data.name,
        command,
        size.height,
        size.width,
        if size.channels == 1 { "grey" } else { "colour" },
        augmentation_summary(augment)
    );
    let file = arguments.out.as_path();
    let title = format!("{}: training images", data.name);
    let subtitle = format!("{text}; seed {seed}");
    match view.mixed(MIXED, train.batch_size)? {
        Some((mixed, subtitle_of_mixed)) => {
            let mixed = Grid {
                title: "Mixed".into(),
                subtitle: subtitle_of_mixed,
                ..mixed
            };
            let single = Grid {
                title: "Before mixing".into(),
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
