//! Listing a tar archive, and unpacking the images of a gzipped one.

use super::{List, Member};
use crate::error::DataError;
use crate::progress::{Progress, ProgressGuard};
use crate::sources::inflate;
use crate::sources::kind::{self, FileKind};
use flate2::read::MultiGzDecoder;
use receptive_core::mark;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// The most that is unpacked of a gzipped archive, in bytes: a few kilobytes of gzip can become
/// gigabytes.
const MAX_BYTES: u64 = 64 << 30;

/// Lists the files of an archive.
pub(super) fn list(file: File, list: &mut List) -> Result<File, DataError> {
    let len = file
        .metadata()
        .map_err(DataError::io("read", &list.archive))?
        .len();
    let handle = file
        .try_clone()
        .map_err(DataError::io("open", &list.archive))?;
    let mut archive = Archive::new(BufReader::new(handle));
    let entries = archive
        .entries_with_seek()
        .map_err(|error| unreadable(list, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(list, &error))?;
        let Some(name) = file_name(&entry, list)? else {
            continue;
        };
        let start = entry.raw_file_position();
        if start.checked_add(entry.size()).is_none_or(|end| end > len) {
            return Err(list.file_error(
                &name,
                "the archive ends before this file does; it is cut short: copy it again",
            ));
        }
        list.add(name, member(start, entry.size()))?;
    }
    Ok(file)
}

/// Copies the images of a gzipped archive, and its lists, into a temporary file without a name.
pub(super) fn unpack(
    file: File,
    list: &mut List,
    progress: &dyn Progress,
) -> Result<File, DataError> {
    let running = ProgressGuard::start(progress, "unpacking", None);
    let place = std::env::temp_dir();
    let mut copy = tempfile::tempfile().map_err(DataError::io("create a file in", &place))?;
    let stream = MultiGzDecoder::new(BufReader::new(file)).take(MAX_BYTES);
    let mut archive = Archive::new(stream);
    let entries = archive
        .entries()
        .map_err(|error| unreadable(list, &error))?;
    let mut start = 0;
    let mut buffer = vec![0; 1 << 16];
    for entry in entries {
        let mut entry = entry.map_err(|error| unreadable(list, &error))?;
        running.advance(1);
        let Some(name) = file_name(&entry, list)? else {
            continue;
        };
        let head = inflate::read_start(&mut entry, &mut buffer[..mark::HEAD_BYTES])
            .map_err(|error| unreadable(list, &error))?;
        let kind = kind::of_file(&name, || buffer[..head].to_vec());
        if kind == FileKind::Other && !is_list(&name) {
            continue;
        }
        copy.write_all(&buffer[..head])
            .map_err(DataError::io("unpack an archive into", &place))?;
        let mut len = head as u64;
        loop {
            let read = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(list, &error)),
            };
            copy.write_all(&buffer[..read])
                .map_err(DataError::io("unpack an archive into", &place))?;
            len += read as u64;
        }
        if len != entry.size() {
            return Err(unreadable(list, &"it ends within a file"));
        }
        list.add(name, member(start, len))?;
        start += len;
    }
    let mut rest = archive.into_inner();
    // gzip's checksum stands at the end of the stream, and is compared only if that is reached.
    io::copy(&mut rest, &mut io::sink()).map_err(|error| unreadable(list, &error))?;
    match rest.limit() {
        0 => Err(list.error(format!(
            "it has more than {MAX_BYTES} bytes when it is unpacked; unpack it and give the folder"
        ))),
        _ => Ok(copy),
    }
}

fn member(start: u64, len: u64) -> Member {
    Member {
        start,
        stored: len,
        len,
        zipped: None,
    }
}

/// The name of an entry that is a file with a content of its own. A hard link is added to the list
/// here: it is the file that it leads to.
fn file_name<R: Read>(entry: &Entry<'_, R>, list: &mut List) -> Result<Option<PathBuf>, DataError> {
    let name = list.name(&entry.path_bytes())?;
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => return Ok(Some(name)),
        EntryType::Directory => {}
        EntryType::Link => {
            let target = list.name(&entry.link_name_bytes().unwrap_or_default())?;
            match list.members.get(&target).cloned() {
                Some(member) => list.add(name, member)?,
                None => list.check_link(&name)?,
            }
        }
        // Symbolic links, pipes and devices.
        _ => list.check_link(&name)?,
    }
    Ok(None)
}

/// Whether it may be a label list.
fn is_list(name: &Path) -> bool {
    let extension = name.extension();
    extension.is_some_and(|e| {
        ["csv", "tsv", "txt"]
            .iter()
            .any(|l| e.eq_ignore_ascii_case(l))
    })
}

fn unreadable(list: &List, error: &dyn std::fmt::Display) -> DataError {
    list.error(format!(
        "it cannot be read as a tar archive ({error}); if it is cut short, copy it again"
    ))
}
