//! Hyperparameter search: random search with successive halving on the validation split.
//!
//! ```text
//! runs/007/tune.json             the search: its rounds, its trials' settings, their results
//! runs/007/base.toml             the config that the trials vary
//! runs/007/trial-03/epochs-8/    a trial's run in one round
//! runs/007/best.toml             the config of the best trial
//! ```
//!
//! Every trial of every round is a run of its own, from its initial weights to the end of its schedule, so the
//! best config reproduces the best result bit for bit. No trial evaluates the test split.

mod halving;
mod limit;
#[cfg(all(test, feature = "flex"))]
mod ranks_tests;
mod space;
mod state;

pub use halving::Rung;
pub use space::TrialSettings;
pub use state::{OpenRound, TrialResult, TuneOptions, TuneState};

use crate::compute::Compute;
use crate::config::{OpenSettings, RunConfig};
use crate::error::TrainError;
use crate::fit::agreement::check_alike;
use crate::fit::replica::Replica;
use crate::prepare::{InputFrom, prepare_open};
use crate::ranks::{Ranks, found_by_first, stop_of_any};
use crate::run::{RunDirectory, RunLog, lock};
use crate::series::{RunOutcome, SeriesWatch, Trainer, Turn};
use crate::stop::Stop;
use limit::{Limit, TIME_OVER, TimeLeft};
use receptive_core::file::write_over_own;
use receptive_core::seal::sealed;
use receptive_data::Progress;
use receptive_model::store::{read_text, write_file};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const STATE: &str = "tune.json";
const BASE: &str = "base.toml";
const FORMAT: &str = "receptive-tune";
const VERSION: u32 = 1;
/// Maximum size of a file of a search, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Maximum number of trials of one search.
const MAX_TRIALS: usize = 10_000;
/// Maximum time limit of a search: a year.
const MAX_MINUTES: f64 = 527_040.0;

/// A hyperparameter search in its directory.
#[derive(Debug, Clone)]
pub struct Tune {
    directory: Arc<Replica>,
    base: RunConfig,
    state: TuneState,
    notes: Vec<String>,
}

impl Tune {
    /// The config of the best trial.
    pub const BEST: &str = "best.toml";
    /// Plan and results.
    pub const STATE: &str = STATE;

    /// Creates a search in a directory that `make` chooses, which is new or empty. Opens the data before, to
    /// determine the number of epochs and the validation images.
    ///
    /// # Errors
    /// An option is invalid, the data cannot be opened or have no validation images, or ranks would train
    /// differently.
    pub fn create(
        make: impl FnOnce() -> Result<Replica, TrainError>,
        options: TuneOptions,
        base: RunConfig,
        open: OpenSettings,
        input_from: InputFrom,
        (compute, progress): (&Compute, &dyn Progress),
    ) -> Result<Self, TrainError> {
        check(&options)?;
        // Trials are compared on validation images, however few.
        let open = OpenSettings {
            val_fraction: false,
            ..open
        };
        let setup = prepare_open(base, open, input_from, progress)?;
        // Before a directory is created for a search that cannot start.
        check_alike(&setup, compute)?;
        if setup.val.is_empty() {
            return Err(TrainError::setting(
                "data.val_fraction",
                format!(
                    "there are no validation images to compare trials on; {}",
                    setup.config.data.no_val_remedy()
                ),
            ));
        }
        // Completely filled in: input, classes, and settings chosen from the data.
        let base = setup.config;
        if base.train.epochs == 0 {
            return Err(TrainError::setting(
                "train.epochs",
                "it is 0, so only the head is fitted, as with one or two images per class, and no trial would \
                 differ from another; set a number of epochs, or train without a search",
            ));
        }
        check_networks(&options.networks, &base)?;
        let seed = base.train.seed;
        let numbers = 0..options.trials as u64;
        let trials = numbers.map(|number| space::draw(number, seed, &base, &options.networks));
        let state = TuneState {
            format: FORMAT.into(),
            version: VERSION,
            monitor: base.train.monitor,
            rungs: halving::rungs(options.trials, base.train.epochs),
            trials: trials.collect(),
            options,
            results: Vec::new(),
            rungs_done: 0,
            seconds: 0.0,
        };
        let directory = make()?;
        RunDirectory::create(directory.path())?;
        let tune = Self {
            directory: Arc::new(directory),
            base,
            state,
            notes: setup.data.notes,
        };
        write_file(&tune.path().join(BASE), tune.base.to_toml()?.as_bytes())?;
        tune.save()?;
        Ok(tune)
    }

    /// Opens a search that was stopped, whose files the first rank sends to the others.
    ///
    /// # Errors
    /// There is none, or its files are invalid.
    pub fn open(ranks: Option<&Ranks>, path: &Path) -> Result<Self, TrainError> {
        let check = |path: &Path| read(path).map(drop);
        let directory = Replica::open(ranks, path, &[STATE, BASE], check)?;
        let (base, state) = read(directory.path())?;
        Ok(Self {
            directory: Arc::new(directory),
            base,
            state,
            notes: Vec::new(),
        })
    }

