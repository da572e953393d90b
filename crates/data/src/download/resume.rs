//! Downloads that can be resumed.

use super::agent::agent;
use super::body::copy;
use crate::error::DataError;
use crate::progress::{Progress, ProgressGuard};
use receptive_core::file::write_durable;
use receptive_core::hash::Sha256;
use receptive_core::lock::FileLock;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server's metadata of a file, known before the download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteMetadata {
    /// In bytes.
    pub(super) size: Option<u64>,
    /// In hexadecimal.
    pub(super) sha256: Option<String>,
}

/// Maximum size in bytes of a file without an announced size.
const MAX_UNKNOWN: u64 = 16 << 30;

/// Downloads `url` to `folder/name`, which exists only once it is complete. A partial download is kept under
/// another name and resumed the next time, if the announced hash is the same.
pub(super) fn fetch(
    url: &str,
    folder: &Path,
    name: &str,
    announced: &RemoteMetadata,
    progress: &dyn Progress,
    silence: Option<Duration>,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
    let failed = |reason: String| DataError::Hub {
        url: url.to_string(),
        reason,
        remedy: match announced.sha256 {
            Some(_) => "the partial file is kept: check the network and try again to continue",
            None => "nothing was kept: check the network and try again",
        }
        .into(),
    };
    let partial = match &announced.sha256 {
        Some(sha256) => folder.join(format!("{name}.partial-{}", &sha256[..16])),
        None => folder.join(format!("{name}.partial")),
    };
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&partial)
        .map_err(DataError::io("create", &partial))?;
    // Two programs must not write the same file. A file that cannot be locked is not protected.
    let lock = FileLock::of(&file);
    if let Err(fs::TryLockError::WouldBlock) = lock {
        return Err(DataError::Hub {
            url: url.to_string(),
            reason: "another program is downloading it".into(),
            remedy: "wait until it has finished".into(),
        });
    }
    let (mut hash, mut size) = match announced.sha256 {
        Some(_) => hash_of(&mut file).map_err(DataError::io("read", &partial))?,
        None => (Sha256::default(), 0),
    };
    let limit = announced.size.unwrap_or(MAX_UNKNOWN);
    if size > limit {
        (hash, size) = (Sha256::default(), 0);
    }
    // The download may be complete, but not yet renamed.
    if announced.size != Some(size) {
        let agent: ureq::Agent = agent(url, silence).build().into();
        let mut request = agent.get(url);
        if size > 0 {
            request = request.header("Range", format!("bytes={size}-"));
        }
        let response = request.call().map_err(|error| failed(error.to_string()))?;
        if response.status() != 206 {
            (hash, size) = (Sha256::default(), 0); // starts from the beginning
        }
        file.set_len(size)
            .and_then(|()| file.seek(SeekFrom::Start(size)))
            .map_err(DataError::io("write", &partial))?;
        let running =
            ProgressGuard::start(progress, &format!("downloading {name}"), announced.size);
        running.advance(size);
        // Never reads more than was announced, whatever the server sends.
        let body = response.into_body().into_reader().take(limit - size + 1);
        size += copy(body, &mut file, &partial, &mut hash, &running, failed)?;
    }
    if let Some(expected) = announced.size.filter(|expected| size < *expected) {
        return Err(failed(format!(
            "the connection ended after {size} of {expected} bytes"
        )));
    }
    let found = hash.finish();
    let is_other = announced
        .sha256
        .as_ref()
        .is_some_and(|sha256| *sha256 != found);
    if size > limit || is_other {
        drop((file, lock));
        let _ = fs::remove_file(&partial);
        return Err(DataError::Checksum {
            url: url.to_string(),
            expected: match &announced.sha256 {
                Some(sha256) => format!("SHA-256 {sha256} of {limit} bytes"),
                None => format!("{limit} bytes"),
            },
            found: if size > limit {
                "a longer file".into()
            } else {
                found
            },
        });
    }
    file.sync_all().map_err(DataError::io("write", &partial))?;
    if is_json(name) && !holds_object(&partial) {
        drop((file, lock));
        let _ = fs::remove_file(&partial);
        return Err(DataError::Hub {
            url: url.to_string(),
            reason:
                "the server sent something other than JSON, such as the page of a login or a proxy"
                    .into(),
            remedy: "nothing was kept: open the address in a browser to see it".into(),
        });
    }
    let target = folder.join(name);
    if !is_json(name) {
        let note = note_of(folder, name);
        let mark = match announced.sha256 {
            Some(_) => "",
            None => UNVERIFIED,
        };
        write_durable(&note, format!("{found}{mark}").as_bytes())
            .map_err(DataError::io("write", &note))?;
    }
    fs::rename(&partial, &target).map_err(DataError::io("create", &target))
}

/// Path of the file that stores a downloaded file's hash.
fn note_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.sha256"))
}

/// Follows the hash of a file whose hash no server has announced.
const UNVERIFIED: &str = " unverified";

/// The hash of a file when it was downloaded, if it was stored.
fn noted_hash(folder: &Path, name: &str) -> Option<String> {
    let note = fs::read_to_string(note_of(folder, name)).ok()?;
    Some(note.trim_end_matches(UNVERIFIED).to_string())
}

/// Whether a downloaded file has the hash that a server had announced. JSON files are never compared.
pub(super) fn is_verified(folder: &Path, name: &str) -> bool {
    let note = fs::read_to_string(note_of(folder, name));
    is_json(name) || note.is_ok_and(|note| !note.ends_with(UNVERIFIED))
}

/// Stores that the hash of a downloaded file has been announced since.
pub(super) fn mark_verified(folder: &Path, name: &str) -> Result<(), DataError> {
    let Some(hash) = noted_hash(folder, name) else {
        return Ok(());
    };
    let note = note_of(folder, name);
    write_durable(&note, hash.as_bytes()).map_err(DataError::io("write", &note))
}

/// Whether a downloaded file has the announced size and hash, as far as they are known.
pub(super) fn is_announced(folder: &Path, name: &str, announced: &RemoteMetadata) -> bool {
    let size = fs::metadata(folder.join(name)).map(|file| file.len()).ok();
    let is_size = announced.size.is_none() || announced.size == size;
    let is_hash =
        is_json(name) || announced.sha256.is_none() || announced.sha256 == noted_hash(folder, name);
    is_size && is_hash
}

fn is_json(name: &str) -> bool {
    name.ends_with(".json")
}

/// Maximum size of a JSON file that is checked, in bytes.
const MAX_JSON: u64 = 64 << 20;

/// Whether a file begins and ends like a JSON object.
fn holds_object(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_JSON).read_to_end(&mut bytes));
    let text = bytes.trim_ascii();
    read.is_ok() && text.starts_with(b"{") && text.ends_with(b"}")
}

/// Whether a file exists and has not changed since its download.
pub(super) fn is_intact(folder: &Path, name: &str) -> bool {
    // JSON files have no stored hash.
    if is_json(name) {
        return holds_object(&folder.join(name));
    }
    let Ok(mut file) = File::open(folder.join(name)) else {
        return false;
    };
    noted_hash(folder, name)
        .is_some_and(|noted| hash_of(&mut file).is_ok_and(|(hash, _)| hash.finish() == noted))
}

/// The hash and size of the existing file.
fn hash_of(file: &mut File) -> std::io::Result<(Sha256, u64)> {
    let (mut hash, mut size) = (Sha256::default(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((hash, size));
        }
        hash.update(&buffer[..n]);
        size += n as u64;
    }
}
