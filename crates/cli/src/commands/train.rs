use super::{paragraph, percent, policy, print, print_json};
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{DataProgress, TrainProgress};
use crate::signals;
use receptive_model::presets;
use receptive_train::config::with_overrides;
use receptive_train::{
    Backend, InputFrom, Outcome, Prepared, RunConfig, RunDirectory, Trained, prepare, train,
};
use serde::Serialize;
use std::path::Path;

/// Where runs go that are given no directory.
const RUNS: &str = "runs";

pub(super) fn run(arguments: &TrainArgs) -> Result<Exit, CliError> {
    let (config, input_from) = config(arguments)?;
    let backend: Backend = config.machine.backend.parse()?;
    let device = backend.device()?;
    let prepared = prepare(config, input_from, &DataProgress::default())?;
    let directory = match &arguments.run_dir {
        Some(path) => RunDirectory::create(path)?,
        None => RunDirectory::next(Path::new(RUNS))?,
    };
    announce(&prepared, backend, &directory)?;
    // Only from here on is there something to save.
    let stop = signals::stop_on_signals()?;
    let mut progress = TrainProgress::default();
    let on_cpu = backend.kind.is_cpu();
    let trained = train(&prepared, &directory, &device, on_cpu, &stop, &mut progress)?;
    progress.clear();
    finish(arguments, &prepared, backend, &directory, &trained)
}

/// The arguments, laid over the file, laid over the defaults.
fn config(arguments: &TrainArgs) -> Result<(RunConfig, InputFrom), CliError> {
    let (mut config, input_from) = match &arguments.config {
        Some(path) => (RunConfig::load(path)?, InputFrom::Model),
        None => {
            let name = arguments.preset.as_deref().unwrap_or(presets::DEFAULT);
            let model = presets::preset(name, presets::usual_input(name))?;
            (RunConfig::new(model), InputFrom::Data)
        }
    };
    set(&mut config.data.source, arguments.data.clone());
    set(
        &mut config.data.bad_images,
        arguments.source.bad_images.map(policy),
    );
    set(&mut config.train.epochs, arguments.epochs);
    set(&mut config.train.batch_size, arguments.batch_size);
    set(&mut config.train.seed, arguments.seed);
    set(
        &mut config.machine.backend,
        arguments.machine.backend.clone(),
    );
    set(&mut config.machine.threads, arguments.machine.threads);
    set(&mut config.machine.workers, arguments.workers);
    config.data.limit = arguments.source.limit.or(config.data.limit);
    config.data.data_dir = arguments.source.data_dir.clone().or(config.data.data_dir);
    Ok((with_overrides(&config, &arguments.set)?, input_from))
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What is about to happen, and what deserves a look before it does.
fn announce(
    prepared: &Prepared,
    backend: Backend,
    directory: &RunDirectory,
) -> Result<(), CliError> {
    let data = &prepared.data;
    let plan = &prepared.plan;
    let test = data.test.as_ref().map_or(0, |test| test.len());
    eprintln!(
        "data     {}: {} classes; {} train, {} val, {test} test images",
        data.name,
        data.classes.len(),
        data.train.len(),
        data.val.len()
    );
    let input = &prepared.input;
    eprintln!(
        "input    {}x{}x{} (channels, height, width); at most {} MiB of decoded images",
        input.channels, input.height, input.width, prepared.config.data.cache_mb
    );
    eprintln!(
        "model    {} parameters, {:.1} M multiply-adds an image",
        plan.total.params,
        plan.total.macs as f64 / 1e6
    );
    eprintln!(
        "machine  {backend}, {} threads; about {} MiB for a step",
        prepared.config.machine.thread_count(),
        plan.total.training_bytes(prepared.config.train.batch_size) >> 20
    );
    eprintln!("run      {}", directory.path().display());
    for note in data.notes.iter().cloned().chain(plan.notes()) {
        eprintln!("{}", paragraph("note     ", &note));
    }
    if !data.damaged.is_empty() {
        let mut csv = String::from("path,reason\n");
        for damaged in &data.damaged {
            csv += &format!(
                "{},{}\n",
                quoted(&damaged.path.to_string_lossy()),
                quoted(&damaged.reason)
            );
        }
        directory.write("skipped.csv", csv.as_bytes())?;
        eprintln!(
            "note     {} damaged images are left out, see {}/skipped.csv",
            data.damaged.len(),
            directory.path().display()
        );
    }
    Ok(())
}

/// A CSV field (RFC 4180).
fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

#[derive(Serialize)]
struct Result_<'a> {
    run: String,
    outcome: Outcome,
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
    let exit = match trained.outcome {
        Outcome::Interrupted { signal } => Exit::Signal(signal),
        Outcome::Finished | Outcome::StoppedEarly => Exit::Done,
    };
    if arguments.json {
        print_json(&Result_ {
            run: path,
            outcome: trained.outcome,
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
            threads: prepared.config.machine.thread_count(),
        })?;
        return Ok(exit);
    }
    if let Outcome::Interrupted { .. } = trained.outcome {
        eprintln!(
            "stopped after {} whole epochs; the state is saved in {path}",
            trained.epochs.len()
        );
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
    print(format!(
        "training   {:.0} s, {:.0} images/s, {} waiting for data; best epoch {} of {}",
        trained.train_seconds,
        trained.images_per_second,
        percent(trained.data_wait),
        trained.best_epoch,
        trained.epochs.len()
    ))?;
    print(format!("weights    sha256 {}", trained.weights_sha256))?;
    print(format!(
        "files      {path}/: model/, curves.png, confusion.png, metrics.csv"
    ))?;
    print(format!(
        "next       receptive evaluate {path}, receptive predict {path} IMAGE"
    ))?;
    Ok(exit)
}
