use super::{machine, not_understood, paragraph, percent, print, print_json};
use crate::args::ReportArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, MeasureProgress, TrainProgress};
use receptive_model::artifact::store::write_file;
use receptive_plot::grouped;
use receptive_report::{Figures, Options, Report, Watch};
use receptive_train::RunDirectory;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    bytes: usize,
    #[serde(flatten)]
    figures: &'a Figures,
}

pub(super) fn run(arguments: &ReportArgs) -> Result<Exit, CliError> {
    if arguments.samples == 0 {
        return Err(not_understood("--samples", "it is 0; use 1 or more".into()));
    }
    let (backend, threads) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let run = RunDirectory::open(&arguments.run)?;
    let options = Options {
        threads,
        samples: arguments.samples,
        losses: arguments.losses,
        data: arguments.data.clone(),
        data_dir: arguments.data_dir.clone(),
        ..Options::default()
    };
    let mut evaluation = TrainProgress::default();
    let field = MeasureProgress::new("receptive field");
    let report = Report::of(
        &run,
        &options,
        &device,
        &mut Watch {
            data: &DataProgress::default(),
            evaluation: &mut evaluation,
            field: &|done, most, noise| field.show(done, most, noise),
        },
    )?;
    evaluation.clear();
    drop(field);
    let page = report.html();
    let usual = run.path().join("report.html");
    let file = arguments.out.as_deref().unwrap_or(&usual);
    write_file(file, page.as_bytes())?;
    let figures = report.figures();
    if arguments.json {
        print_json(&Shown {
            file: file.display().to_string(),
            bytes: page.len(),
            figures: &figures,
        })?;
    } else {
        show(file, page.len(), &figures)?;
    }
    Ok(Exit::Done)
}

fn show(file: &Path, bytes: usize, figures: &Figures) -> Result<(), CliError> {
    if let (Some(split), Some(images), Some(top1)) = (figures.split, figures.images, figures.top1) {
        print(format!(
            "top-1    {} ({} images, {split} split)",
            percent(top1),
            grouped(images)
        ))?;
    }
    if let (Some(sigma), Some(verdict)) = (figures.erf_sigma, &figures.erf_verdict) {
        print(format!("field    sigma {sigma:.2} pixels, {verdict}"))?;
    }
    for missing in &figures.missing {
        let words = format!("{}: {}", missing.section, missing.reason);
        print(paragraph("missing  ", &words))?;
    }
    print(format!(
        "file     {} ({} KiB); open it in a browser",
        file.display(),
        grouped(bytes >> 10)
    ))
}
