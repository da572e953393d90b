//! `train --seeds` and `train --folds`: several runs of one config.

use super::messages::show_gain_rows;
use super::shared::new_directory;
use super::{TrainArgs, apply, config, new_paths, overrides};
use crate::commands::run::{NewPaths, adopt_machine, set_network};
use crate::error::{CliError, Exit};
use crate::machine::compute;
use crate::ranks;
use crate::render::{
    DataProgress, SeriesProgress, Table, Tui, print, print_json, say_line, say_paragraph,
    wide_line, wide_paragraph,
};
use crate::signals;
use receptive_core::file::write_over_own;
use receptive_core::mark;
use receptive_core::proportion::wilson;
use receptive_core::seal::sealed;
use receptive_core::text::{Printable, counted, duration, percent};
use receptive_data::enumerate;
use receptive_report::series_page;
use receptive_train::config::with_overrides;
use receptive_train::{
    OutOfFold, RunDirectory, RunSummary, Series, SeriesKind, SeriesMeans, SeriesSummary, Spread,
};
use serde::Serialize;
use std::path::Path;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    series: String,
    signal: Option<usize>,
    #[serde(flatten)]
    summary: &'a SeriesSummary,
}

/// The kind of series, if any.
pub(super) fn kind(arguments: &TrainArgs, seed: u64) -> Option<SeriesKind> {
    let seeds = arguments
        .seeds
        .map(|count| SeriesKind::Seeds { first: seed, count });
    let folds = arguments.folds.map(|count| SeriesKind::Folds { count });
    seeds.or(folds)
}

/// Starts a new series of runs.
pub(super) fn start(arguments: &TrainArgs) -> Result<Exit, CliError> {
    let (base, input_from, open) = config(arguments)?;
    let Some(kind) = kind(arguments, base.train.seed) else {
        return Err(CliError::argument(
            "--seeds or --folds",
            "one of them is required",
        ));
    };
    Series::check(kind, &base)?;
    let directory = new_directory(arguments.run_dir.as_deref(), ranks::joined().as_deref())?;
    let series = Series::create(directory.run(), kind, base, input_from, open)?;
    run(arguments, &series).inspect_err(|_| series.discard_unless_begun())
}

/// Resumes a stopped series with its own settings.
pub(super) fn resume(arguments: &TrainArgs, path: &Path) -> Result<Exit, CliError> {
    let directory = Series::replica(ranks::joined().as_deref(), path)?;
    let series = Series::open(directory.path())?;
    let mut base = series.base().clone();
    new_paths(arguments).find(&mut base.data, "train --resume", path)?;
    let mut wanted = base.clone();
    set_network(&mut wanted, &arguments.network);
    adopt_machine(&mut base, &wanted);
    apply(arguments, &mut wanted);
    if with_overrides(&wanted, &overrides(arguments))? != base {
        return Err(CliError::argument(
            "--resume",
            format!(
                "{} is a series of runs, which keep their settings; leave the other arguments out, or \
                 start a new series",
                path.printable()
            ),
        ));
    }
    run(arguments, &series.with_base(base))
}

