//! Size-limited reading and atomic writing of files.

use crate::text::Printable;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An I/O error of the system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The path is neither a regular file nor a link to one.
    #[error("it is {found}, not a regular file")]
    NotAFile {
        /// The kind of file, with an article.
        found: &'static str,
    },
    /// The file is larger than the limit.
    #[error("it has {found} bytes, more than the maximum of {cap}")]
    TooLarge {
        /// Its size in bytes; a lower bound if it is growing.
        found: u64,
        /// The limit in bytes.
        cap: u64,
    },
}

/// Reads a whole regular file of at most `cap` bytes.
///
/// # Errors
/// [`ReadError`]: the file is missing, not regular, or too large. A named pipe or a device is rejected without
/// being opened, because opening it might block forever.
pub fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, ReadError> {
    check_regular(&metadata(path)?)?;
    let file = File::open(path)?;
    // Checked again on the opened file, since the path may now refer to another one.
    let metadata = file.metadata()?;
    check_regular(&metadata)?;
    let too_large = |found| ReadError::TooLarge { found, cap };
    if metadata.len() > cap {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // The file may have grown since.
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The first bytes of a regular file, `length` at most.
///
/// # Errors
/// [`ReadError`], as [`read_capped`].
pub fn read_head(path: &Path, length: usize) -> Result<Vec<u8>, ReadError> {
    check_regular(&metadata(path)?)?;
    let file = File::open(path)?;
    check_regular(&file.metadata()?)?;
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Names the target of a link that leads nowhere: the path itself exists.
fn metadata(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path).map_err(|error| match fs::read_link(path) {
        Ok(target) if error.kind() == io::ErrorKind::NotFound => {
            let target = target.printable().into_owned();
            io::Error::new(
                error.kind(),
                format!("it is a link to {target}, which does not exist"),
            )
        }
        _ => error,
    })
}

fn check_regular(metadata: &Metadata) -> Result<(), ReadError> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = match metadata.is_dir() {
        true => "a folder",
        false => "a pipe, device or socket",
    };
    Err(ReadError::NotAFile { found })
}

/// Writes a file atomically and durably: a scratch file next to it, named `.tmp-PROCESS-NUMBER-NAME`, is
/// written and then renamed, replacing any file of that name.
///
/// If the machine loses power, the rename itself may be lost; the old file is then still there.
///
/// # Errors
/// An I/O error; `path` then still has its previous content.
pub fn write_durable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, File::sync_all)
}

/// Like [`write_durable`], but without waiting for the disk: no reader ever sees half a file, but the file may
/// be lost or truncated if the machine loses power.
fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, |_| Ok(()))
}

/// Like [`write_durable`], but without waiting for the disk (the file may be lost or truncated if the machine
/// loses power), and it never replaces a file that this program did not write: `is_own` decides by the existing
/// file's first [`HEAD_BYTES`](crate::mark::HEAD_BYTES) bytes. An empty file is replaced.
///
/// # Errors
/// As [`write_durable`], or if such a file exists.
pub fn write_over_own(
    path: &Path,
    bytes: &[u8],
    is_own: impl FnOnce(&[u8]) -> bool,
) -> io::Result<()> {
    let head = match path.is_file() {
        true => read_head(path, crate::mark::HEAD_BYTES).map_err(io::Error::other)?,
        false => Vec::new(),
    };
    let keep = |problem: &str| {
        let problem =
            format!("it exists and {problem}; choose another name, or move it away first");
        Err(io::Error::new(io::ErrorKind::AlreadyExists, problem))
    };
    if !head.is_empty() && !is_own(&head) {
        return keep("was not written by receptive");
    }
    if !head.is_empty() && fs::read(path).is_ok_and(|file| crate::seal::is_edited(&file)) {
        return keep("was edited since receptive wrote it");
    }
    write_atomic(path, bytes)
}

fn write(path: &Path, bytes: &[u8], flush: impl Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let scratch = scratch_of(path);
    let _ = fs::remove_file(&scratch); // left over from a killed process of the same number
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&scratch)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            flush(&file)
        })
        .and_then(|()| fs::rename(&scratch, path));
    if written.is_err() {
        let _ = fs::remove_file(&scratch); // the first error is the one to report
    }
    written
}

/// A name in the folder of `path` that no other thread or process uses.
fn scratch_of(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".tmp-{process}-{count}-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_no_scratch_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        for (write, text) in [
            (write_durable as fn(&Path, &[u8]) -> _, "alpha"),
            (write_atomic, "b"),
        ] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(read_capped(&path, 5).unwrap(), text.as_bytes());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_files_that_are_empty_or_of_this_program_are_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figure");
        let write =
            |text: &str| write_over_own(&file, text.as_bytes(), |head| head.starts_with(b"ours"));
        write("ours: 1").unwrap();
        write("ours: 2").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"ours: 2");
        fs::write(&file, "").unwrap();
        write("ours: 3").unwrap();
        fs::write(&file, "a holiday").unwrap();
        let error = write("ours: 4").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("choose another name"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"a holiday");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there_and_no_scratch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap(); // a file cannot replace a folder
        assert!(write_durable(&path, b"alpha").is_err());
        assert!(write_durable(&folder.path().join("no/a"), b"alpha").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_too_large_or_no_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "alpha").unwrap();
        let error = read_capped(&path, 4).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { found: 5, cap: 4 }));
        let error = read_capped(folder.path(), 4).unwrap_err().to_string();
        assert!(error.contains("a folder"), "{error}");
        let error = read_capped(&folder.path().join("b"), 4).unwrap_err();
        assert!(matches!(error, ReadError::Io(_)));
    }
}
