//! A run's directory, with its configuration and results.

mod images;
mod log;

pub(crate) use images::NO_RECORD;
pub use images::{DataPlace, ImageQuery, RunImages, SplitName};
pub use log::{RunEnd, RunLog};

use crate::baseline::Baselines;
use crate::config::RunConfig;
use crate::error::TrainError;
use receptive_core::csv;
use receptive_core::hash::sha256;
use receptive_core::lock::FileLock;
use receptive_core::text::Printable;
use receptive_data::{DamagedImage, SplitRecord};
use receptive_model::Artifact;
use receptive_model::store;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `runs/NNN/`: `config.toml`, `classes.txt`, `split.csv`, `metrics.csv`, `log.jsonl`,
/// `curves.png`, `confusion.png`, `model/` (the best epoch's artifact), `last/` (the latest
/// epoch's) and `checkpoints/`.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
}

/// The file next to the runs that contains the highest number used so far.
const NEWEST: &str = ".newest";
/// Locked by the process that trains in the run directory.
pub(crate) const LOCK: &str = ".lock";
/// All events of the run, one JSON object per line.
pub(crate) const LOG: &str = "log.jsonl";
/// Maximum size in bytes of a record of splits: about ten million images.
const MAX_RECORD_BYTES: u64 = 2 << 30;
/// Highest number to try for a new directory.
const MAX_RUNS: u32 = 1_000_000;

impl RunDirectory {
    /// Creates the next numbered directory below `parent`. Numbers are never reused.
    ///
    /// # Errors
    /// An I/O error.
    pub fn next(parent: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(parent).map_err(TrainError::io(parent, "create"))?;
        // The highest number is stored, so that deleting the latest run does not free its number.
        let newest = parent.join(NEWEST);
        let written = fs::read_to_string(&newest)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        let highest = fs::read_dir(parent)
            .map_err(TrainError::io(parent, "list"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .fold(written, u32::max);
        for number in highest.saturating_add(1)..MAX_RUNS {
            let path = parent.join(format!("{number:03}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    store::write_file(&newest, format!("{number}\n").as_bytes())?;
                    return Ok(Self { path });
                }
                // Another run took this number meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrainError::io(path, "create")(error)),
            }
        }
        Err(TrainError::run(
            parent,
            "it has no free run number; use another directory",
        ))
    }

    /// Creates a directory, or takes an empty one.
    ///
    /// # Errors
    /// The directory is not empty: a run never overwrites another.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(path).map_err(TrainError::io(path, "create"))?;
        Self::check_free(path)?;
        Ok(Self { path: path.into() })
    }

    /// Checks that [`create`](Self::create) would succeed, without creating anything.
    ///
    /// # Errors
    /// The path is not a directory, or not empty.
    pub fn check_free(path: &Path) -> Result<(), TrainError> {
        if !path.exists() {
            return Ok(());
        }
        let mut entries = fs::read_dir(path).map_err(TrainError::io(path, "list"))?;
        if entries.next().is_some() {
            return Err(TrainError::run(
                path,
                "it is not empty, and a run never overwrites anything; choose a new name",
            ));
        }
        Ok(())
    }

    /// Opens an existing run.
    ///
    /// # Errors
    /// It does not contain `config.toml`.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let run = Self { path: path.into() };
        if !run.is_there() {
            let reason = match Self::first_in(path) {
                Some(first) => format!(
                    "it is not a run directory but contains some; use one of them, such as {}",
                    first.path.printable()
                ),
                None => {
                    "it is not a run directory (it has no config.toml); expected one created by \
                     training, such as runs/001"
                        .into()
                }
            };
            return Err(TrainError::run(path, reason));
        }
        Ok(run)
    }

    /// The first run in a directory, by name: one of a series or, one level further down, of a search's trials.
    fn first_in(path: &Path) -> Option<Self> {
        let inside = |path: &Path| -> Vec<Self> {
            let entries = fs::read_dir(path).into_iter().flatten();
            let mut inner: Vec<Self> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .map(|path| Self { path })
                .collect();
            inner.sort_by(|a, b| a.path.cmp(&b.path));
            inner
        };
        let inner = inside(path);
        if let Some(run) = inner.iter().find(|one| one.is_there()) {
            return Some(run.clone());
        }
        let mut trials = inner.iter().filter(|one| one.path.is_dir());
        trials.find_map(|trial| inside(&trial.path).into_iter().find(Self::is_there))
    }

    /// The run in this directory, or the run that the model in it belongs to (`runs/001/last` and
    /// `runs/001/model` are inside their run); `None` for a model copied elsewhere.
    pub fn around(path: &Path) -> Option<Self> {
        let inside = Artifact::is_at(path).then(|| path.parent()).flatten();
        [Some(path), inside]
            .into_iter()
            .flatten()
            .map(|path| Self { path: path.into() })
            .find(Self::is_there)
    }

