//! `receptive lr-find`.

use super::run_settings::RunSettings;
use super::{paragraph, print, print_json};
use crate::args::LrFindArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, StepProgress};
use receptive_train::trial::{LrFind, RangeTest, lr_find};
use receptive_train::{Backend, prepare};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    /// The rate that is suggested.
    learning_rate: Option<f64>,
    #[serde(flatten)]
    found: &'a LrFind,
    out: String,
}

pub(super) fn run(arguments: &LrFindArgs) -> Result<Exit, CliError> {
    let test = RangeTest {
        from: arguments.from_rate,
        to: arguments.to_rate,
        steps: arguments.steps,
    };
    test.check()?;
    let (config, input_from) = RunSettings::of(&arguments.network)?.finish(&arguments.network)?;
    let backend: Backend = config.machine.backend.parse()?;
    let device = backend.device()?;
    let prepared = prepare(config, input_from, &DataProgress::default())?;
    let progress = StepProgress::new("growing rates", test.steps);
    let on_cpu = backend.kind.is_cpu();
    let found = lr_find(&prepared, test, &device, on_cpu, &mut |tried| {
        let words = format!(
            "rate {:.1e}, loss {:.3}",
            tried.learning_rate, tried.smoothed
        );
        progress.show(tried.step, &words);
    })?;
    drop(progress);
    found.write(&arguments.out, &prepared.data.name)?;
    if arguments.json {
        print_json(&Shown {
            learning_rate: found.rates.map(|rates| rates.valley),
            found: &found,
            out: arguments.out.display().to_string(),
        })?;
        return Ok(Exit::Done);
    }
    show(arguments, &found)?;
    Ok(Exit::Done)
}

fn show(arguments: &LrFindArgs, found: &LrFind) -> Result<(), CliError> {
    let last = found.tried.last().map_or(0.0, |tried| tried.learning_rate);
    print(format!(
        "tried      {} rates from {:.1e} to {last:.1e}{}",
        found.tried.len(),
        found.test.from,
        if found.diverged {
            ", where the loss flew off"
        } else {
            ""
        }
    ))?;
    match found.rates {
        Some(rates) => {
            print(format!(
                "rates      valley {:.1e}, steepest {:.1e}, minimum over ten {:.1e}",
                rates.valley, rates.steepest, rates.minimum_over_ten
            ))?;
            print(format!(
                "use        --set train.optimizer.learning_rate={:.1e}",
                rates.valley
            ))?;
            print(paragraph(
                "           ",
                "the valley is the careful end: larger rates, up to the minimum over ten, may \
                 learn faster or diverge",
            ))?;
        }
        None => print(paragraph(
            "rates      ",
            "none: the loss did not fall anywhere; try more --steps, another range with \
             --from-rate and --to-rate, or `receptive train --overfit 16` to see whether the \
             network learns at all",
        ))?,
    }
    print(format!(
        "files      in {}: lr.png, lr.csv",
        arguments.out.display()
    ))
}
