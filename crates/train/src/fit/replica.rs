//! Files on ranks other than the first, which has the directory of a run, a series or a search.

use crate::error::TrainError;
use crate::ranks::{Kind, Ranks};
use crate::run::RunDirectory;
use std::path::{Path, PathBuf};
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

/// A directory on the first rank, and on each of the others a temporary one, with the files that it needs.
#[derive(Debug)]
pub struct Replica {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Replica {
    /// For a new directory, to be created at this path. `path` finds the first rank's.
    ///
    /// # Errors
    /// That of `path`, or the system has no place for temporary files.
    pub fn new(
        ranks: Option<&Ranks>,
        path: impl FnOnce() -> Result<PathBuf, TrainError>,
    ) -> Result<Self, TrainError> {
        if ranks.is_none_or(Ranks::is_first) {
            return Ok(Self::own(path()?));
        }
        Self::temporary()
    }

    /// For an existing directory, which `check` finds in order on the first rank; that sends the files with
    /// these names to the others, if they exist.
    ///
    /// # Errors
    /// That of `check`, or files cannot be read or written.
    pub(crate) fn open(
        ranks: Option<&Ranks>,
        path: &Path,
        needed: &[&str],
        check: impl FnOnce(&Path) -> Result<(), TrainError>,
    ) -> Result<Self, TrainError> {
        let Some(ranks) = ranks else {
            check(path)?;
            return Ok(Self::own(path.into()));
        };
        let own = match ranks.is_first() {
            true => check(path).and_then(|()| packed(path, needed)),
            false => Ok(Vec::new()),
        };
        let files = ranks.gather(Kind::Files, own)?;
        if ranks.is_first() {
            return Ok(Self::own(path.into()));
        }
        let replica = Self::temporary()?;
        tar::Archive::new(&files[0][..])
            .unpack(&replica.path)
            .map_err(TrainError::io(
                &replica.path,
                "write the first rank's files to",
            ))?;
        Ok(replica)
    }

    /// The directory itself.
    fn own(path: PathBuf) -> Self {
        Self {
            path,
            _temporary: None,
        }
    }

    fn temporary() -> Result<Self, TrainError> {
        let place = std::env::temp_dir();
        let temporary = tempfile::tempdir();
        let temporary =
            temporary.map_err(TrainError::io(place, "create a temporary directory in"))?;
        Ok(Self {
            path: temporary.path().join("run"),
            _temporary: Some(temporary),
        })
    }

    /// This rank's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A rank's directory for a run: the run directory on the first rank, and on the others a temporary one, which
/// is deleted at the end.
#[derive(Debug)]
pub struct RankDirectory {
    run: RunDirectory,
    _replica: Option<Replica>,
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
                _replica: None,
            });
        }
        let replica = Replica::temporary()?;
        Ok(Self {
            run: RunDirectory::create(replica.path())?,
            _replica: Some(replica),
        })
    }

    /// For an existing run, whose files the first rank sends to the others.
    ///
    /// # Errors
    /// It is not a run, or cannot be read or written.
    pub fn open(ranks: Option<&Ranks>, path: &Path) -> Result<Self, TrainError> {
        let check = |path: &Path| RunDirectory::open(path).map(drop);
        let replica = Replica::open(ranks, path, &NEEDED, check)?;
        Ok(Self {
            run: RunDirectory::open(replica.path())?,
            _replica: Some(replica),
        })
    }

    /// The run.
    pub fn run(&self) -> &RunDirectory {
        &self.run
    }
}

/// The files with these names in a directory, as an archive.
fn packed(directory: &Path, needed: &[&str]) -> Result<Vec<u8>, TrainError> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in needed {
        let path = directory.join(name);
        let added = match (path.is_dir(), path.is_file()) {
            (true, _) => archive.append_dir_all(name, &path),
            (_, true) => archive.append_path_with_name(&path, name),
            _ => Ok(()),
        };
        added.map_err(TrainError::io(&path, "read"))?;
    }
    let packed = archive.into_inner();
    packed.map_err(TrainError::io(directory, "read"))
}
