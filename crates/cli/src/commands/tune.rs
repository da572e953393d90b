//! `receptive tune`: random search with successive halving.

use super::run::{NewPaths, RunSettings, adopt_machine, set_network};
use super::train::RUNS;
use crate::args::{NEW_RUN, NetworkArgs, parse_number, parse_positive};
use crate::error::{CliError, Exit};
use crate::machine::compute;
use crate::ranks;
use crate::render::{
    DataProgress, SeriesProgress, Table, print, print_json, say_line, say_paragraph, wide_line,
};
use crate::signals;
use clap::Args;
use receptive_core::text::{Printable, counted, duration, percent};
use receptive_data::Progress;
use receptive_train::config::Monitor;
use receptive_train::{
    OpenRound, Replica, RunConfig, RunDirectory, TrialResult, Tune, TuneOptions, TuneState,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The networks that are compared by default.
const NETWORKS: [&str; 3] = ["small", "vgg", "resnet"];
/// Maximum number of trials in the table; `--json` has all.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct TuneArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Number of trials
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        group = NEW_RUN,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    trials: usize,
    /// Stop after this many minutes, and keep the best trial so far
    #[arg(
        long,
        value_name = "MINUTES",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    minutes: Option<f64>,
    /// Epochs of the final round; each earlier round has a third of the next
    #[arg(
        long,
        value_name = "N",
        group = NEW_RUN,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    epochs: Option<usize>,
    /// Presets to choose from, comma-separated [default: small,vgg,resnet; none with --preset,
    /// --config or --from]
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        group = NEW_RUN,
        conflicts_with_all = ["preset", "config", "from"]
    )]
    networks: Vec<String>,
    /// Directory of the search [default: runs/NNN, the next free number]
    #[arg(long, value_name = "DIR", group = NEW_RUN)]
    run_dir: Option<PathBuf>,
    /// Continue a search that was stopped, with its own settings
    #[arg(long, value_name = "DIR", conflicts_with = NEW_RUN)]
    resume: Option<PathBuf>,
    /// New path of the resumed search's data, if it was moved
    #[arg(long = "data", value_name = "DATA", requires = "resume")]
    moved: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    directory: String,
    signal: Option<usize>,
    best: Option<&'a TrialResult>,
    #[serde(flatten)]
    state: &'a TuneState,
}

pub(super) fn run(arguments: &TuneArgs) -> Result<Exit, CliError> {
    let progress = DataProgress::default();
    let ranks = ranks::joined();
    let ranks = ranks.as_deref();
    let (mut tune, compute) = match &arguments.resume {
        Some(path) => {
            let tune = resumed(arguments, Tune::open(ranks, path)?, path)?;
            let compute = compute(&tune.base().machine)?;
            (tune, compute)
        }
        None => {
            let mut settings = RunSettings::from_args(&arguments.network)?;
            if let Some(epochs) = arguments.epochs {
                settings.config.train.epochs = epochs;
            }
            let (base, input_from, mut open) = settings.finish(&arguments.network.set)?;
            open.epochs &= arguments.epochs.is_none();
            let compute = compute(&base.machine)?;
            let run_dir = arguments.run_dir.as_ref();
            if let Some(path) = run_dir.filter(|_| compute.is_first()) {
                RunDirectory::check_free(path)?;
            }
            let make = || {
                Replica::new(ranks, || match run_dir {
                    Some(path) => Ok(path.clone()),
                    None => Ok(RunDirectory::next(Path::new(RUNS))?.path().into()),
                })
            };
            let on: (_, &dyn Progress) = (&compute, &progress);
            let tune = Tune::create(make, options(arguments), base, open, input_from, on)?;
            (tune, compute)
        }
    };
    announce(&tune);
    let stop = signals::stop_on_signals()?;
    signals::quit_on_second(&stop)?;
    let mut watch = match tune.notes() {
        [] => SeriesProgress::default(),
        notes => SeriesProgress::with_notes(notes),
    };
    let signal = tune.run(&compute, &stop, &progress, &mut watch)?;
    watch.clear();
    if !compute.is_first() {
        return Ok(Exit::of_runs(signal, tune.state().best().is_some()));
    }
    // The result is there, whatever becomes of the file.
    let has_best = tune.write_best().unwrap_or_else(|error| {
        say_paragraph("note", error);
        true
    });
    let moved = new_paths(arguments);
    say_left(&tune, signal, moved);
    if arguments.json {
        print_json(&Json {
            directory: tune.path().to_string_lossy().into_owned(),
            signal,
            best: tune.state().best(),
            state: tune.state(),
        })?;
    } else {
        show(&tune, moved)?;
    }
    Ok(Exit::of_runs(signal, has_best))
}