fn run(arguments: &TrainArgs, series: &Series) -> Result<Exit, CliError> {
    if arguments.tui == Tui::On {
        return Err(CliError::argument(
            "--tui on",
            "there is no live view for several runs; omit the option",
        ));
    }
    let compute = compute(&series.base().machine)?;
    let runs = series.kind().runs(series.base()).len();
    let what = match series.kind() {
        SeriesKind::Seeds { first, .. } => {
            format!("{}, first seed {first}", counted(runs, "run"))
        }
        SeriesKind::Folds { .. } => format!("cross-validation with {}", counted(runs, "fold")),
    };
    say_line("series", format!("{}: {what}", series.path().printable()));
    let stop = signals::stop_on_signals()?;
    signals::quit_on_second(&stop)?;
    let mut progress = SeriesProgress::default();
    let (summary, signal) = series.run(&compute, &stop, &DataProgress::default(), &mut progress)?;
    progress.clear();
    let exit = Exit::of_runs(signal, summary.with_result().next().is_some());
    if !compute.is_first() {
        return Ok(exit);
    }
    let moved = new_paths(arguments);
    if signal.is_some() {
        say_stopped(series, &summary, moved);
    }
    let is_gone = |name: &String| RunDirectory::open(&series.path().join(name)).is_err();
    let finished = summary.with_result().map(|run| run.name.clone());
    let gone: Vec<String> = finished.filter(is_gone).collect();
    if !gone.is_empty() {
        say_paragraph(
            "note",
            format!(
                "no longer in the directory: {}; the results are kept",
                enumerate(&gone)
            ),
        );
    }
    let changed = series.changed_runs(&summary);
    if !changed.is_empty() {
        say_paragraph(
            "note",
            format!(
                "trained further since the series measured it: {}; its results here are those of the series' settings",
                enumerate(&changed)
            ),
        );
    }
    // The result is there, whatever becomes of the page.
    let (page, file) = (
        series_page(&summary, series.path()),
        series.path().join(Series::REPORT),
    );
    let page = sealed(page, ["<!-- ", " -->"]);
    if let Err(error) = write_over_own(&file, page.as_bytes(), mark::is_on) {
        let file = file.printable();
        say_paragraph("note", format!("could not write the page {file}: {error}"));
    }
    if arguments.json {
        print_json(&Json {
            series: series.path().to_string_lossy().into_owned(),
            signal,
            summary: &summary,
        })?;
    } else {
        show(series, &summary, &[changed, gone].concat(), moved)?;
    }
    Ok(exit)
}

/// Prints the progress of a stopped series, and how to continue it.
fn say_stopped(series: &Series, summary: &SeriesSummary, moved: NewPaths<'_>) {
    let noun = summary.kind.noun();
    let runs = series.kind().runs(series.base());
    let is_done = |name: &str| summary.runs.iter().any(|run| run.name == name);
    let begun = runs.iter().find(|run| {
        !is_done(&run.name) && RunDirectory::open(&series.path().join(&run.name)).is_ok()
    });
    let begun = begun.map_or(String::new(), |run| format!(", {} begun", run.name));
    say_paragraph(
        "stopped",
        format!(
            "with {} of {} done{begun}; resume with `receptive train --resume {}{}`",
            summary.runs.len(),
            counted(runs.len(), noun),
            series.path().shell_word(),
            moved.flags()
        ),
    );
}

/// `unfit` are the finished runs that were deleted or changed since.
fn show(
    series: &Series,
    summary: &SeriesSummary,
    unfit: &[String],
    moved: NewPaths<'_>,
) -> Result<(), CliError> {
    let path = series.path().shell_word();
    if !summary.runs.is_empty() {
        print(table(summary).to_string())?;
        print("")?;
    }
    if let Some(means) = &summary.means {
        show_means(summary, means)?;
    }
    if let Some(OutOfFold {
        images,
        top1,
        mean_recall,
        gain,
        ..
    }) = &summary.out_of_fold
    {
        let recall = mean_recall.map_or(String::new(), |recall| {
            format!(", mean recall {}", percent(recall))
        });
        let right = (top1 * *images as f64).round() as usize;
        let interval = wilson(right, *images).map_or(String::new(), |[low, high]| {
            format!(" (95 % interval {:.1} to {})", 100.0 * low, percent(high))
        });
        let top1 = percent(*top1);
        wide_line("all folds", format!("top-1 {top1}{interval}{recall}"))?;
        if let Some(gain) = gain {
            show_gain_rows(gain)?;
            wide_paragraph("gain", gain.verdict())?;
        }
    }
    let files = [Series::REPORT, Series::SUMMARY].into_iter();
    let files: Vec<String> = files
        .filter(|file| series.path().join(file).exists())
        .map(String::from)
        .chain((!summary.runs.is_empty()).then(|| {
            let exists = |run: &&RunSummary| series.path().join(&run.name).is_dir();
            counted(summary.runs.iter().filter(exists).count(), "run")
        }))
        .collect();
    wide_line(
        "files",
        format!("in {}: {}", series.path().printable(), files.join(", ")),
    )?;
    let (flags, data) = (moved.flags(), moved.arguments(&series.base().data));
    let next = match (summary.kind, summary.with_result().next()) {
        _ if summary.remaining > 0 => format!("receptive train --resume {path}{flags}"),
        // The final network is trained on the images of all folds.
        (SeriesKind::Folds { .. }, _) => {
            let is_fit = |run: &&RunSummary| !unfit.contains(&run.name);
            let run = summary.with_result().find(is_fit);
            let fold = run.map_or("fold-1", |run| &run.name);
            format!(
                "receptive train{data} --config {path}/{fold}/config.toml --set data.fold=none --set data.test_fraction=0"
            )
        }
        (_, Some(run)) => format!("receptive report {path}/{}{flags}", run.name),
        _ => return Ok(()),
    };
    wide_line("next", next)
}

