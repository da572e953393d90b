//! Several runs of one config: with different seeds, or on the folds of a cross-validation.
//!
//! ```text
//! runs/004/series.json     the kind of series: seeds or folds
//! runs/004/base.toml       the config of all runs
//! runs/004/seed-0/ ...     the runs, each in its own directory
//! runs/004/images.sha256   a hash of the images, which are the same in all
//! runs/004/summary.json    the results of the finished runs, per run and combined
//! ```
//!
//! Runs are trained one after the other. Those in `summary.json` are not repeated; a stopped one is resumed.

mod gain;
mod one;
mod plan;
#[cfg(all(test, feature = "flex"))]
mod ranks_tests;
mod student;
mod summary;

pub use gain::MeanGain;
pub use one::SeriesWatch;
pub(crate) use one::{RunOutcome, Trainer, Turn};
pub use plan::{PlannedRun, SeriesKind};
pub use student::Spread;
pub use summary::{OutOfFold, RunFigures, RunSummary, SeriesMeans, SeriesSummary};

use crate::compute::Compute;
use crate::config::{OpenSettings, RunConfig};
use crate::error::TrainError;
use crate::fit::replica::Replica;
use crate::prepare::{InputFrom, set_absolute_paths};
use crate::ranks::{Ranks, found_by_first, stop_of_any};
use crate::run::{LOCK, RunDirectory, RunLog, lock};
use crate::stop::Stop;
use plan::{SeriesFile, settings_hash};
use receptive_data::Progress;
use receptive_model::store::{read_text, write_file};
use std::path::{Path, PathBuf};

const SERIES: &str = "series.json";
const BASE: &str = "base.toml";
const FORMAT: &str = "receptive-series";
const VERSION: u32 = 1;
/// Maximum size in bytes of a file of a series.
const MAX_BYTES: u64 = 64 << 20;
/// Maximum number of runs in a series.
const MAX_RUNS: usize = 1000;

/// Several runs of one config, in one directory.
#[derive(Debug, Clone)]
pub struct Series {
    path: PathBuf,
    kind: SeriesKind,
    base: RunConfig,
    input_from: InputFrom,
    open: OpenSettings,
}

impl Series {
    /// The results of the finished runs.
    pub const SUMMARY: &str = "summary.json";
    /// The report on all runs.
    pub const REPORT: &str = "report.html";

    /// Creates a series in a new or empty directory. The recipe chooses the `open` settings for each run.
    ///
    /// # Errors
    /// There are too few or too many runs, a setting is invalid, or the directory is not empty.
    pub fn create(
        directory: &RunDirectory,
        kind: SeriesKind,
        mut base: RunConfig,
        input_from: InputFrom,
        open: OpenSettings,
    ) -> Result<Self, TrainError> {
        Self::check(kind, &base)?;
        set_absolute_paths(&mut base);
        let path = directory.path().to_path_buf();
        let mut file = SeriesFile::new(kind, input_from, open);
        let write = |name: &str, text: &str| write_file(&path.join(name), text.as_bytes());
        let settings = base.to_toml()?;
        write(BASE, &settings)?;
        let fields = json(&file, &path)?;
        file.settings_sha256 = settings_hash(&fields, &settings);
        let text = json(&file, &path)?;
        write(SERIES, &text)?;
        Ok(Self {
            path,
            kind,
            base,
            input_from,
            open,
        })
    }

    /// Checks that a series of this kind can be made from this config.
    ///
    /// # Errors
    /// There are too few or too many runs, or the config already belongs to a cross-validation.
    pub fn check(kind: SeriesKind, base: &RunConfig) -> Result<(), TrainError> {
        let (setting, count, least) = match kind {
            SeriesKind::Seeds { count, .. } => ("seeds", count, 1),
            SeriesKind::Folds { count } => ("folds", count, 2),
        };
        if !(least..=MAX_RUNS).contains(&count) {
            return Err(TrainError::setting(
                setting,
                format!("it is {count}; use {least} to {MAX_RUNS}"),
            ));
        }
        if base.data.fold.is_some() && setting == "folds" {
            return Err(TrainError::setting(
                "data.fold",
                "the config is already that of one fold; remove this setting from it",
            ));
        }
        Ok(())
    }

