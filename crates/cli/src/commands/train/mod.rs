//! `receptive train`: a run, or a trial before a run.

mod dry_run;
pub(super) mod messages;
mod overfit;
mod series;
mod shared;

use super::run::{NewPaths, RunSettings, optimizer_override, remedies, set, set_network};
use crate::args::{NEW_RUN, NetworkArgs, parse_number, parse_positive, parse_whole};
use crate::error::{CliError, Exit};
use crate::machine::compute;
use crate::ranks;
use crate::render::{DataProgress, LiveView, TrainProgress, Tui, live_view_wanted};
use crate::signals;
use clap::Args;
use messages::{announce, report};
use receptive_core::text::Printable;
use receptive_train::config::{AverageConfig, Monitor, OpenSettings, ScheduleKind, with_overrides};
use receptive_train::{
    InputFrom, Interval, RankDirectory, Recorder, RunConfig, RunDirectory, Series, check_alike,
    found_by_first, prepare_again, prepare_open, resume, train,
};
use shared::{check_shared, new_directory};
use std::path::{Path, PathBuf};

/// The default parent directory of runs.
pub(super) const RUNS: &str = "runs";

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    network: NetworkArgs,
    /// Number of epochs; 0 only with `--set start.head=only`
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    epochs: Option<usize>,
    /// Peak learning rate [default: 0.05 for SGD, 0.001 for AdamW and RMSprop, 0.0001 for Lion; with
    /// --from 0.0003 for AdamW]
    #[arg(
        long,
        value_name = "RATE",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    lr: Option<f64>,
    /// Learning-rate schedule after the warm-up [default: cosine]
    #[arg(long, value_enum, value_name = "NAME")]
    schedule: Option<ScheduleKind>,
    /// Validate and keep an exponential moving average (EMA) of the weights with this decay
    /// [default: 0.9998]
    #[arg(
        long,
        value_name = "DECAY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0.9998",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    ema: Option<f64>,
    /// Stochastic weight averaging (SWA): validate and keep the mean of the weights of the last N
    /// epochs
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "ema",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    average: Option<usize>,
    /// Early stopping: patience in epochs
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    patience: Option<usize>,
    /// Run directory [default: runs/NNN, the next free number]
    #[arg(long, value_name = "DIR", group = NEW_RUN)]
    run_dir: Option<PathBuf>,
    /// Train N runs with consecutive seeds, starting at --seed: mean and 95 % interval of their
    /// results
    #[arg(
        long,
        value_name = "N",
        group = NEW_RUN,
        conflicts_with_all = ["folds", "dry_run", "overfit"],
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    seeds: Option<usize>,
    /// K-fold cross-validation; the data's own test split is left out
    #[arg(
        long,
        value_name = "K",
        group = NEW_RUN,
        conflicts_with_all = ["dry_run", "overfit"],
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    folds: Option<usize>,
    /// Resume a run from its latest valid checkpoint, or with --epochs continue a finished one.
    /// Settings that cannot change within a run are rejected
    #[arg(long, value_name = "RUN", conflicts_with = NEW_RUN)]
    resume: Option<PathBuf>,
    /// New path of the resumed run's data, if it was moved
    #[arg(long = "data", value_name = "DATA", requires = "resume", conflicts_with_all = ["dry_run", "overfit"])]
    moved: Option<String>,
    /// Checkpoint interval: 50steps, 2epochs or 60s [default: 1epoch]
    #[arg(long, value_name = "INTERVAL")]
    checkpoint_every: Option<Interval>,
    /// Measure the effective receptive field before, during and after training; adds columns to
    /// metrics.csv and a filmstrip, erf.png
    #[arg(long)]
    track_erf: bool,
    /// Also write TensorBoard event files, to RUN/tensorboard
    #[arg(long)]
    tensorboard: bool,
    /// Run one batch through every stage, estimate time and memory, and write nothing
    #[arg(long, group = NEW_RUN, conflicts_with = "overfit")]
    dry_run: bool,
    /// Check whether the network can overfit N training images, without augmentation and
    /// regularisation, in at most 300 epochs over them (or --epochs). Writes nothing
    #[arg(
        long,
        value_name = "N",
        group = NEW_RUN,
        conflicts_with_all = [
            "from", "offline", "run_dir", "track_erf", "tensorboard", "checkpoint_every", "patience",
            "balance", "schedule", "ema", "average", "accumulate", "stochastic_depth", "augment",
            "mixup", "cutmix",
        ],
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    overfit: Option<usize>,
    /// Live view; auto: on a terminal, unless NO_COLOR, CI or TERM=dumb is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Tui::Auto)]
    tui: Tui,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &TrainArgs) -> Result<Exit, CliError> {
    if arguments.moved.is_some() && arguments.resume.is_none() {
        return Err(CliError::argument(
            "--data",
            "this option is only for --resume; pass DATA as the first argument for a new run",
        ));
    }
    let ranks = ranks::joined();
    if ranks.is_some() {
        check_shared(arguments)?;
    }
    let is_series = |path: &PathBuf| found_by_first(ranks.as_deref(), || Ok(Series::is_at(path)));
    match &arguments.resume {
        Some(path) if is_series(path)? => return series::resume(arguments, path),
        None if arguments.seeds.or(arguments.folds).is_some() => return series::start(arguments),
        _ => {}
    }
    let resumed = arguments.resume.as_ref();
    let resumed = resumed.map(|path| {
        let directory = RankDirectory::open(ranks.as_deref(), path);
        directory.map(|directory| (directory, path))
    });
    let resumed = resumed.transpose()?;
    let (config, input_from, open) = match &resumed {
        Some((directory, path)) => {
            let config = resume_config(arguments, directory.run(), path)?;
            (config, InputFrom::Model, OpenSettings::default())
        }
        None => config(arguments)?,
    };
    let has_view = live_view_wanted(arguments.tui)?;
    if let Some(images) = arguments.overfit {
        return overfit::run(arguments, images, config, input_from);
    }
    let devices = config.machine.devices()?;
    let compute = compute(&config.machine)?;
    let progress = DataProgress::default();
    let prepared = match &resumed {
        Some((directory, path)) => prepare_again(config, directory.run(), &progress)
            .map_err(|error| error.or_moved(&remedies("train --resume", path, None).data))?,
        None => prepare_open(config, open, input_from, &progress)?,
    };
    if arguments.dry_run {
        return dry_run::run(arguments, &prepared, &devices, &compute);
    }
    // Before a directory is created for a run that cannot be trained.
    check_alike(&prepared, &compute)?;
    let directory = match resumed {
        Some((directory, _)) => directory,
        None => new_directory(arguments.run_dir.as_deref(), ranks.as_deref())?,
    };
    let directory = directory.run().clone();
    announce(&prepared, &devices, &compute, Some(&directory));
    // Before this point there is nothing to save.
    let stop = signals::stop_on_signals()?;
    let mut progress: Box<dyn Recorder> = if has_view {
        let path = directory.path().printable();
        let title = format!("{path}: {}", prepared.data.name);
        Box::new(LiveView::new(&title, &stop, prepared.chooses_epoch()))
    } else {
        signals::quit_on_second(&stop)?;
        Box::new(TrainProgress::default())
    };
    let drive = if arguments.resume.is_some() {
        resume
    } else {
        train
    };
    let trained = drive(
        &prepared,
        &directory,
        &compute,
        &stop,
        &mut [&mut *progress],
    )?;
    drop(progress);
    report(
        arguments.json,
        &devices,
        &compute,
        &directory,
        &prepared,
        &trained,
    )
}

