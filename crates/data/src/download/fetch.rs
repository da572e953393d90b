//! Downloads that are verified by checksum and leave no partial files.

use super::agent::agent;
use super::body::copy;
use crate::error::DataError;
use crate::progress::{Progress, ProgressGuard};
use receptive_core::hash::Sha256;
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

/// A file of known size and hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteFile {
    pub(crate) file: &'static str,
    /// Bytes.
    pub(crate) size: u64,
    /// Hexadecimal, lower case.
    pub(crate) sha256: &'static str,
}

/// Prefix of temporary files.
const PARTIAL: &str = ".partial-";
/// Without file locks, an older file counts as abandoned.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Downloads `url` to `folder/remote.file`, through a temporary file in the same folder that is renamed once
/// its size and SHA-256 are verified, and otherwise removed. Files left by an interrupted program are removed
/// when the next download into the folder begins.
pub(crate) fn fetch(
    url: &str,
    remote: &RemoteFile,
    folder: &Path,
    progress: &dyn Progress,
    silence: Option<Duration>,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
    remove_stale(folder);
    let failed = |reason: String| DataError::Download {
        url: url.to_string(),
        reason,
        place: folder.to_path_buf(),
    };
    let agent: ureq::Agent = agent(url, silence).build().into();
    let response = agent
        .get(url)
        .call()
        .map_err(|error| failed(error.to_string()))?;
    // Never reads more than was published, whatever the server sends.
    let body = response.into_body().into_reader().take(remote.size + 1);

    let mut partial = new_file(folder)?;
    let running = ProgressGuard::start(
        progress,
        &format!("downloading {}", remote.file),
        Some(remote.size),
    );
    let mut hash = Sha256::default();
    let path = partial.path().to_path_buf();
    let size = copy(body, &mut partial, &path, &mut hash, &running, failed)?;
    if size < remote.size {
        return Err(failed(format!(
            "the connection ended after {size} of {} bytes",
            remote.size
        )));
    }
    let found = hash.finish();
    if size > remote.size || found != remote.sha256 {
        return Err(DataError::Checksum {
            url: url.to_string(),
            expected: format!("SHA-256 {} of {} bytes", remote.sha256, remote.size),
            found: if size > remote.size {
                "a longer file".into()
            } else {
                found
            },
        });
    }
    let target = folder.join(remote.file);
    partial
        .as_file()
        .sync_all()
        .map_err(DataError::io("write", partial.path()))?;
    partial
        .persist(&target)
        .map_err(|e| DataError::io("create", &target)(e.error))?;
    Ok(())
}

/// A temporary file that is deleted unless persisted; other users may then read it.
fn new_file(folder: &Path) -> Result<tempfile::NamedTempFile, DataError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PARTIAL);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let file = builder
        .tempfile_in(folder)
        .map_err(DataError::io("create a file in", folder))?;
    // Tells `remove_stale` that the file is being written. Without support for locks, its age decides.
    let _ = file.as_file().lock();
    Ok(file)
}

/// Removes the temporary files of killed programs: the system releases a program's locks when it ends. A file
/// that cannot be removed does no harm.
fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_partial = name.as_encoded_bytes().starts_with(PARTIAL.as_bytes());
        // Opening a named pipe would block.
        if is_partial && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let path = entry.path();
            if is_stale(&path).unwrap_or(false) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn is_stale(path: &Path) -> io::Result<bool> {
    let file = fs::File::options().write(true).open(path)?;
    let metadata = file.metadata()?;
    match file.try_lock() {
        // An empty file may have just been created and not been locked yet.
        Ok(()) if metadata.len() > 0 => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        _ => Ok(metadata.modified()?.elapsed().is_ok_and(|age| age > STALE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let killed = folder.path().join(".partial-killed");
        fs::write(&killed, "half").expect("written");
        let other = folder.path().join("other");
        fs::write(&other, "whole").expect("written");
        let mut living = new_file(folder.path()).expect("made");
        living.write_all(b"half").expect("written");
        let (new, old) = (".partial-new", ".partial-old");
        for name in [new, old] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        let long_ago = std::time::SystemTime::now() - 2 * STALE;
        let file = fs::File::options()
            .write(true)
            .open(folder.path().join(old))
            .expect("opened");
        file.set_modified(long_ago).expect("set");
        drop(file);

        remove_stale(folder.path());
        let left = |path: &Path| path.exists();
        assert!(!left(&killed) && !left(&folder.path().join(old)));
        assert!(left(&other) && left(living.path()) && left(&folder.path().join(new)));
    }
}
