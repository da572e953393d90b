//! One of several runs: trained or resumed, without its failure ending the others.

use crate::compute::Compute;
use crate::config::{OpenSettings, RunConfig};
use crate::error::TrainError;
use crate::fit::replica::RankDirectory;
use crate::fit::{resume, train};
use crate::prepare::{InputFrom, RunSetup, prepare_open};
use crate::prepare_again::prepare_again;
use crate::ranks::{all_are_here, found_by_first};
use crate::recorders::Recorder;
use crate::records::TrainResult;
use crate::run::{LOCK, RunDirectory};
use crate::stop::Stop;
use receptive_core::text::{Printable, counted};
use receptive_data::Progress;
use receptive_model::store::write_file;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How one of several runs ended.
#[derive(Debug)]
pub(crate) enum RunOutcome {
    /// It has a result.
    Done {
        /// The result of training.
        result: Box<TrainResult>,
        /// The class names.
        classes: Vec<String>,
    },
    /// It has no result, for example because it diverged; a sentence that says why.
    Failed(String),
    /// It was requested to stop; its state is saved.
    Interrupted {
        /// The signal's number.
        signal: usize,
        /// The result so far.
        result: Box<TrainResult>,
    },
}

/// A [`Recorder`] for several runs, which is also told which run starts.
pub trait SeriesWatch: Recorder {
    /// The `number`-th of `total` runs starts or is resumed.
    fn run_starts(&mut self, _name: &str, _number: usize, _total: usize, _setup: &RunSetup) {}

    /// A run ended without a result; the others continue.
    fn run_failed(&mut self, _name: &str, _reason: &str) {}
}

/// Trains several runs, with the same devices and threads.
pub(crate) struct Trainer<'a> {
    pub(crate) compute: &'a Compute,
    pub(crate) stop: &'a Stop,
    pub(crate) progress: &'a dyn Progress,
    /// The settings that the recipe may choose for each run.
    pub(crate) open: OpenSettings,
    /// Whether the test split is evaluated at the end of a run.
    pub(crate) tests: bool,
    /// The directory of all runs.
    pub(crate) directory: &'a Path,
}

/// In that directory: a hash of the images, which must be the same for all runs.
const IMAGES: &str = "images.sha256";

/// The name and number of a run.
pub(crate) struct Turn<'a> {
    pub(crate) name: &'a str,
    pub(crate) number: usize,
    pub(crate) total: usize,
}

impl Trainer<'_> {
    /// Trains a run in its directory, or resumes it there. Problems of this run alone give
    /// [`RunOutcome::Failed`]; those that would end the other runs too are errors.
    pub(crate) fn run(
        &self,
        directory: &Path,
        config: RunConfig,
        input_from: InputFrom,
        turn: &Turn<'_>,
        watch: &mut dyn SeriesWatch,
    ) -> Result<RunOutcome, TrainError> {
        let ranks = self.compute.ranks();
        let is_there = found_by_first(ranks, || Ok(RunDirectory::open(directory).is_ok()))?;
        let existing = is_there.then(|| RankDirectory::open(ranks, directory));
        let existing = existing.transpose()?;
        let run = existing.as_ref().map(RankDirectory::run);
        // Another process trains this run: that is no failure of the run.
        if let Some(run) = run {
            run.lock()?;
        }
        let prepared = match run {
            Some(run) => run.config().and_then(|mut own| {
                check_turn(run, &own, &config)?;
                own.machine = config.machine;
                own.data.move_to(&config.data.source);
                own.data.labels.clone_from(&config.data.labels);
                own.data.data_dir = config.data.data_dir;
                own.data.bad_images = config.data.bad_images;
                prepare_again(own, run, self.progress)
            }),
            None => prepare_open(config, self.open, input_from, self.progress),
        };
        // Ranks fail together or not at all.
        let have_all_failed =
            |error: &TrainError| ranks.is_none_or(|ranks| ranks.have_all_failed(error));
        let mut setup = match prepared {
            Ok(setup) => setup,
            Err(error) if is_of_this_run(&error) && have_all_failed(&error) => {
                return Ok(failed(turn, &error, watch));
            }
            Err(error) => return Err(error),
        };
        all_are_here(ranks)?;
        if self.compute.is_first() {
            self.check_images(&setup)?;
        }
        if !self.tests {
            setup.test = None;
        }
        watch.run_starts(turn.name, turn.number, turn.total, &setup);
        let recorders: &mut [&mut dyn Recorder] = &mut [&mut *watch];
        let drive = if is_there { resume } else { train };
        let directory = match existing {
            Some(existing) => existing,
            None => RankDirectory::new(ranks, || {
                // Left by a process that was killed before it wrote anything else.
                let _ = std::fs::remove_file(directory.join(LOCK));
                RunDirectory::create(directory)
            })?,
        };
        let run = directory.run();
        let trained = drive(&setup, run, self.compute, self.stop, recorders);
        match trained {
            Ok(result) => Ok(match result.outcome.signal() {
                Some(signal) => RunOutcome::Interrupted {
                    signal,
                    result: Box::new(result),
                },
                None => RunOutcome::Done {
                    result: Box::new(result),
                    classes: setup.data.classes,
                },
            }),
            // A deleted run directory is not a failure of training.
            Err(error)
                if is_of_this_run(&error)
                    && have_all_failed(&error)
                    && RunDirectory::open(run.path()).is_ok() =>
            {
                Ok(failed(turn, &error, watch))
            }
            Err(error) => Err(error),
        }
    }
}