/// The defaults, overridden by the config file and then by the arguments.
fn config(arguments: &TrainArgs) -> Result<(RunConfig, InputFrom, OpenSettings), CliError> {
    let mut settings = RunSettings::from_args(&arguments.network)?;
    apply(arguments, &mut settings.config);
    let stops_already = settings.config.train.early_stopping.is_some();
    let (mut config, input_from, mut open) = settings.finish(&overrides(arguments))?;
    open.epochs &= arguments.epochs.is_none();
    follow_monitor(arguments, stops_already, &mut config);
    Ok((config, input_from, open))
}

/// Those of a resumed run or series.
fn new_paths(arguments: &TrainArgs) -> NewPaths<'_> {
    let labels = arguments.network.source.labels.labels.as_deref();
    NewPaths {
        data: arguments.moved.as_deref(),
        labels: labels.filter(|_| arguments.resume.is_some()),
    }
}

/// The config of a run, given by its `path`, overridden by the arguments. Whether a setting can change within the
/// run is checked against the checkpoint.
fn resume_config(
    arguments: &TrainArgs,
    run: &RunDirectory,
    path: &Path,
) -> Result<RunConfig, CliError> {
    let mut config = run.config()?;
    set_network(&mut config, &arguments.network);
    new_paths(arguments).find(&mut config.data, "train --resume", path)?;
    apply(arguments, &mut config);
    let stops_already = config.train.early_stopping.is_some();
    let mut config = with_overrides(&config, &overrides(arguments))?;
    follow_monitor(arguments, stops_already, &mut config);
    Ok(config)
}

