//! `receptive train`: a run, or what is tried before one.

mod announce;
mod dry_run;
mod overfit;
mod report;

use super::run_settings::{RunSettings, set, set_machine};
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, LiveView, TrainProgress, live_view_wanted};
use crate::signals;
use announce::announce;
use receptive_train::{
    Backend, InputFrom, Observer, RunConfig, RunDirectory, prepare, resume, train,
};
use report::report;
use std::path::Path;

/// Where runs go that are given no directory.
const RUNS: &str = "runs";

pub(super) fn run(arguments: &TrainArgs) -> Result<Exit, CliError> {
    let (config, input_from) = match &arguments.resume {
        Some(run) => (of_stopped(arguments, run)?, InputFrom::Model),
        None => config(arguments)?,
    };
    let has_view = live_view_wanted(arguments.tui)?;
    if let Some(images) = arguments.overfit {
        return overfit::run(arguments, images, config, input_from);
    }
    let backend: Backend = config.machine.backend.parse()?;
    let device = backend.device()?;
    let prepared = prepare(config, input_from, &DataProgress::default())?;
    if arguments.dry_run {
        return dry_run::run(arguments, &prepared, backend, &device);
    }
    let directory = match (&arguments.resume, &arguments.run_dir) {
        (Some(run), _) => RunDirectory::open(run)?,
        (None, Some(path)) => RunDirectory::create(path)?,
        (None, None) => RunDirectory::next(Path::new(RUNS))?,
    };
    announce(&prepared, backend, Some(&directory));
    // Only from here on is there something to save.
    let stop = signals::stop_on_signals()?;
    let mut progress: Box<dyn Observer> = if has_view {
        let path = directory.path().display();
        let title = format!("{path}: {}", prepared.data.name);
        Box::new(LiveView::new(title, &stop))
    } else {
        signals::leave_on_second(&stop)?;
        Box::new(TrainProgress::default())
    };
    let on_cpu = backend.kind.is_cpu();
    let drive = if arguments.resume.is_some() {
        resume
    } else {
        train
    };
    let trained = drive(
        &prepared,
        &directory,
        &device,
        on_cpu,
        &stop,
        &mut *progress,
    )?;
    drop(progress);
    report(arguments, &prepared, backend, &directory, &trained)
}

/// The arguments, laid over the file, laid over the defaults.
fn config(arguments: &TrainArgs) -> Result<(RunConfig, InputFrom), CliError> {
    let mut settings = RunSettings::of(&arguments.network)?;
    set(&mut settings.config.train.epochs, arguments.epochs);
    set(
        &mut settings.config.checkpoint.every,
        arguments.checkpoint_every,
    );
    if arguments.track_erf {
        settings.config.track_erf.get_or_insert_default();
    }
    settings.config.tensorboard |= arguments.tensorboard;
    settings.finish(&arguments.network)
}

/// The settings of a run that was stopped; what has no influence on its numbers may change.
fn of_stopped(arguments: &TrainArgs, run: &Path) -> Result<RunConfig, CliError> {
    let mut config = RunDirectory::open(run)?.config()?;
    set_machine(&mut config, &arguments.network);
    set(&mut config.checkpoint.every, arguments.checkpoint_every);
    Ok(config)
}
