//! `receptive report`.

use super::erf::parse_samples;
use super::network::check_is_model;
use super::run::remedies;
use crate::args::{MachineArgs, parse_directory, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{
    DataProgress, MeasureProgress, TrainProgress, line, paragraph, print_json, say_paragraph,
};
use clap::Args;
use receptive_core::file::read_head;
use receptive_core::mark;
use receptive_core::seal::{is_edited, sealed};
use receptive_core::text::{Printable, grouped, percent, plural};
use receptive_model::Artifact;
use receptive_model::store::write_file;
use receptive_report::{Figures, Report, ReportOptions, Watch};
use receptive_train::RunDirectory;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Run directory
    run: PathBuf,
    /// Output file [default: report.html in the run directory]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// New path of the run's data, if it was moved; images keep their splits
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    /// New path of the run's label list, if it was moved
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Directory for named data sets; searched first, and used for downloads
    #[arg(long, value_name = "DIR", value_parser = parse_directory)]
    data_dir: Option<PathBuf>,
    /// Measure the effective receptive field on at most N images
    #[arg(
        long,
        value_name = "N",
        default_value_t = 400,
        value_parser = parse_samples,
        allow_negative_numbers = true
    )]
    samples: u64,
    /// Show the N images with the largest losses
    #[arg(
        long,
        value_name = "N",
        default_value_t = 24,
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    losses: usize,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    file: String,
    bytes: usize,
    #[serde(flatten)]
    figures: &'a Figures,
}

pub(super) fn run(arguments: &ReportArgs) -> Result<Exit, CliError> {
    let (backend, threads) = arguments.machine.backend()?;
    let device = backend.device()?;
    check_is_run(&arguments.run)?;
    let run = RunDirectory::open(&arguments.run)?;
    let default = run.path().join("report.html");
    let file = arguments.out.as_deref().unwrap_or(&default);
    let is_own =
        |head: Vec<u8>| mark::is_on(&head) && !fs::read(file).is_ok_and(|page| is_edited(&page));
    if file.is_file() && !read_head(file, mark::HEAD_BYTES).is_ok_and(is_own) {
        return Err(CliError::argument(
            "--out",
            format!(
                "{} is not a report as receptive wrote it, and would be overwritten; give another name",
                file.printable()
            ),
        ));
    }
    let options = ReportOptions {
        threads,
        samples: arguments.samples,
        losses: arguments.losses,
        data: arguments.data.clone(),
        labels: arguments.labels.clone(),
        data_dir: arguments.data_dir.clone(),
        remedies: remedies("report", run.path(), arguments.data.as_deref()),
        ..ReportOptions::default()
    };
    let mut evaluation = TrainProgress::default();
    let field = MeasureProgress::new("receptive field");
    let report = Report::new(
        &run,
        &options,
        &device,
        &mut Watch {
            data: &DataProgress::default(),
            evaluation: &mut |split, done, total| {
                evaluation.show_evaluation(split, done, total);
            },
            field: &|done, most, noise| field.show(done, most, noise),
        },
    )?;
    evaluation.clear();
    drop(field);
    for note in report.notes() {
        say_paragraph("note", note);
    }
    let page = sealed(report.html(), ["<!-- ", " -->"]);
    write_file(file, page.as_bytes()).inspect_err(|_| {
        if arguments.out.is_none() {
            say_paragraph("note", "--out FILE writes the report to another path");
        }
    })?;
    let figures = report.figures();
    if arguments.json {
        print_json(&Json {
            file: file.to_string_lossy().into_owned(),
            bytes: page.len(),
            figures: &figures,
        })?;
    } else {
        show(file, page.len(), &figures)?;
    }
    Ok(Exit::Done)
}

/// Rejects a model without a run, such as an imported one, because a report describes a training run.
fn check_is_run(run: &Path) -> Result<(), CliError> {
    check_is_model(run)?;
    if !Artifact::is_at(run) {
        return Ok(());
    }
    let word = run.shell_word();
    Err(match RunDirectory::around(run) {
        Some(around) => CliError::Usage(format!(
            "{} is the model of a run; name the run: `receptive report {}`",
            run.printable(),
            around.path().shell_word()
        )),
        None => CliError::Usage(format!(
            "{} is a model without a training run, so there is nothing to report; inspect it with \
             `receptive evaluate {word} DATA`, `receptive erf {word}`, `receptive features \
             {word}` and `receptive attend {word} IMAGE`, or fine-tune it on your own data: \
             `receptive train DATA --from {word}`",
            run.printable()
        )),
    })
}

fn show(file: &Path, bytes: usize, figures: &Figures) -> Result<(), CliError> {
    if let (Some(split), Some(images), Some(top1)) = (figures.split, figures.images, figures.top1) {
        let (top1, noun, images) = (percent(top1), plural(images, "image"), grouped(images));
        let recall = figures.mean_recall.map_or(String::new(), |recall| {
            format!(", mean recall {}", percent(recall))
        });
        line(
            "top-1",
            format!("{top1}{recall} ({images} {noun}, {split} split)"),
        )?;
    }
    if let (Some(sigma), Some(verdict)) = (figures.erf_sigma, &figures.erf_verdict) {
        line("field", format!("sigma {sigma:.2} pixels, {verdict}"))?;
    }
    for missing in &figures.missing {
        paragraph(
            "missing",
            format!("{}: {}", missing.section, missing.reason),
        )?;
    }
    let (file, kib) = (file.printable(), grouped(bytes >> 10));
    line("file", format!("{file} ({kib} KiB); open it in a browser"))
}
