//! `receptive lr-find`.

use super::run::{RunSettings, optimizer_override};
use crate::args::{NetworkArgs, parse_number, parse_positive};
use crate::error::{CliError, Exit};
use crate::render::{DataProgress, StepProgress, print_json, wide_line, wide_paragraph};
use clap::Args;
use receptive_core::text::Printable;
use receptive_train::trial::{LrFind, LrProgress, RangeTest, lr_find};
use receptive_train::{TrainError, prepare_open};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct LrFindArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// First learning rate
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = RangeTest::default().from,
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    from_rate: f64,
    /// Last learning rate; the test ends earlier if the loss diverges
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = RangeTest::default().to,
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    to_rate: f64,
    /// Number of steps from the first rate to the last
    #[arg(
        long,
        value_name = "N",
        default_value_t = RangeTest::default().steps,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    steps: usize,
    /// Output directory for lr.png and lr.csv
    #[arg(long, value_name = "DIR", default_value = "lr-find")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    /// The suggested rate.
    learning_rate: Option<f64>,
    #[serde(flatten)]
    found: &'a LrFind,
    /// The directory of the figure and the table; null if they could not be written.
    out: Option<String>,
}

pub(super) fn run(arguments: &LrFindArgs) -> Result<Exit, CliError> {
    let test = RangeTest {
        from: arguments.from_rate,
        to: arguments.to_rate,
        steps: arguments.steps,
    };
    test.check()?;
    let kind = optimizer_override(&arguments.network);
    let overrides: Vec<String> = kind
        .into_iter()
        .chain(arguments.network.set.clone())
        .collect();
    let (config, input_from, open) = RunSettings::from_args(&arguments.network)?
        .finish(&overrides)
        .map_err(without_hint)?;
    let compute = config.machine.compute()?;
    let prepared = prepare_open(config, open, input_from, &DataProgress::default())
        .map_err(|error| without_hint(error.into()))?;
    let progress = StepProgress::new("learning rates", test.steps as u64);
    let found = lr_find(&prepared, test, &compute, &mut |so_far| match so_far {
        LrProgress::Features { done, total } => {
            progress.show(done as u64, total as u64, "images, to fit the head first");
        }
        LrProgress::Step(tried) => {
            let status = format!(
                "rate {:.1e}, loss {:.3}",
                tried.learning_rate, tried.smoothed
            );
            progress.show(tried.step as u64, test.steps as u64, &status);
        }
    })?;
    drop(progress);
    // The rates are found, whatever becomes of the files.
    let written = found.write(&arguments.out, &prepared.data.name);
    let out = written.is_ok().then_some(&*arguments.out);
    if arguments.json {
        print_json(&Json {
            learning_rate: found.rates.map(|rates| rates.valley),
            found: &found,
            out: out.map(|out| out.to_string_lossy().into_owned()),
        })?;
    } else {
        show(&found, out)?;
    }
    written?;
    Ok(Exit::Done)
}

/// Removes the hint from an error about a setting for which only `train` has an argument.
fn without_hint(error: CliError) -> CliError {
    const OF_TRAIN: [&str; 5] = [
        "train.epochs",
        "train.optimizer.learning_rate",
        "train.early_stopping.patience",
        "checkpoint.every",
        "track_erf",
    ];
    match error {
        CliError::Train(error @ TrainError::Setting { .. }) => match &error {
            TrainError::Setting { setting, .. } if OF_TRAIN.contains(&setting.as_str()) => {
                CliError::Usage(error.to_string())
            }
            _ => error.into(),
        },
        other => other,
    }
}

fn show(found: &LrFind, out: Option<&Path>) -> Result<(), CliError> {
    let last = found.tried.last().map_or(0.0, |tried| tried.learning_rate);
    let end = if found.diverged {
        ", where the loss diverged"
    } else {
        ""
    };
    let (rates, first) = (found.tried.len(), found.test.from);
    wide_line(
        "tried",
        format!("{rates} rates from {first:.1e} to {last:.1e}{end}"),
    )?;
    match found.rates {
        Some(rates) => {
            let (valley, steepest) = (rates.valley, rates.steepest);
            let tenth = rates.minimum_over_ten;
            wide_line(
                "rates",
                format!("valley {valley:.1e}, steepest {steepest:.1e}, minimum / 10 {tenth:.1e}"),
            )?;
            wide_line("use", format!("--lr {valley:.1e}"))?;
            wide_paragraph(
                "",
                "the valley is the conservative choice: larger rates, up to the minimum / 10, \
                 may train faster or diverge",
            )?;
        }
        None => wide_paragraph(
            "rates",
            "none: the loss did not fall anywhere; try more --steps, another range with \
             --from-rate and --to-rate, or `receptive train --overfit 16` to see whether the \
             network learns at all",
        )?,
    }
    match out {
        Some(out) => wide_line("files", format!("in {}: lr.png, lr.csv", out.printable())),
        None => Ok(()),
    }
}