fn options(arguments: &TuneArgs) -> TuneOptions {
    let NetworkArgs {
        preset,
        config,
        from,
        ..
    } = &arguments.network;
    let has_network = preset.is_some() || config.is_some() || from.is_some();
    let networks = match (&arguments.networks[..], has_network) {
        ([], true) => Vec::new(),
        ([], false) => NETWORKS.map(String::from).into(),
        (named, _) => named.to_vec(),
    };
    TuneOptions {
        trials: arguments.trials,
        minutes: arguments.minutes,
        networks,
    }
}

/// Those of a resumed search.
fn new_paths(arguments: &TuneArgs) -> NewPaths<'_> {
    let labels = arguments.network.source.labels.labels.as_deref();
    NewPaths {
        data: arguments.moved.as_deref(),
        labels: labels.filter(|_| arguments.resume.is_some()),
    }
}

/// Prepares a stopped search to be resumed. Devices, threads and the time limit may change, but not the search itself.
/// `path` is the given one.
fn resumed(arguments: &TuneArgs, mut tune: Tune, path: &Path) -> Result<Tune, CliError> {
    if let Some(minutes) = arguments.minutes {
        tune.set_minutes(minutes)?;
    }
    let moved = new_paths(arguments);
    moved.find(&mut tune.base_mut().data, "tune --resume", path)?;
    let mut wanted: RunConfig = tune.base().clone();
    set_network(&mut wanted, &arguments.network);
    let base = tune.base_mut();
    adopt_machine(base, &wanted);
    if wanted != *base || !arguments.network.set.is_empty() {
        return Err(CliError::argument(
            "--resume",
            "a search keeps its settings; leave the other arguments out, or start a new one",
        ));
    }
    Ok(tune)
}

fn announce(tune: &Tune) {
    let state = tune.state();
    let rounds = state.rungs.iter();
    let rounds: Vec<String> = rounds
        .map(|rung| {
            let epochs = counted(rung.epochs, "epoch");
            format!("{} for {epochs}", counted(rung.trials, "trial"))
        })
        .collect();
    let minutes = state.options.minutes;
    let minutes = minutes.map_or(String::new(), |minutes| {
        format!("; at most {}", duration(60.0 * minutes))
    });
    say_line("search", tune.path().printable());
    say_line("rounds", format!("{}{minutes}", rounds.join(", ")));
}

/// Prints the progress of a search that was stopped or reached its time limit, and how to continue it.
fn say_left(tune: &Tune, signal: Option<usize>, moved: NewPaths<'_>) {
    let (state, path) = (tune.state(), tune.path().shell_word());
    let Some(OpenRound {
        round,
        done,
        trials,
    }) = state.open_round()
    else {
        return;
    };
    let place = format!(
        "in round {round} of {}, {done} of its {} done",
        state.rungs.len(),
        counted(trials, "trial")
    );
    let flags = moved.flags();
    match signal {
        Some(_) => say_paragraph(
            "stopped",
            format!("{place}; resume with `receptive tune --resume {path}{flags}`"),
        ),
        None => say_paragraph(
            "time",
            format!(
                "the limit was reached {place}; continue with `receptive tune --resume {path}{flags} \
                 --minutes N` and a larger N"
            ),
        ),
    }
}

