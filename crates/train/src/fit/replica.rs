//! A run's files on ranks other than the first, which has the run directory.

use crate::error::TrainError;
use crate::ranks::{Kind, Ranks};
use crate::run::RunDirectory;
use std::path::Path;
use tempfile::TempDir;

/// The files of a run directory that a rank needs to resume.
const NEEDED: [&str; 9] = [
    "config.toml",
    "classes.txt",
    "split.csv",
    "baselines.json",
    "log.jsonl",
    "skipped.csv",
    "model",
    "last",
    "checkpoints",
];

/// A rank's directory for a run: the run directory on the first rank, and on the others a temporary one, which
/// is deleted at the end.
#[derive(Debug)]
pub struct RankDirectory {
    run: RunDirectory,
    _temporary: Option<TempDir>,
}

impl RankDirectory {
    /// For a new run. `create` makes the run directory, on the first rank.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn new(
        ranks: Option<&Ranks>,
        create: impl FnOnce() -> Result<RunDirectory, TrainError>,
    ) -> Result<Self, TrainError> {
        if ranks.is_none_or(Ranks::is_first) {
            return Ok(Self {
                run: create()?,
                _temporary: None,
            });
        }
        let temporary = temporary()?;
        Ok(Self {
            run: RunDirectory::create(&temporary.path().join("run"))?,
            _temporary: Some(temporary),
        })
    }

    /// For an existing run, whose files the first rank sends to the others.
    ///
    /// # Errors
    /// It is not a run, or cannot be read or written.
    pub fn open(ranks: Option<&Ranks>, path: &Path) -> Result<Self, TrainError> {
        let Some(ranks) = ranks else {
            let run = RunDirectory::open(path)?;
            return Ok(Self {
                run,
                _temporary: None,
            });
        };
        if ranks.is_first() {
            let run = RunDirectory::open(path);
            let files = run.as_ref().ok().map(|run| packed(run.path()));
            let (run, own) = match (run, files) {
                (Ok(run), Some(files)) => (Some(run), files),
                (Err(error), _) => (None, Err(error)),
                (Ok(_), None) => (None, Ok(Vec::new())),
            };
            ranks.gather(Kind::Files, own)?;
            let run = run.map_or_else(|| RunDirectory::open(path), Ok)?;
            return Ok(Self {
                run,
                _temporary: None,
            });
        }
        let files = ranks.gather(Kind::Files, Ok(Vec::new()))?;
        let temporary = temporary()?;
        let own = temporary.path().join("run");
        let files = files.first().map_or(&[][..], Vec::as_slice);
        tar::Archive::new(files)
            .unpack(&own)
            .map_err(TrainError::io(&own, "write the run's files to"))?;
        Ok(Self {
            run: RunDirectory::open(&own)?,
            _temporary: Some(temporary),
        })
    }

    /// The run.
    pub fn run(&self) -> &RunDirectory {
        &self.run
    }
}

fn temporary() -> Result<TempDir, TrainError> {
    let place = std::env::temp_dir();
    tempfile::tempdir().map_err(TrainError::io(place, "create a temporary directory in"))
}

/// The files needed to resume a run.
fn packed(run: &Path) -> Result<Vec<u8>, TrainError> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in NEEDED {
        let path = run.join(name);
        let added = match (path.is_dir(), path.is_file()) {
            (true, _) => archive.append_dir_all(name, &path),
            (_, true) => archive.append_path_with_name(&path, name),
            _ => Ok(()),
        };
        added.map_err(TrainError::io(&path, "read"))?;
    }
    let packed = archive.into_inner();
    packed.map_err(TrainError::io(run, "read"))
}