    /// The role of each image; `None` if the run has no record.
    ///
    /// # Errors
    /// The record cannot be read, is damaged, or is not the one that the run wrote.
    pub fn split_record(&self) -> Result<Option<Arc<SplitRecord>>, TrainError> {
        let Some(text) = self.split_text()? else {
            return Ok(None);
        };
        let path = self.path.join(Self::SPLIT);
        let record = SplitRecord::from_csv(&text, &path.printable())?;
        let end = RunLog::read(self).ok().and_then(|log| log.end);
        let written = end.and_then(|end| end.split_sha256);
        if written.is_some_and(|written| written != sha256(text.as_bytes())) {
            let problem = "it is not the record that this run wrote (log.jsonl has another hash), so the \
                           training images are not known; restore it from a copy of the run";
            return Err(TrainError::run(&path, problem));
        }
        Ok(Some(Arc::new(record)))
    }

    fn split_text(&self) -> Result<Option<String>, TrainError> {
        let path = self.path.join(Self::SPLIT);
        match path.exists() {
            true => Ok(Some(store::read_text(&path, MAX_RECORD_BYTES)?)),
            false => Ok(None),
        }
    }

    /// The hash of the record.
    pub(crate) fn split_sha256(&self) -> Result<Option<String>, TrainError> {
        let text = self.split_text()?;
        Ok(text.map(|text| sha256(text.as_bytes())))
    }

    /// The class names of the run, in the order of its labels.
    ///
    /// # Errors
    /// The list cannot be read.
    pub(crate) fn classes(&self) -> Result<Vec<String>, TrainError> {
        let text = store::read_text(&self.path.join(Self::CLASSES), MAX_RECORD_BYTES)?;
        Ok(text.lines().map(str::to_string).collect())
    }