fn show(tune: &Tune, moved: NewPaths<'_>) -> Result<(), CliError> {
    let (state, path) = (tune.state(), tune.path().shell_word());
    let all = state.best_first();
    if !all.is_empty() {
        print(table(state, &all).to_string())?;
    }
    if all.len() > SHOWN {
        print(format!(
            "\nThese are the best {SHOWN} of {} results; {} has all.",
            all.len(),
            Tune::STATE
        ))?;
    }
    if !all.is_empty() {
        print(format!("\nRanked by {}.", ranking(state.monitor)))?;
    }
    if all.iter().any(|result| result.cut) {
        print("N of M epochs: stopped by the time limit, and ranked last.")?;
    }
    print("")?;
    let failed = state
        .results
        .iter()
        .filter(|one| one.failed.is_some())
        .count();
    if failed > 0 {
        wide_line(
            "failed",
            format!(
                "{}, for example because they diverged",
                counted(failed, "run")
            ),
        )?;
    }
    let Some(best) = state.best() else {
        return wide_line("best", "none: no trial has a result");
    };
    let cut = if best.cut { " (time limit)" } else { "" };
    wide_line(
        "best",
        format!(
            "trial {}, {}{cut}: validation {}",
            best.trial,
            counted(best.trained.unwrap_or(best.epochs), "epoch"),
            figures(best)
        ),
    )?;
    wide_line(
        "files",
        format!(
            "in {}: {}, {}",
            tune.path().printable(),
            Tune::BEST,
            Tune::STATE
        ),
    )?;
    wide_line(
        "test",
        "no trial has used the test split; evaluate the best on it, once:",
    )?;
    let (flags, data) = (moved.flags(), moved.arguments(&tune.base().data));
    wide_line(
        "next",
        format!("receptive evaluate {path}/{}{flags}", best.run),
    )?;
    wide_line(
        "",
        format!("receptive train{data} --config {path}/{}", Tune::BEST),
    )
}

/// The metric by which trials are compared.
fn ranking(monitor: Monitor) -> &'static str {
    match monitor {
        Monitor::ValLoss | Monitor::Last => "the smallest validation loss",
        Monitor::ValTop1 => "validation top-1",
        Monitor::ValMeanRecall => "mean recall on the validation images",
    }
}

fn figures(result: &TrialResult) -> String {
    let top1 = result.val_top1.map_or("-".into(), percent);
    let loss = loss_text(result.val_loss.unwrap_or(f64::NAN));
    format!("top-1 {top1}, loss {loss}")
}

fn loss_text(loss: f64) -> String {
    // Nearly diverged.
    if loss >= 1e4 {
        format!("{loss:.1e}")
    } else {
        format!("{loss:.3}")
    }
}

fn table(state: &TuneState, all: &[&TrialResult]) -> Table {
    // A fine-tuned network is not varied, but the learning rate of its body.
    let is_tuned = state.trials.iter().any(|trial| trial.body_rate.is_some());
    let varied = if is_tuned { "body rate" } else { "network" };
    let mut table = Table::new(&[
        "", varied, "rate", "decay", "augment", "epochs", "top-1", "loss", "time",
    ]);
    for result in all.iter().take(SHOWN) {
        let Some(settings) = state.trials.get(result.trial) else {
            continue;
        };
        table.row([
            format!("trial {}", result.trial),
            match (settings.body_rate, &settings.network) {
                (Some(rate), _) => format!("{rate:.1e}"),
                (None, Some(network)) => network.clone(),
                (None, None) => "as given".into(),
            },
            format!("{:.1e}", settings.learning_rate),
            format!("{:.1e}", settings.weight_decay),
            format!("{}", settings.augment),
            match result.trained {
                Some(trained) => format!("{trained} of {}", result.epochs),
                None => result.epochs.to_string(),
            },
            result.val_top1.map_or("-".into(), percent),
            result.val_loss.map_or("-".into(), loss_text),
            duration(result.seconds),
        ]);
    }
    table
}
