mod batch;

use super::{paragraph, print, print_json};
use crate::args::DataArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, Table};
use receptive_data::{BadImages, DataOptions, DataSet, SizeRange, Split, open};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    classes: &'a [String],
    /// For each split, the images of each class.
    splits: BTreeMap<&'a str, Vec<usize>>,
    width: Option<[usize; 3]>,
    height: Option<[usize; 3]>,
    colours: BTreeMap<String, usize>,
    damaged: Vec<Bad<'a>>,
    notes: &'a [String],
    fingerprint: String,
}

#[derive(Serialize)]
struct Bad<'a> {
    path: String,
    reason: &'a str,
}

pub(super) fn run(arguments: &DataArgs) -> Result<Exit, CliError> {
    let options = DataOptions {
        data_dir: arguments.data_dir.clone(),
        // Listing what is damaged is this command's job, not failing over it.
        bad_images: BadImages::Skip,
        allow_empty_classes: true,
        // As `train` splits it.
        seed: arguments.seed,
        ..DataOptions::default()
    };
    let data = open(&arguments.data, &options, &DataProgress::default())?;
    if arguments.show {
        return batch::draw(&data, arguments);
    }
    if arguments.json {
        print_json(&shown(&data))?;
    } else {
        show(&data)?;
    }
    Ok(Exit::Done)
}

fn shown(data: &DataSet) -> Shown<'_> {
    let sizes = data.sizes();
    let range = |range: SizeRange| [range.min, range.median, range.max];
    Shown {
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
            .map(|bad| Bad {
                path: bad.path.display().to_string(),
                reason: &bad.reason,
            })
            .collect(),
        notes: &data.notes,
        fingerprint: data.fingerprint(),
    }
}

fn show(data: &DataSet) -> Result<(), CliError> {
    let splits: Vec<&Split> = data.splits().collect();
    let mut head = vec!["class"];
    head.extend(splits.iter().map(|split| split.name()));
    let mut table = Table::new(&head);
    let counts: Vec<Vec<usize>> = splits.iter().map(|split| split.class_counts()).collect();
    for (class, name) in data.classes.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend(
            counts
                .iter()
                .map(|counts| counts.get(class).map_or(0, |n| *n).to_string()),
        );
        table.row(row);
    }
    let mut sum = vec!["all".to_string()];
    sum.extend(splits.iter().map(|split| split.len().to_string()));
    table.row(sum);
    print(format!("{}\n\n{table}", data.name))?;
    if let Some(sizes) = data.sizes() {
        let range = |range: SizeRange| match range.min == range.max {
            true => format!("{} pixels", range.min),
            false => format!(
                "{} to {} pixels, median {}",
                range.min, range.max, range.median
            ),
        };
        print(format!(
            "\nwidth    {}\nheight   {}",
            range(sizes.width),
            range(sizes.height)
        ))?;
        let colours: Vec<String> = sizes
            .colours
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        print(format!("colours  {}", colours.join(", ")))?;
    }
    for note in &data.notes {
        print(paragraph("note     ", note))?;
    }
    let mut skip = "";
    if !data.damaged.is_empty() {
        print(format!("\n{} damaged files:", data.damaged.len()))?;
        for bad in &data.damaged {
            print(format!("  {}: {}", bad.path.display(), bad.reason))?;
        }
        print("")?;
        skip = " --bad-images skip";
    }
    print(format!("next     receptive train {}{skip}", data.name))
}