    /// A directory for this rank with the files of the series at `path`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn replica(ranks: Option<&Ranks>, path: &Path) -> Result<Replica, TrainError> {
        let check = |path: &Path| Self::open(path).map(drop);
        Replica::open(ranks, path, &[SERIES, BASE, Self::SUMMARY], check)
    }

    /// Whether `path` is the directory of a series.
    pub fn is_at(path: &Path) -> bool {
        path.join(SERIES).is_file()
    }

    /// Opens the series in this directory.
    ///
    /// # Errors
    /// There is none, or its files are invalid.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let file = path.join(SERIES);
        let text = read_text(&file, MAX_BYTES)?;
        let wrong = |reason: String| TrainError::run(&file, reason);
        let series: SeriesFile = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("it was not written by a series of runs: {error}")))?;
        if series.format != FORMAT || series.version != VERSION {
            let (format, version) = (series.format, series.version);
            return Err(wrong(format!(
                "it is `{format}`, version {version}; expected `{FORMAT}`, version {VERSION}"
            )));
        }
        let base = path.join(BASE);
        let settings = read_text(&base, MAX_BYTES)?;
        if series.settings_sha256.is_some()
            && series.settings_sha256 != settings_hash(&text, &settings)
        {
            return Err(wrong(format!(
                "this file or {BASE} was edited since the series began; all runs of a series have the same settings, so \
                 undo the change, or start a new series"
            )));
        }
        let base = RunConfig::load(&base)?;
        Self::check(series.kind, &base)?;
        Ok(Self {
            path: path.into(),
            kind: series.kind,
            base,
            input_from: series.input_from,
            open: series.open,
        })
    }

    /// Deletes the directory of a series that could not begin: without a run or a result, it would only be in the way.
    pub fn discard_unless_begun(&self) {
        let runs = self.kind.runs(&self.base);
        let mut names = runs.iter().map(|run| run.name.as_str());
        let is_there = |name: &str| self.path.join(name).exists();
        if is_there(Self::SUMMARY) || names.any(is_there) {
            return;
        }
        for name in [SERIES, BASE, LOCK] {
            let _ = std::fs::remove_file(self.path.join(name));
        }
        // Not if anything else is in it.
        let _ = std::fs::remove_dir(&self.path);
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What differs between its runs.
    pub fn kind(&self) -> SeriesKind {
        self.kind
    }

    /// The config of all runs.
    pub fn base(&self) -> &RunConfig {
        &self.base
    }

    /// Replaces the base config, for another number of threads or a new path of the data. Settings that affect
    /// the results must stay the same.
    #[must_use]
    pub fn with_base(self, base: RunConfig) -> Self {
        Self { base, ..self }
    }

    /// The results so far.
    ///
    /// # Errors
    /// `summary.json` is damaged.
    pub fn summary(&self) -> Result<SeriesSummary, TrainError> {
        let path = self.path.join(Self::SUMMARY);
        if !path.exists() {
            let total = self.kind.runs(&self.base).len();
            return Ok(SeriesSummary::new(
                self.kind,
                self.base.data.source.clone(),
                total,
            ));
        }
        let text = read_text(&path, MAX_BYTES)?;
        serde_json::from_str(&text).map_err(|error| {
            TrainError::run(
                &path,
                format!(
                    "it was not written by a series of runs ({error}); delete it to evaluate the \
                     finished runs again"
                ),
            )
        })
    }

    /// The finished runs whose model is no longer the one that was measured, for example because a run was
    /// trained further on its own.
    pub fn changed_runs(&self, summary: &SeriesSummary) -> Vec<String> {
        let finished = summary.runs.iter().filter(|run| run.failed.is_none());
        let has_changed = |run: &&RunSummary| {
            let directory = RunDirectory::open(&self.path.join(&run.name)).ok();
            let end = directory.and_then(|run| RunLog::read(&run).ok()?.end);
            end.is_some_and(|end| end.weights_sha256 != run.weights_sha256)
        };
        finished
            .filter(has_changed)
            .map(|run| run.name.clone())
            .collect()
    }

    /// Trains the runs that are not finished. Returns the results of all runs, and the number of the signal
    /// that stopped it, if one did.
    ///
    /// # Errors
    /// Anything that would end every run: data that cannot be opened, an invalid setting, an I/O error. A
    /// diverged run is only noted in the summary.
    pub fn run(
        &self,
        compute: &Compute,
        stop: &Stop,
        progress: &dyn Progress,
        watch: &mut dyn SeriesWatch,
    ) -> Result<(SeriesSummary, Option<usize>), TrainError> {
        let planned = self.kind.runs(&self.base);
        // Not for a finished series, which may be in a place that cannot be written.
        let is_finished = self.summary()?.runs.len() >= planned.len();
        let _lock = (!is_finished).then(|| lock(&self.path)).transpose()?;
        let mut summary = found_by_first(compute.ranks(), || self.summary())?;
        let trainer = Trainer {
            compute,
            stop,
            progress,
            open: self.open,
            tests: true,
            directory: &self.path,
        };
        for (index, run) in planned.iter().enumerate() {
            if summary.runs.iter().any(|done| done.name == run.name) {
                continue;
            }
            if let Some(signal) = stop_of_any(compute.ranks(), stop)? {
                return Ok((summary, Some(signal)));
            }
            let turn = Turn {
                name: &run.name,
                number: index + 1,
                total: planned.len(),
            };
            let outcome = trainer.run(
                &self.path.join(&run.name),
                run.config.clone(),
                self.input_from,
                &turn,
                watch,
            )?;
            match outcome {
                RunOutcome::Done { result, classes } => {
                    summary.classes = classes;
                    summary.add(RunSummary::done(&run.name, self.kind, &result));
                }
                RunOutcome::Failed(reason) => {
                    summary.add(RunSummary::failed(&run.name, reason));
                }
                RunOutcome::Interrupted { signal, .. } => return Ok((summary, Some(signal))),
            }
            let text = json(&summary, &self.path)?;
            write_file(&self.path.join(Self::SUMMARY), text.as_bytes())?;
        }
        Ok((summary, None))
    }
}

fn json(value: &impl serde::Serialize, path: &Path) -> Result<String, TrainError> {
    serde_json::to_string_pretty(value).map_err(|error| TrainError::run(path, error.to_string()))
}