    /// The baselines on the frozen features of the pretrained model; `None` if the run has none.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn baselines(&self) -> Result<Option<Baselines>, TrainError> {
        let path = self.path.join(Self::BASELINES);
        if !path.exists() {
            return Ok(None);
        }
        let text = store::read_text(&path, MAX_RECORD_BYTES)?;
        let baselines = serde_json::from_str(&text).map_err(|error| {
            let problem = format!("it was not written by training: {error}");
            TrainError::run(&path, problem)
        })?;
        Ok(Some(baselines))
    }

    /// Writes the record unless one exists: a run keeps its splits.
    pub(crate) fn keep_split_record(
        &self,
        record: impl FnOnce() -> SplitRecord,
    ) -> Result<(), TrainError> {
        if self.path.join(Self::SPLIT).exists() {
            return Ok(());
        }
        self.write(Self::SPLIT, &record().to_csv())
    }

    /// Writes the class names of the run.
    pub(crate) fn write_classes(&self, classes: &[String]) -> Result<(), TrainError> {
        self.write(Self::CLASSES, (classes.join("\n") + "\n").as_bytes())
    }

    fn is_there(&self) -> bool {
        self.path.join("config.toml").is_file()
    }

    /// Called before anything is written during training. Missing subdirectories are created, but a deleted run
    /// must not reappear in part.
    ///
    /// # Errors
    /// `config.toml` no longer exists.
    pub(crate) fn check_there(&self) -> Result<(), TrainError> {
        if self.is_there() {
            return Ok(());
        }
        Err(TrainError::run(
            &self.path,
            "the run directory was moved or deleted during training (its config.toml is missing), \
             so nothing more is written; train again, and do not move the directory during the \
             run",
        ))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The artifact of the best epoch.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// The artifact of the latest epoch, best or not.
    pub fn last(&self) -> PathBuf {
        self.path.join("last")
    }

    /// Whether an epoch was completed, so that [`model`](Self::model) exists.
    pub fn has_model(&self) -> bool {
        Artifact::is_at(&self.model())
    }

    /// The list of damaged images that were left out.
    pub const SKIPPED: &str = "skipped.csv";
    /// The names of the classes, one per line.
    const CLASSES: &str = "classes.txt";
    /// The split of each image, by path and content, once the run has started.
    pub const SPLIT: &str = "split.csv";

    /// The baselines on frozen features, if the run started from a pretrained model.
    pub(crate) const BASELINES: &str = "baselines.json";

    /// The curves of loss and top-1.
    pub const CURVES: &str = "curves.png";
    /// The confusion matrix of the kept model.
    pub const CONFUSION: &str = "confusion.png";
    /// The growth of the effective receptive field, if tracked.
    pub const FIELD: &str = "erf.png";

    /// The directory of the kept model.
    ///
    /// # Errors
    /// The run has no model.
    pub fn kept_model(&self) -> Result<PathBuf, TrainError> {
        if self.has_model() {
            return Ok(self.model());
        }
        let reason = if self.model().is_dir() {
            "its model/ has no MANIFEST.json, so it cannot be verified".into()
        } else if Artifact::is_at(&self.last()) {
            format!(
                "it has no model/: no epoch was kept as the best (the run diverged), or it was \
                 moved or deleted; use the last epoch's model, {}, instead of the run",
                self.last().printable()
            )
        } else if self.has_epochs() {
            "it has no model/: no epoch was kept as the best (the run diverged), or it was moved or \
             deleted"
                .into()
        } else if let Some(message) = RunLog::read(self).ok().and_then(|log| log.diverged) {
            let problem = format!(
                "this run has no model, since training diverged in its first epoch, and would \
                 diverge again with the same settings: {message}"
            );
            return Err(TrainError::run(&self.path, problem));
        } else {
            return Err(TrainError::NoEpoch {
                path: self.path.clone(),
            });
        };
        Err(TrainError::Lost {
            path: self.path.clone(),
            reason,
            config: self.path.join("config.toml"),
        })
    }

    /// Whether any epoch was recorded.
    fn has_epochs(&self) -> bool {
        let metrics = fs::read_to_string(self.path.join("metrics.csv"));
        metrics.is_ok_and(|metrics| metrics.lines().nth(1).is_some())
    }

    /// The directory of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Locks the directory for this process, until the returned lock is dropped or the process ends.
    ///
    /// # Errors
    /// Another process is training in it.
    pub(crate) fn lock(&self) -> Result<FileLock, TrainError> {
        lock(&self.path)
    }

    /// Removes temporary files of killed processes.
    pub(crate) fn recover(&self) -> Result<(), TrainError> {
        for directory in [self.path.clone(), self.checkpoints()] {
            if directory.is_dir() {
                store::recover(&directory)?;
            }
        }
        Ok(())
    }

    /// The run's configuration.
    ///
    /// # Errors
    /// `config.toml` cannot be read.
    pub fn config(&self) -> Result<RunConfig, TrainError> {
        RunConfig::load(&self.path.join("config.toml"))
    }

    /// Writes the list of damaged images that were left out, as [RFC
    /// 4180](https://www.rfc-editor.org/rfc/rfc4180) CSV.
    pub(crate) fn write_skipped(&self, damaged: &[DamagedImage]) -> Result<(), TrainError> {
        let mut table = Vec::new();
        csv::push_row(&mut table, ["path", "reason"]);
        for bad in damaged {
            let path = bad.path.as_os_str().as_encoded_bytes();
            csv::push_row(&mut table, [path, bad.reason.as_bytes()]);
        }
        self.write(Self::SKIPPED, &table)
    }

    /// Writes one file atomically.
    ///
    /// # Errors
    /// An I/O error.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        Ok(store::write_file(&self.path.join(name), bytes)?)
    }
}

/// Locks a directory in which this process trains, one run or several, until the returned lock is dropped or the
/// process ends.
///
/// # Errors
/// Another process is training in it.
pub(crate) fn lock(directory: &Path) -> Result<FileLock, TrainError> {
    let path = directory.join(LOCK);
    let file = File::create(&path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => TrainError::run(
            directory,
            format!(
                "nothing can be written there ({error}), and a run is trained in its own directory; \
                 make it writable, or copy it to a writable path and resume the copy"
            ),
        ),
        _ => TrainError::io(&path, "create")(error),
    })?;
    FileLock::of(&file).map_err(|error| match error {
        TryLockError::WouldBlock => TrainError::run(
            directory,
            "another process is training in this directory; wait until it finishes, or stop it",
        ),
        TryLockError::Error(error) => TrainError::io(&path, "lock")(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_and_never_reused() {
        let parent = tempfile::tempdir().unwrap();
        let first = RunDirectory::next(parent.path()).unwrap();
        let second = RunDirectory::next(parent.path()).unwrap();
        assert!(first.path().ends_with("001") && second.path().ends_with("002"));
        fs::remove_dir(first.path()).unwrap();
        fs::remove_dir(second.path()).unwrap();
        assert!(
            RunDirectory::next(parent.path())
                .unwrap()
                .path()
                .ends_with("003")
        );
    }

    #[test]
    fn a_directory_with_something_in_it_is_rejected() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("thesis.txt"), "mine").unwrap();
        let error = RunDirectory::create(parent.path()).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        let error = RunDirectory::open(parent.path()).unwrap_err().to_string();
        assert!(error.contains("config.toml"), "{error}");
    }
}