impl Trainer<'_> {
    /// Checks that all runs have the same images, because they are compared and their results combined. A hash
    /// of the first run's images is stored in [`IMAGES`].
    fn check_images(&self, setup: &RunSetup) -> Result<(), TrainError> {
        let images = setup.data.images.to_string();
        let file = self.directory.join(IMAGES);
        let kept = match std::fs::read_to_string(&file) {
            Ok(kept) => Some(kept),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(TrainError::io(&file, "read")(error)),
        };
        if kept.as_ref().is_some_and(|kept| kept.trim() == images) {
            return Ok(());
        }
        let differences = self.differences(setup);
        if kept.is_none() && differences.is_empty() {
            return Ok(write_file(&file, format!("{images}\n").as_bytes())?);
        }
        let differences = match differences.as_slice() {
            [] => {
                "some were added, removed, changed or moved to another class, group or split".into()
            }
            known => known.join("; "),
        };
        Err(TrainError::setting(
            "data.source",
            format!(
                "the images of {} are not those that the first of these runs was trained with: \
                 {differences}. The runs are compared, so restore the images, or start new runs",
                setup.config.data.source.printable()
            ),
        ))
    }

    /// How the images differ from those of the first existing run; empty if there is none, or if runs use only
    /// part of the data.
    fn differences(&self, setup: &RunSetup) -> Vec<String> {
        if setup.config.data.limit.is_some() {
            return Vec::new();
        }
        let subfolders = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            paths.sort();
            paths
        };
        // The trials of a search are one level deeper.
        let runs = subfolders(self.directory).into_iter().flat_map(|path| {
            let trials = subfolders(&path);
            std::iter::once(path).chain(trials)
        });
        let mut records = runs.filter_map(|path| {
            let run = RunDirectory::open(&path).ok()?;
            run.split_record().ok().flatten()
        });
        let Some(first) = records.next() else {
            return Vec::new();
        };
        let mut differences = first.differences(&setup.data.record_with_new());
        let comparison = setup.data.comparison.as_ref();
        let renamed = comparison.map_or(&[][..], |of| &of.renamed_classes);
        if !renamed.is_empty() {
            differences.push(format!(
                "classes have other names than in the runs: {}",
                renamed.join(", ")
            ));
        }
        if setup.data.unknown_class > 0 {
            differences.push(format!(
                "{} in classes that the runs do not have",
                match setup.data.unknown_class {
                    1 => "1 image is".into(),
                    images => format!("{} are", counted(images, "image")),
                }
            ));
        }
        differences
    }
}

/// Checks that an existing run is the planned one, not a copy of another.
fn check_turn(run: &RunDirectory, own: &RunConfig, planned: &RunConfig) -> Result<(), TrainError> {
    let words = |config: &RunConfig| {
        let seed = format!("seed {}", config.train.seed);
        let fold = config.data.fold;
        fold.map_or(seed.clone(), |fold| {
            format!("fold {} of {}, {seed}", fold.number, fold.of)
        })
    };
    if words(own) == words(planned) {
        return Ok(());
    }
    Err(TrainError::setting(
        "resume",
        format!(
            "{} is not the run that belongs there: it has {} instead of {}; move it away, so that the run is trained",
            run.path().printable(),
            words(own),
            words(planned)
        ),
    ))
}

fn failed(turn: &Turn<'_>, error: &TrainError, watch: &mut dyn SeriesWatch) -> RunOutcome {
    let reason = error.to_string();
    watch.run_failed(turn.name, &reason);
    RunOutcome::Failed(reason)
}

/// Whether an error concerns only this run's settings or training, so that other runs may still succeed.
fn is_of_this_run(error: &TrainError) -> bool {
    match error {
        TrainError::Diverged { .. }
        | TrainError::Memory { .. }
        | TrainError::PassMemory { .. }
        | TrainError::Run { .. }
        | TrainError::NoEpoch { .. }
        | TrainError::NoCheckpoint { .. } => true,
        TrainError::Model(error) => error.is_usage(),
        _ => false,
    }
}
