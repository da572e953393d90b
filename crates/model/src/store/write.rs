use super::MANIFEST;
use super::leftovers::{beside, parent_of};
use super::manifest::{Manifest, ManifestEntry};
use crate::ModelError;
use receptive_core::file;
use receptive_core::hash::sha256;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// A point in the writing of a directory; a process may die at any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The scratch directory exists and is empty.
    ScratchMade,
    /// The file with this index, from 0, is flushed.
    FileWritten(usize),
    /// The manifest is flushed too.
    ManifestWritten,
    /// The scratch directory's own entries are flushed: it is complete.
    ScratchFlushed,
    /// The old directory was moved aside, because the two could not be exchanged.
    OldMovedAside,
    /// The new directory is in place.
    InPlace,
    /// The rename is flushed.
    Flushed,
    /// The old directory is deleted.
    OldRemoved,
}

/// Writes `files` as the directory `target`, replacing an existing one.
///
/// # Errors
/// [`ModelError::Io`] naming the file; the previous content of `target` is then unchanged.
pub fn write_directory(
    target: &Path,
    format: &str,
    version: u32,
    files: &[(&str, &[u8])],
) -> Result<(), ModelError> {
    write_directory_watched(target, format, version, files, &mut |_| ())
}

/// Like [`write_directory`], calling back at each point: for tests that stop the process there.
///
/// # Errors
/// As [`write_directory`].
pub fn write_directory_watched(
    target: &Path,
    format: &str,
    version: u32,
    files: &[(&str, &[u8])],
    watch: &mut dyn FnMut(Moment),
) -> Result<(), ModelError> {
    let parent = parent_of(target);
    fs::create_dir_all(&parent).map_err(ModelError::io(&parent, "create the directory"))?;
    let scratch = beside(target, "tmp");
    let _ = fs::remove_dir_all(&scratch); // left by a killed process with the same id
    fs::create_dir(&scratch).map_err(ModelError::io(&scratch, "create the directory"))?;
    watch(Moment::ScratchMade);
    let written = fill(&scratch, format, version, files, watch)
        .and_then(|()| commit(&scratch, target, watch));
    if written.is_err() {
        let _ = fs::remove_dir_all(&scratch); // the first error is the one to report
    }
    written
}

fn fill(
    scratch: &Path,
    format: &str,
    version: u32,
    files: &[(&str, &[u8])],
    watch: &mut dyn FnMut(Moment),
) -> Result<(), ModelError> {
    let mut manifest = Manifest {
        format: format.into(),
        version,
        files: BTreeMap::new(),
        sha256: String::new(),
    };
    for (i, (name, bytes)) in files.iter().enumerate() {
        write_flushed(&scratch.join(name), bytes)?;
        let listed = ManifestEntry {
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        manifest.files.insert((*name).into(), listed);
        watch(Moment::FileWritten(i));
    }
    let path = scratch.join(MANIFEST);
    let text = manifest
        .seal()
        .and_then(|seal| {
            manifest.sha256 = seal;
            serde_json::to_string_pretty(&manifest)
        })
        .map_err(|error| ModelError::artifact(&path, error.to_string()))?;
    write_flushed(&path, text.as_bytes())?;
    watch(Moment::ManifestWritten);
    flush_directory(scratch)?;
    watch(Moment::ScratchFlushed);
    Ok(())
}

fn commit(scratch: &Path, target: &Path, watch: &mut dyn FnMut(Moment)) -> Result<(), ModelError> {
    let old = if !target.exists() {
        rename(scratch, target)?;
        None
    } else if exchanged(scratch, target) {
        Some(scratch.to_path_buf())
    } else {
        let old = beside(target, "old");
        let _ = fs::remove_dir_all(&old);
        fs::rename(target, &old).map_err(ModelError::io(target, "move aside"))?;
        watch(Moment::OldMovedAside);
        if let Err(error) = rename(scratch, target) {
            let _ = fs::rename(&old, target);
            return Err(error);
        }
        Some(old)
    };
    watch(Moment::InPlace);
    flush_directory(&parent_of(target))?;
    watch(Moment::Flushed);
    if let Some(old) = old {
        let _ = fs::remove_dir_all(old); // a leftover costs space, not data
        watch(Moment::OldRemoved);
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), ModelError> {
    fs::rename(from, to).map_err(ModelError::io(to, "replace"))
}

/// Exchanges two directories in one step; false if the operating system or the file system cannot.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchanged(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchanged(_: &Path, _: &Path) -> bool {
    false
}

/// Writes a file atomically.
///
/// # Errors
/// [`ModelError::Io`] naming the file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    file::write_durable(path, bytes).map_err(ModelError::io(path, "write"))
}

fn write_flushed(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let mut file = File::create(path).map_err(ModelError::io(path, "create"))?;
    file.write_all(bytes)
        .map_err(ModelError::io(path, "write"))?;
    file.sync_all().map_err(ModelError::io(path, "sync"))
}

/// Makes a rename in this directory durable. Windows has no such call and does not need one.
fn flush_directory(path: &Path) -> Result<(), ModelError> {
    if cfg!(unix) {
        let directory = File::open(path).map_err(ModelError::io(path, "open"))?;
        directory.sync_all().map_err(ModelError::io(path, "sync"))?;
    }
    Ok(())
}