/// Applies the settings that only `train` has arguments for.
fn apply(arguments: &TrainArgs, config: &mut RunConfig) {
    let train = &mut config.train;
    set(&mut train.epochs, arguments.epochs);
    set(&mut train.schedule.kind, arguments.schedule);
    // The two averages of the weights exclude each other.
    if let Some(decay) = arguments.ema {
        train.ema.get_or_insert_default().decay = decay;
        train.average = None;
    }
    if let Some(epochs) = arguments.average {
        let average = train.average.unwrap_or(AverageConfig::new(epochs));
        train.average = Some(AverageConfig { epochs, ..average });
        train.ema = None;
    }
    set(&mut config.checkpoint.every, arguments.checkpoint_every);
    if arguments.track_erf {
        config.track_erf.get_or_insert_default();
    }
    config.tensorboard |= arguments.tensorboard;
}

/// If `--patience` enables early stopping, it uses the metric that selects the best epoch, unless another is
/// set.
fn follow_monitor(arguments: &TrainArgs, stops_already: bool, config: &mut RunConfig) {
    let is_metric = |set: &String| set.trim_start().starts_with("train.early_stopping.metric");
    if arguments.patience.is_some()
        && !stops_already
        && !arguments.network.set.iter().any(is_metric)
        && let Some(stopping) = &mut config.train.early_stopping
    {
        stopping.metric = match config.train.monitor {
            Monitor::Last => Monitor::default(),
            monitor => monitor,
        };
    }
}

/// `--patience`, `--optimizer`, `--set` and `--lr` as overrides. The rate belongs to the kind of optimizer, so
/// `--lr` is applied after a `--set` of the kind, which changes the default rate, but before all other `--set`.
fn overrides(arguments: &TrainArgs) -> Vec<String> {
    let is_kind = |set: &&String| set.trim_start().starts_with("train.optimizer.kind");
    let (kinds, others): (Vec<&String>, Vec<&String>) =
        arguments.network.set.iter().partition(is_kind);
    // TOML writes NaN in lower case.
    let rate = arguments.lr.map(|rate| {
        let rate = format!("{rate:?}").to_lowercase();
        format!("train.optimizer.learning_rate={rate}")
    });
    let patience = arguments
        .patience
        .map(|patience| format!("train.early_stopping.patience={patience}"));
    patience
        .into_iter()
        .chain(optimizer_override(&arguments.network))
        .chain(kinds.into_iter().cloned())
        .chain(rate)
        .chain(others.into_iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    /// The arguments that can be combined with this one.
    fn allowed_with(id: &str) -> Vec<String> {
        let mut train = TrainArgs::augment_args(Command::new("train"));
        // Groups know their arguments only once the command is built.
        train.build();
        let conflict = |one: &Arg, other: &Arg| train.get_arg_conflicts_with(one).contains(&other);
        let argument = train.get_arguments().find(|known| known.get_id() == id);
        let argument = argument.unwrap();
        let mut allowed: Vec<String> = train
            .get_arguments()
            .filter(|other| !conflict(argument, other) && !conflict(other, argument))
            .map(|other| other.get_id().to_string())
            .filter(|other| other != id && other != "help")
            .collect();
        allowed.sort();
        allowed
    }

    /// Fails for a new argument until it either conflicts or has an effect.
    #[test]
    fn no_argument_is_ignored_beside_resume_dry_run_or_overfit() {
        let machine = [
            "backend",
            "data_dir",
            "devices",
            "json",
            "precision",
            "threads",
            "tui",
            "workers",
        ];
        let resume = [
            &machine[..],
            &[
                "accumulate",
                "average",
                "balance",
                "bad_images",
                "batch_size",
                "checkpoint_every",
                "epochs",
                "grey",
                "image_size",
                "moved",
            ],
            &["group", "label_column", "labels"],
            &["limit", "lr", "optimizer", "patience", "seed", "set"],
            &["ema", "schedule", "stochastic_depth"],
            &["augment", "cutmix", "mixup"],
            &["tensorboard", "track_erf"],
        ]
        .concat();
        let new_run = [
            "bad_images",
            "batch_size",
            "config",
            "data",
            "epochs",
            "group",
            "label_column",
            "labels",
            "grey",
            "image_size",
            "limit",
            "lr",
            "optimizer",
            "preset",
            "seed",
            "set",
        ];
        let overfit = [&machine[..], &new_run, &["freeze"]].concat();
        let files = ["checkpoint_every", "run_dir", "tensorboard", "track_erf"];
        let trained = ["balance", "freeze", "from", "offline", "patience"];
        let steps = [
            "accumulate",
            "augment",
            "average",
            "cutmix",
            "ema",
            "mixup",
            "schedule",
            "stochastic_depth",
        ];
        let dry_run = [&machine[..], &new_run, &trained, &steps, &files].concat();
        for (argument, mut expected) in [
            ("resume", resume),
            ("overfit", overfit),
            ("dry_run", dry_run),
        ] {
            expected.sort_unstable();
            assert_eq!(allowed_with(argument), expected, "{argument}");
        }
    }
}