    /// Its directory; on another rank than the first a temporary one.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The config that the trials vary.
    pub fn base(&self) -> &RunConfig {
        &self.base
    }

    /// Allows changing devices and threads. Settings that affect the results must stay the same.
    pub fn base_mut(&mut self) -> &mut RunConfig {
        &mut self.base
    }

    /// Remarks on the data and on the settings chosen for them, one sentence each; empty for a search that was
    /// opened.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Plan and results.
    pub fn state(&self) -> &TuneState {
        &self.state
    }

    /// Sets a new time limit, counted from the start of the search. If that leaves time, trials that the old
    /// limit stopped are continued.
    ///
    /// # Errors
    /// It is not a positive number.
    pub fn set_minutes(&mut self, minutes: f64) -> Result<(), TrainError> {
        self.state.options.minutes = Some(minutes);
        check(&self.state.options)?;
        if 60.0 * minutes > self.state.seconds {
            self.state.results.retain(|result| !result.cut);
        }
        Ok(())
    }

    /// Trains the remaining trials, until they are done or the time limit is reached. Returns the number of the
    /// signal that stopped it, if one did. A diverged trial has no result; the others continue.
    ///
    /// # Errors
    /// Anything that would end every trial: data that cannot be opened, an I/O error.
    pub fn run(
        &mut self,
        compute: &Compute,
        stop: &Stop,
        progress: &dyn Progress,
        watch: &mut dyn SeriesWatch,
    ) -> Result<Option<usize>, TrainError> {
        let _lock = self
            .state
            .open_round()
            .map(|_| lock(self.path()))
            .transpose()?;
        let began = Instant::now();
        let before = self.state.seconds;
        let ranks = compute.ranks();
        let rungs = self.state.rungs.clone();
        let total = self.state.options.minutes.map(|minutes| 60.0 * minutes);
        // From the first round, because a round that the time limit cut short may have time left now.
        for (rung, of) in rungs.iter().enumerate() {
            // Rounds cost about the same, so each gets an equal share of the time.
            let share = total.map(|total| total * (rung + 1) as f64 / rungs.len() as f64);
            let candidates = self.state.candidates(rung);
            for (at, &trial) in candidates.iter().enumerate() {
                if self.state.has(trial, rung) {
                    continue;
                }
                if let Some(signal) = stop_of_any(ranks, stop)? {
                    return Ok(Some(signal));
                }
                let now = found_by_first(ranks, || Ok(before + began.elapsed().as_secs_f64()))?;
                // The first trial of a round may use all remaining time for its first epoch, since the search
                // needs a result from every round.
                let is_first = self.state.ranked(rung).is_empty();
                let end = if is_first { total } else { share };
                if end.is_some_and(|end| now >= end) {
                    break;
                }
                let until = |end: f64| Duration::from_secs_f64((end - now).max(0.0));
                let left = share.zip(end).map(|(share, end)| TimeLeft {
                    share: until(share),
                    all: until(end),
                });
                let name = format!("trial-{trial:02}/epochs-{}", of.epochs);
                let turn = Turn {
                    name: &name,
                    number: at + 1,
                    total: candidates.len(),
                };
                let result =
                    self.trial(trial, rung, &turn, left, (compute, stop, progress), watch)?;
                self.state.seconds = before + began.elapsed().as_secs_f64();
                match result {
                    Ok(result) => self.state.results.push(result),
                    Err(signal) => {
                        self.save()?;
                        return Ok(Some(signal));
                    }
                }
                self.save()?;
            }
            self.state.rungs_done = self.state.rungs_done.max(rung + 1);
            self.save()?;
        }
        Ok(None)
    }