fn table(summary: &SeriesSummary) -> Table {
    let split = summary.means.as_ref().map_or("test", |means| &means.split);
    let mut table = Table::new(&[
        "run",
        "images",
        "top-1",
        "mean recall",
        "loss",
        "epoch",
        "time",
    ]);
    let dash = || String::from("-");
    for run in &summary.runs {
        let figures = if split == "test" { run.test } else { run.val };
        let epoch = match &run.failed {
            Some(_) => "failed".into(),
            None if run.epochs == 0 => "head only".into(),
            None => format!("{} of {}", run.best_epoch, run.epochs),
        };
        let of =
            |text: &dyn Fn(receptive_train::RunFigures) -> String| figures.map_or_else(dash, text);
        table.row([
            run.name.clone(),
            of(&|one| one.images.to_string()),
            of(&|one| percent(one.top1)),
            of(&|one| one.mean_recall.map_or_else(dash, percent)),
            of(&|one| format!("{:.3}", one.loss)),
            epoch,
            duration(run.train_seconds),
        ]);
    }
    table
}

fn show_means(summary: &SeriesSummary, means: &SeriesMeans) -> Result<(), CliError> {
    let share = |value: f64| format!("{:.1}", 100.0 * value);
    let noun = summary.kind.noun();
    let words = |spread: &Spread, number: &dyn Fn(f64) -> String, unit: &str| {
        let mean = number(spread.mean);
        match (summary.kind, spread.interval, spread.deviation) {
            (SeriesKind::Seeds { .. }, Some([low, high]), _) => format!(
                "{mean}{unit} (95 % interval {} to {}{unit}, {})",
                number(low),
                number(high),
                counted(spread.count, noun)
            ),
            (SeriesKind::Folds { .. }, _, Some(deviation)) => format!(
                "{mean}{unit} +- {}{unit} (standard deviation of {})",
                number(deviation),
                counted(spread.count, noun)
            ),
            _ => format!(
                "{mean}{unit} ({}: {})",
                only(summary),
                missing_spread(summary.kind)
            ),
        }
    };
    if means.split != "test" {
        wide_line(
            "split",
            "the validation images, since not every run has test images",
        )?;
    }
    wide_line(
        "mean",
        format!("top-1 {}", words(&means.top1, &share, " %")),
    )?;
    if let Some(recall) = &means.mean_recall {
        wide_line("", format!("mean recall {}", words(recall, &share, " %")))?;
    }
    let loss = words(&means.loss, &|loss| format!("{loss:.3}"), "");
    wide_line("", format!("loss {loss}"))?;
    let Some(gain) = &means.gain else {
        return Ok(());
    };
    for (name, top1) in gain.rows() {
        wide_line("", format!("{name}: top-1 {}", words(top1, &share, " %")))?;
    }
    wide_paragraph("gain", gain.verdict())
}

/// The number of runs with a result: `1 of 5 seeds`.
fn only(summary: &SeriesSummary) -> String {
    let all = summary.runs.len() + summary.remaining;
    format!("1 of {}", counted(all, summary.kind.noun()))
}

/// The statistic that cannot be computed from a single result.
fn missing_spread(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Seeds { .. } => "no interval",
        SeriesKind::Folds { .. } => "no deviation",
    }
}
