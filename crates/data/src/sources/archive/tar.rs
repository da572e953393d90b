//! Listing a tar archive, and unpacking the images of a gzipped one.

use super::{ArchiveMember, List};
use crate::error::DataError;
use crate::progress::{Progress, ProgressGuard};
use crate::sources::inflate;
use crate::sources::kind::{self, FileKind, is_image_name};
use flate2::read::MultiGzDecoder;
use receptive_core::mark;
use receptive_core::text::Printable;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// Maximum number of bytes unpacked from a gzipped archive: a few kilobytes of gzip can expand to gigabytes.
const MAX_BYTES: u64 = 64 << 30;
/// Headers and files are aligned to this many bytes; the archive ends with two blocks of zeros.
const BLOCK: u64 = 512;
const CUT_SHORT: &str = "it ends within a file";

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
    let mut end = 0;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(list, &error))?;
        end = end.max(end_of(&entry));
        let Some(name) = file_name(&entry, list)? else {
            continue;
        };
        let start = entry.raw_file_position();
        if start.checked_add(entry.size()).is_none_or(|end| end > len) {
            return Err(list.file_error(
                &name,
                "the archive ends before this file does; it is truncated: copy it again",
            ));
        }
        list.add(name, member(start, entry.size()))?;
    }
    // Whatever follows the last file is the end-of-archive mark.
    list.has_end = len >= end.saturating_add(BLOCK);
    Ok(file)
}

/// The offset of the next entry, or of the end-of-archive mark.
fn end_of<R: Read>(entry: &Entry<'_, R>) -> u64 {
    let size = entry.header().entry_size().unwrap_or(0);
    let end = entry.raw_file_position().saturating_add(size);
    end.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// A reader that counts the bytes read.
struct CountingReader<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Copies the images and label lists of a gzipped archive to an unnamed temporary file.
pub(super) fn unpack(
    file: File,
    list: &mut List,
    progress: &dyn Progress,
) -> Result<File, DataError> {
    let running = ProgressGuard::start(progress, "unpacking", None);
    let place = std::env::temp_dir();
    let mut copy = tempfile::tempfile().map_err(|error| no_room(list, &place, &error))?;
    let stream = MultiGzDecoder::new(BufReader::new(file)).take(MAX_BYTES);
    let mut archive = Archive::new(CountingReader {
        inner: stream,
        bytes: 0,
    });
    let entries = archive
        .entries()
        .map_err(|error| unreadable(list, &error))?;
    let (mut start, mut end) = (0, 0);
    let mut buffer = vec![0; 1 << 16];
    for entry in entries {
        let mut entry = entry.map_err(|error| unreadable(list, &error))?;
        running.advance(1);
        end = end.max(end_of(&entry));
        let Some(name) = file_name(&entry, list)? else {
            continue;
        };
        let head = inflate::read_start(&mut entry, &mut buffer[..mark::HEAD_BYTES])
            .map_err(|error| unreadable(list, &error))?;
        let kind = kind::of_file(&name, || buffer[..head].to_vec());
        if kind == FileKind::Other && !is_list(&name) {
            // Listed by name only.
            list.add(name, member(start, 0))?;
            continue;
        }
        copy.write_all(&buffer[..head])
            .map_err(|error| no_room(list, &place, &error))?;
        let mut len = head as u64;
        loop {
            let read = match entry.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(list, &error)),
            };
            copy.write_all(&buffer[..read])
                .map_err(|error| no_room(list, &place, &error))?;
            len += read as u64;
        }
        if len != entry.size() {
            return Err(unreadable_by(list, CUT_SHORT));
        }
        list.add(name, member(start, len))?;
        start += len;
    }
    let read = archive.into_inner();
    list.has_end = read.bytes >= end.saturating_add(BLOCK);
    let mut rest = read.inner;
    // The checksum is at the end of the gzip stream and is verified only when that is reached.
    io::copy(&mut rest, &mut io::sink()).map_err(|error| unreadable(list, &error))?;
    match rest.limit() {
        0 => Err(list.error(format!(
            "it has more than {MAX_BYTES} bytes when unpacked; unpack it and use the folder"
        ))),
        _ => Ok(copy),
    }
}

/// An error that the temporary file cannot be written, and what to do.
fn no_room(list: &List, place: &Path, error: &io::Error) -> DataError {
    list.error(format!(
        "its images could not be unpacked into a file in {}: {error}; set TMPDIR to a directory \
         with enough space, pack the folder as .tar or .zip, which are read in place, or unpack \
         it",
        place.printable()
    ))
}

fn member(start: u64, len: u64) -> ArchiveMember {
    ArchiveMember {
        start,
        stored: len,
        len,
        zipped: None,
    }
}

/// The name of an entry if it is a file with content of its own. A hard link is added to the list here, with
/// its target's content.
fn file_name<R: Read>(entry: &Entry<'_, R>, list: &mut List) -> Result<Option<PathBuf>, DataError> {
    let name = list.name(&entry.path_bytes())?;
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => return Ok(Some(name)),
        EntryType::Directory => {}
        EntryType::Link => {
            let target = list.name(&entry.link_name_bytes().unwrap_or_default())?;
            match list.members.get(&target).cloned() {
                Some(member) => list.add(name, member)?,
                // Nothing is missing without it: it is not an image by name.
                None if !is_image_name(&name) => {}
                None => list.add_link(name)?,
            }
        }
        EntryType::Symlink => list.add_link(name)?,
        EntryType::GNUSparse => list.add_unreadable(
            name,
            "it is packed as a sparse file; unpack the archive and use the folder",
        )?,
        // Pipes, devices, and metadata of archivers.
        _ => list.add_special(&name)?,
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

fn unreadable(list: &List, error: &io::Error) -> DataError {
    // The library's message quotes the invalid content, which may be any bytes.
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => CUT_SHORT.into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            "its content is not a tar archive, or is damaged".into()
        }
        _ => error.to_string(),
    };
    unreadable_by(list, &why)
}

fn unreadable_by(list: &List, why: &str) -> DataError {
    list.error(format!(
        "could not read it as a tar archive: {why}; if it is truncated, copy it again"
    ))
}
