use super::{model_directory, paragraph, percent, policy, print, print_json};
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, TrainProgress, say};
use crate::signals;
use receptive_model::{Artifact, Plan, presets};
use receptive_train::backend::default_device;
use receptive_train::config::with_overrides;
use receptive_train::{
    Backend, InputFrom, Outcome, Prepared, RunConfig, RunDirectory, StartConfig, Started, Trained,
    data_resize, prepare, resume, train,
};
use serde::Serialize;
use std::path::Path;

/// Where runs go that are given no directory.
const RUNS: &str = "runs";

pub(super) fn run(arguments: &TrainArgs) -> Result<Exit, CliError> {
    let (config, input_from) = match &arguments.resume {
        Some(run) => (of_stopped(arguments, run)?, InputFrom::Model),
        None => config(arguments)?,
    };
    let backend: Backend = config.machine.backend.parse()?;
    let device = backend.device()?;
    let prepared = prepare(config, input_from, &DataProgress::default())?;
    let directory = match (&arguments.resume, &arguments.run_dir) {
        (Some(run), _) => RunDirectory::open(run)?,
        (None, Some(path)) => RunDirectory::create(path)?,
        (None, None) => RunDirectory::next(Path::new(RUNS))?,
    };
    announce(&prepared, backend, &directory);
    // Only from here on is there something to save.
    let stop = signals::stop_on_signals()?;
    let mut progress = TrainProgress::default();
    let on_cpu = backend.kind.is_cpu();
    let drive = if arguments.resume.is_some() {
        resume
    } else {
        train
    };
    let trained = drive(&prepared, &directory, &device, on_cpu, &stop, &mut progress)?;
    progress.clear();
    finish(arguments, &prepared, backend, &directory, &trained)
}

/// The arguments, laid over the file, laid over the defaults.
fn config(arguments: &TrainArgs) -> Result<(RunConfig, InputFrom), CliError> {
    let (mut config, input_from) = match (&arguments.config, &arguments.from) {
        (Some(path), _) => (RunConfig::load(path)?, InputFrom::Model),
        (None, Some(run)) => (of_run(run, arguments.data.is_some())?, InputFrom::Model),
        (None, None) => {
            let name = arguments.preset.as_deref().unwrap_or(presets::DEFAULT);
            let model = presets::preset(name, presets::usual_input(name))?;
            let mut config = RunConfig::new(model);
            config.machine.backend = Backend::usual()?.to_string();
            (config, InputFrom::Data)
        }
    };
    if let Some(run) = &arguments.from {
        let from = model_directory(run)?;
        let from = std::path::absolute(&from).unwrap_or(from);
        config.start = Some(StartConfig {
            freeze: arguments.freeze.unwrap_or(0),
            ..StartConfig::new(from)
        });
    }
    set(&mut config.data.source, arguments.data.clone());
    set(
        &mut config.data.bad_images,
        arguments.source.bad_images.map(policy),
    );
    set(&mut config.train.epochs, arguments.epochs);
    set(&mut config.train.batch_size, arguments.batch_size);
    set(&mut config.train.seed, arguments.seed);
    if arguments.track_erf {
        config.track_erf.get_or_insert_default();
    }
    set_machine(&mut config, arguments);
    config.data.limit = arguments.source.limit.or(config.data.limit);
    // A preset's input is the data's; to let it be set here would only seem to work.
    let input = |key: &&String| key.trim_start().starts_with("model.input");
    if input_from == InputFrom::Data
        && let Some(key) = arguments.set.iter().find(input)
    {
        return Err(CliError::Usage(format!(
            "--set {key}: a preset takes its input from the data; use --set data.image_size=N for \
             another height and width, or --config FILE for a network with an input of its own"
        )));
    }
    Ok((with_overrides(&config, &arguments.set)?, input_from))
}

/// All defaults for a trained run's network and, unless other data is named, its data.
fn of_run(run: &Path, has_data: bool) -> Result<RunConfig, CliError> {
    let artifact = Artifact::load(&model_directory(run)?, &default_device()?)?;
    let mut config = RunConfig::new(artifact.model.config().clone());
    config.machine.backend = Backend::usual()?.to_string();
    if !has_data && let Ok(own) = RunDirectory::open(run).and_then(|run| run.config()) {
        config.data = own.data;
    }
    config.data.resize = data_resize(artifact.input.resize);
    Ok(config)
}

/// The settings of a run that was stopped; what has no influence on its numbers may change.
fn of_stopped(arguments: &TrainArgs, run: &Path) -> Result<RunConfig, CliError> {
    let mut config = RunDirectory::open(run)?.config()?;
    set_machine(&mut config, arguments);
    Ok(config)
}