    /// Runs one trial of one round; or returns the number of the signal that interrupted it.
    fn trial(
        &self,
        trial: usize,
        rung: usize,
        turn: &Turn<'_>,
        left: Option<TimeLeft>,
        (compute, stop, progress): (&Compute, &Stop, &dyn Progress),
        watch: &mut dyn SeriesWatch,
    ) -> Result<Result<TrialResult, usize>, TrainError> {
        let began = Instant::now();
        let (settings, epochs) = (&self.state.trials[trial], self.state.rungs[rung].epochs);
        let config = settings.apply(&self.base, epochs)?;
        // A preset adapts to the images; the base's network is already planned.
        let input_from = match settings.network {
            Some(_) => InputFrom::Data,
            None => InputFrom::Model,
        };
        let own = Stop::default();
        let trainer = Trainer {
            compute,
            stop: &own,
            progress,
            // Already chosen for the base.
            open: OpenSettings::default(),
            tests: false,
            directory: self.path(),
        };
        // Of several ranks the first has the clock.
        let left = left.filter(|_| compute.is_first());
        let mut limit = Limit::new(watch, stop, &own, left);
        let directory = self.path().join(turn.name);
        let outcome = trainer.run(&directory, config, input_from, turn, &mut limit)?;
        let mut result = TrialResult {
            trial,
            rung,
            run: turn.name.into(),
            epochs,
            val_loss: None,
            val_top1: None,
            val_mean_recall: None,
            seconds: 0.0,
            cut: false,
            trained: None,
            failed: None,
        };
        let monitor = self.state.monitor;
        match outcome {
            RunOutcome::Done { result: done, .. } => {
                result = result.with_best(&done.epochs, monitor)
            }
            RunOutcome::Interrupted {
                signal,
                result: done,
            } => {
                if signal != TIME_OVER {
                    return Ok(Err(signal));
                }
                result = result.with_best(&done.epochs, monitor);
                result.cut = true;
                result.trained = Some(done.epochs.len());
            }
            RunOutcome::Failed(reason) => {
                // Earlier results do not count, because the trial diverged in the end.
                let log = RunDirectory::open(&directory).and_then(|run| RunLog::read(&run));
                result.failed = Some(match log.ok().and_then(|log| log.diverged) {
                    Some(_) => "diverged".into(),
                    None => reason,
                });
            }
        }
        result.seconds = began.elapsed().as_secs_f64();
        Ok(Ok(result))
    }

    /// The config of the best trial, which reproduces its result; `None` if there is no result yet.
    ///
    /// # Errors
    /// The config of its run cannot be read.
    fn best_config(&self) -> Result<Option<RunConfig>, TrainError> {
        let best = self.state.best();
        best.map(|best| RunDirectory::open(&self.path().join(&best.run))?.config())
            .transpose()
    }

    /// Writes the config of the best trial; returns whether there is one.
    ///
    /// # Errors
    /// The config cannot be read or written.
    pub fn write_best(&self) -> Result<bool, TrainError> {
        let Some(config) = self.best_config()? else {
            return Ok(false);
        };
        let text = sealed(config.to_commented_toml()?, ["# ", ""]);
        let path = self.path().join(Self::BEST);
        write_over_own(&path, text.as_bytes(), |_| true).map_err(TrainError::io(&path, "write"))?;
        Ok(true)
    }

    fn save(&self) -> Result<(), TrainError> {
        let text = serde_json::to_string_pretty(&self.state)
            .map_err(|error| TrainError::run(self.path(), error.to_string()))?;
        Ok(write_file(&self.path().join(STATE), text.as_bytes())?)
    }
}

/// The base and the state of the search at `path`.
fn read(path: &Path) -> Result<(RunConfig, TuneState), TrainError> {
    let file = path.join(STATE);
    if !file.is_file() {
        return Err(TrainError::run(
            path,
            format!("it is not a search directory (it has no {STATE})"),
        ));
    }
    let wrong = |reason: String| TrainError::run(&file, reason);
    let text = read_text(&file, MAX_BYTES)?;
    let state: TuneState = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("it was not written by a search: {error}")))?;
    if state.format != FORMAT || state.version != VERSION {
        let (format, version) = (&state.format, state.version);
        return Err(wrong(format!(
            "it is `{format}`, version {version}; expected `{FORMAT}`, version {VERSION}"
        )));
    }
    check(&state.options)?;
    Ok((RunConfig::load(&path.join(BASE))?, state))
}

/// Rejects networks that do not fit the base's settings, since none of their trials could have a result.
fn check_networks(networks: &[String], base: &RunConfig) -> Result<(), TrainError> {
    let Some(rate) = base.train.stochastic_depth else {
        return Ok(());
    };
    for network in networks {
        let model = RunConfig::preset(network)?.model;
        if model.with_stochastic_depth(rate).is_none() {
            return Err(TrainError::setting(
                "train.stochastic_depth",
                format!(
                    "the network {network} of the search has no residual block to drop; compare others, \
                     or leave the setting out"
                ),
            ));
        }
    }
    Ok(())
}

fn check(options: &TuneOptions) -> Result<(), TrainError> {
    if !(1..=MAX_TRIALS).contains(&options.trials) {
        return Err(TrainError::setting(
            "trials",
            format!("it is {}; use 1 to {MAX_TRIALS}", options.trials),
        ));
    }
    if let Some(minutes) = options.minutes
        && !(minutes > 0.0 && minutes <= MAX_MINUTES)
    {
        return Err(TrainError::setting(
            "minutes",
            format!("it is {minutes}; use a number above 0 and up to {MAX_MINUTES}"),
        ));
    }
    for network in &options.networks {
        RunConfig::preset(network)?;
    }
    Ok(())
}
