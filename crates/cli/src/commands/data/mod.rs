//! `receptive data`.

mod batch;

use crate::args::{
    AugmentArgs, LabelArgs, PixelArgs, parse_directory, parse_positive, parse_size, parse_whole,
};
use crate::error::{CliError, Exit, note_with_arguments};
use crate::render::{DataProgress, Table, line, paragraph, print, print_json};
use clap::Args;
use receptive_core::text::{Printable, counted, grouped};
use receptive_data::{
    BadImages, DataOptions, DataSet, DecodeLimits, Duplicates, SizeRange, Split, enumerate, open,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Data set: a name or a path, as for `train`
    #[arg(default_value = "fashion-mini")]
    data: String,
    #[command(flatten)]
    labels: LabelArgs,
    #[command(flatten)]
    max_pixels: PixelArgs,
    /// Directory for named data sets; searched first, and used for downloads
    #[arg(long, value_name = "DIR", value_parser = parse_directory)]
    data_dir: Option<PathBuf>,
    /// Show training images as the network sees them: resized, and augmented epoch by epoch as
    /// `train` does with the same arguments
    #[arg(long)]
    show: bool,
    /// Number of images to show, one per row
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8,
        requires = "show",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    count: usize,
    /// Seed of the split, of the choice of images and of their augmentation, as for `train`
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = parse_whole::<u64>,
        allow_negative_numbers = true
    )]
    seed: u64,
    /// Height and width of the shown images: N, or HEIGHTxWIDTH, as for `train`
    #[arg(long, value_name = "SIZE", requires = "show", value_parser = parse_size)]
    image_size: Option<[usize; 2]>,
    /// Show greyscale images, as with `train --grey`
    #[arg(long, requires = "show")]
    grey: bool,
    #[command(flatten)]
    augment: AugmentArgs,
    /// Preview fine-tuning from this run or these weights: its input size and its default
    /// augmentation
    #[arg(long, value_name = "RUN|WEIGHTS", requires = "show")]
    from: Option<PathBuf>,
    /// Do not download; use cached weights only
    #[arg(long, requires = "from")]
    offline: bool,
    /// Override any augmentation setting, such as train.augment.hue=0.1; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "show")]
    set: Vec<String>,
    /// Output file for the figure (PNG or SVG)
    #[arg(
        long,
        value_name = "FILE",
        default_value = "batch.png",
        requires = "show"
    )]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// If there are more classes, only the largest and the smallest are listed.
const MAX_LISTED: usize = 100;
/// How many of each.
const EXTREMES: usize = 10;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    classes: &'a [String],
    /// For each split, the number of images per class.
    splits: BTreeMap<&'a str, Vec<usize>>,
    width: Option<[usize; 3]>,
    height: Option<[usize; 3]>,
    colours: BTreeMap<String, usize>,
    damaged: Vec<DamagedFile<'a>>,
    /// Number of missing images that a label list names.
    missing: usize,
    /// Number of files in folders next to the classes that contain no images.
    unread: usize,
    /// Numbers of images with equal content.
    duplicates: Duplicates,
    notes: Vec<String>,
    fingerprint: String,
}

#[derive(Serialize)]
struct DamagedFile<'a> {
    path: String,
    reason: &'a str,
}

pub(super) fn run(arguments: &DataArgs) -> Result<Exit, CliError> {
    if arguments.show {
        return batch::draw(arguments);
    }
    if !arguments.augment.is_empty() {
        return Err(CliError::argument(
            "--augment, --mixup and --cutmix",
            "they augment training images, which --show displays; add it, or leave them out",
        ));
    }
    let options = DataOptions {
        data_dir: arguments.data_dir.clone(),
        labels: arguments.labels.labels.clone(),
        label_column: arguments.labels.label_column.clone(),
        group: arguments.labels.group.clone(),
        // This command lists damaged images instead of failing.
        bad_images: BadImages::Skip,
        allow_empty_classes: true,
        // So that the splits are those of `train`.
        seed: arguments.seed,
        decode: DecodeLimits {
            pixels: arguments
                .max_pixels
                .max_pixels
                .unwrap_or(DecodeLimits::DEFAULT_PIXELS),
            ..DecodeLimits::default()
        },
        ..DataOptions::default()
    };
    let data = open(&arguments.data, &options, &DataProgress::default())?;
    if arguments.json {
        print_json(&json(&data))?;
    } else {
        show(arguments, &data)?;
    }
    Ok(Exit::Done)
}

fn notes(data: &DataSet) -> Vec<String> {
    let mut notes = data.notes.clone();
    notes.extend(remarks(data));
    notes
}

/// Notes on training with these data.
fn remarks(data: &DataSet) -> Vec<String> {
    let mut remarks = data.remarks();
    remarks.extend(data.imbalance(false));
    remarks
}