/// Where and how it runs, and how often it is saved.
fn set_machine(config: &mut RunConfig, arguments: &TrainArgs) {
    let machine = &arguments.machine;
    set(&mut config.machine.backend, machine.backend.clone());
    set(&mut config.machine.threads, machine.threads);
    set(&mut config.machine.workers, arguments.workers);
    set(&mut config.checkpoint.every, arguments.checkpoint_every);
    if let Some(directory) = &arguments.source.data_dir {
        config.data.data_dir = Some(directory.clone());
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What is about to happen, and what deserves a look before it does.
fn announce(prepared: &Prepared, backend: Backend, directory: &RunDirectory) {
    let data = &prepared.data;
    let plan = &prepared.plan;
    let machine = &prepared.config.machine;
    let threads = machine.compute_threads(backend.kind.is_cpu());
    let test = data.test.as_ref().map_or(0, |test| test.len());
    say(format!(
        "data     {}: {} classes; {} train, {} val, {test} test images",
        data.name,
        data.classes.len(),
        data.train.len(),
        data.val.len()
    ));
    let input = &prepared.input;
    say(format!(
        "input    {}x{}x{} (channels, height, width); at most {} MiB of decoded images",
        input.channels, input.height, input.width, prepared.config.data.cache_mb
    ));
    say(format!(
        "model    {} parameters, {:.1} M multiply-adds an image",
        plan.total.params,
        plan.total.macs as f64 / 1e6
    ));
    if let (Some(start), Some(found)) = (&prepared.config.start, &prepared.start) {
        say(paragraph("start    ", &begun_from(start, found, plan)));
    }
    say(format!(
        "machine  {backend}, {threads} thread{}; about {} MiB for a step",
        if threads == 1 { "" } else { "s" },
        plan.total.training_bytes(prepared.config.train.batch_size) >> 20
    ));
    say(format!(
        "run      {} (* marks the best epoch so far)",
        directory.path().display()
    ));
    for note in data.notes.iter().cloned().chain(plan.notes()) {
        say(paragraph("note     ", &note));
    }
    if !data.damaged.is_empty() {
        say(format!(
            "note     {} damaged images are left out, see {}",
            data.damaged.len(),
            directory.path().join(RunDirectory::SKIPPED).display()
        ));
    }
}

/// What is kept of the trained model that training starts from.
fn begun_from(start: &StartConfig, found: &Started, plan: &Plan) -> String {
    let learnt: usize = plan
        .layers
        .iter()
        .skip(start.freeze)
        .map(|layer| layer.params)
        .sum();
    let head = if found.has_new_head {
        format!("a new last layer for {} classes", plan.classes)
    } else {
        "the same classes".into()
    };
    format!(
        "{}; {head}; {} of {} layers frozen, {} of {} parameters learn",
        start.from.display(),
        start.freeze.min(plan.layers.len()),
        plan.layers.len(),
        learnt,
        plan.total.params
    )
}

#[derive(Serialize)]
struct Shown<'a> {
    run: String,
    outcome: &'static str,
    signal: Option<usize>,
    test_top1: Option<f64>,
    test_top5: Option<f64>,
    test_loss: Option<f64>,
    val_top1: Option<f64>,
    val_loss: Option<f64>,
    train_seconds: f64,
    images_per_second: f64,
    data_wait: f64,
    epochs: usize,
    best_epoch: usize,
    weights_sha256: &'a str,
    backend: String,
    threads: usize,
}

fn finish(
    arguments: &TrainArgs,
    prepared: &Prepared,
    backend: Backend,
    directory: &RunDirectory,
    trained: &Trained,
) -> Result<Exit, CliError> {
    let path = directory.path().display().to_string();
    let exit = trained.outcome.signal().map_or(Exit::Done, Exit::Signal);
    if arguments.json {
        let machine = &prepared.config.machine;
        print_json(&Shown {
            run: path,
            outcome: outcome_word(trained.outcome),
            signal: trained.outcome.signal(),
            test_top1: trained.test.as_ref().map(|test| test.top1),
            test_top5: trained.test.as_ref().map(|test| test.top5),
            test_loss: trained.test.as_ref().map(|test| test.loss),
            val_top1: trained.val.as_ref().map(|val| val.top1),
            val_loss: trained.val.as_ref().map(|val| val.loss),
            train_seconds: trained.train_seconds,
            images_per_second: trained.images_per_second,
            data_wait: trained.data_wait,
            epochs: trained.epochs.len(),
            best_epoch: trained.best_epoch,
            weights_sha256: &trained.weights_sha256,
            backend: backend.to_string(),
            threads: machine.compute_threads(backend.kind.is_cpu()),
        })?;
        return Ok(exit);
    }
    if trained.outcome.signal().is_some() {
        say(format!(
            "stopped after {} whole epochs; go on with `receptive train --resume {path}`",
            trained.epochs.len()
        ));
    }
    for (name, seen) in [("test", &trained.test), ("validation", &trained.val)] {
        if let Some(seen) = seen {
            print(format!(
                "{name:<11}top-1 {}, top-5 {}, loss {:.3} ({} images)",
                percent(seen.top1),
                percent(seen.top5),
                seen.loss,
                seen.images
            ))?;
        }
    }
    let best = match trained.best_epoch {
        0 => "no whole epoch".into(),
        best => format!("best epoch {best} of {}", trained.epochs.len()),
    };
    print(format!(
        "training   {:.0} s, {:.0} images/s, {} waiting for data; {best}",
        trained.train_seconds,
        trained.images_per_second,
        percent(trained.data_wait),
    ))?;
    print(format!("sha256     {}", trained.weights_sha256))?;
    let files = [
        "model",
        RunDirectory::CURVES,
        RunDirectory::CONFUSION,
        RunDirectory::FIELD,
        "metrics.csv",
    ]
    .into_iter()
    .filter(|file| directory.path().join(file).exists())
    .collect::<Vec<_>>()
    .join(", ");
    print(format!("files      in {path}: {files}"))?;
    print(format!(
        "next       receptive report {path}, receptive predict {path} IMAGE"
    ))?;
    Ok(exit)
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "finished",
        Outcome::StoppedEarly => "stopped_early",
        Outcome::Interrupted { .. } => "interrupted",
    }
}