fn json(data: &DataSet) -> Json<'_> {
    let sizes = data.sizes();
    let range = |range: SizeRange| [range.min, range.median, range.max];
    Json {
        name: &data.name,
        classes: &data.classes,
        splits: data
            .splits()
            .map(|split| (split.name(), split.class_counts()))
            .collect(),
        width: sizes.as_ref().map(|sizes| range(sizes.width)),
        height: sizes.as_ref().map(|sizes| range(sizes.height)),
        colours: sizes
            .map(|sizes| sizes.colours.into_iter().collect())
            .unwrap_or_default(),
        damaged: data
            .damaged
            .iter()
            .map(|bad| DamagedFile {
                path: bad.path.to_string_lossy().into_owned(),
                reason: &bad.reason,
            })
            .collect(),
        missing: data.missing,
        unread: data.unread,
        duplicates: data.duplicates,
        notes: notes(data),
        fingerprint: data.fingerprint(),
    }
}

/// The classes to list: all of them or, if there are many, the largest and the smallest, in descending order.
fn listed(classes: usize, images: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..classes).collect();
    if classes > MAX_LISTED {
        all.sort_by_key(|class| (usize::MAX - images(*class), *class));
        all.drain(EXTREMES..classes - EXTREMES);
    }
    all
}

fn show(arguments: &DataArgs, data: &DataSet) -> Result<(), CliError> {
    let splits: Vec<&Split> = data.splits().collect();
    let mut head = vec!["class"];
    head.extend(splits.iter().map(|split| split.name()));
    let mut table = Table::new(&head);
    let counts: Vec<Vec<usize>> = splits.iter().map(|split| split.class_counts()).collect();
    let count = |counts: &Vec<usize>, class: usize| counts.get(class).map_or(0, |n| *n);
    let images = |class: usize| counts.iter().map(|counts| count(counts, class)).sum();
    let listed = listed(data.classes.len(), images);
    for class in &listed {
        let mut row = vec![data.classes[*class].clone()];
        row.extend(
            counts
                .iter()
                .map(|counts| count(counts, *class).to_string()),
        );
        table.row(row);
    }
    // There may be a class named `all`.
    let total = match data.classes.iter().any(|class| class == "all") {
        true => "(all classes)",
        false => "all",
    };
    let mut sum = vec![total.to_string()];
    sum.extend(splits.iter().map(|split| split.len().to_string()));
    table.row(sum);
    print(format!("{}\n\n{table}", data.name))?;
    if listed.len() < data.classes.len() {
        print(format!(
            "\nThese are the {EXTREMES} largest and the {EXTREMES} smallest of {} classes; --json \
             lists all.",
            grouped(data.classes.len())
        ))?;
    }
    if let Some(sizes) = data.sizes() {
        let range = |range: SizeRange| match range.min == range.max {
            true => format!("{} pixels", range.min),
            false => format!(
                "{} to {} pixels, median {}",
                range.min, range.max, range.median
            ),
        };
        print("")?;
        line("width", range(sizes.width))?;
        line("height", range(sizes.height))?;
        let colours: Vec<String> = sizes
            .colours
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        line("colours", colours.join(", "))?;
    }
    // Damaged files are listed below, each with its reason.
    for note in data.notes_beside_damage().cloned().chain(remarks(data)) {
        paragraph("note", note_with_arguments(&note))?;
    }
    // Training rejects a class without readable images, however damaged images are handled.
    let has_lost = !data.damaged.is_empty() || data.missing > 0 || data.unread > 0;
    let counts = data.train.class_counts();
    let lost = (0..counts.len()).filter(|class| counts[*class] == 0 && has_lost);
    let lost = lost.map(|class| data.classes[class].clone());
    let lost: Vec<String> = lost.chain(data.lost_classes.clone()).collect();
    let skip = if has_lost { " --bad-images skip" } else { "" };
    if !data.damaged.is_empty() {
        print(format!(
            "\n{}:",
            counted(data.damaged.len(), "damaged file")
        ))?;
        for bad in &data.damaged {
            let reason = bad.reason.replace("data.max_pixels", "--max-pixels");
            print(format!("  {}: {reason}", bad.path.printable()))?;
        }
        print("")?;
    }
    if !lost.is_empty() {
        let lost = enumerate(&lost);
        return paragraph(
            "next",
            format!(
                "repair or restore the images of {lost}, or remove the class: none of them can be used"
            ),
        );
    }
    let pixels = arguments
        .max_pixels
        .max_pixels
        .map_or(String::new(), |pixels| {
            format!(" --set data.max_pixels={pixels}")
        });
    let seed = match arguments.seed {
        0 => String::new(),
        seed => format!(" --seed {seed}"),
    };
    line(
        "next",
        format!(
            "receptive train {}{}{pixels}{seed}{skip}",
            arguments.data.shell_word(),
            arguments.labels.words()
        ),
    )
}
