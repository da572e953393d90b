//! Listing a zip archive.

use super::{ArchiveMember, List, ZipFile};
use crate::error::DataError;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Length of a file's header without its name and extra field.
const HEADER: usize = 30;
/// Length of a directory entry without its name.
const ENTRY: usize = 46;

/// Lists the files of an archive from its directory, which is at its end.
pub(super) fn list(file: File, list: &mut List) -> Result<File, DataError> {
    let unreadable = |list: &List, error: &ZipError| {
        let why = match error {
            ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                error.to_string()
            }
            _ => "its central directory, which is at its end, is missing or damaged".into(),
        };
        list.error(format!(
            "could not read it as a zip archive: {why}; if it is truncated, copy it again; if it \
             is one part of several, join or unpack them"
        ))
    };
    let handle = file
        .try_clone()
        .map_err(DataError::io("open", &list.archive))?;
    let archive =
        ZipArchive::new(BufReader::new(handle)).map_err(|error| unreadable(list, &error))?;
    if archive.has_duplicate_names() {
        let name = twice(&file, archive.central_directory_start());
        return Err(match name {
            Some(name) => list.held_twice(&list.name(&name)?),
            None => list.error("it contains several files of the same name; pack the folder again"),
        });
    }
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index);
        add(&entry.map_err(|error| unreadable(list, &error))?, list)?;
    }
    Ok(file)
}

fn add(entry: &ZipFileEntry<'_>, list: &mut List) -> Result<(), DataError> {
    // Some Windows programs separate folders with `\`.
    let raw: Vec<u8> = entry
        .name_raw()
        .iter()
        .map(|byte| match byte {
            b'\\' => b'/',
            other => *other,
        })
        .collect();
    if raw.ends_with(b"/") {
        list.name(&raw)?;
        return Ok(());
    }
    let name = list.name(&raw)?;
    if entry.is_symlink() {
        return list.add_link(name);
    }
    let method = entry.compression();
    let is_deflated = method == CompressionMethod::Deflated;
    let problem = if entry.encrypted() {
        Some("it is encrypted; unpack the archive with its password and use the folder".to_string())
    } else if !is_deflated && method != CompressionMethod::Stored {
        Some(format!(
            "it is compressed with {}, but only deflate is supported; unpack the archive and use \
             the folder",
            method_name(method)
        ))
    } else {
        None
    };
    if let Some(problem) = problem {
        return list.add_unreadable(name, &problem);
    }
    let member = ArchiveMember {
        start: entry.header_start(),
        stored: entry.compressed_size(),
        len: entry.size(),
        zipped: Some(ZipFile {
            is_deflated,
            crc: entry.crc32(),
        }),
    };
    list.add(name, member)
}

/// The name of a compression method.
fn method_name(method: CompressionMethod) -> String {
    #[allow(
        deprecated,
        reason = "the ID of a method that the library was built without"
    )]
    let number = match method {
        CompressionMethod::Unsupported(number) => number,
        known => return format!("{known:?}").to_lowercase(),
    };
    let name = match number {
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        9 => "deflate64",
        12 => "bzip2",
        14 => "LZMA",
        93 => "zstd",
        94 => "MP3",
        95 => "xz",
        96 => "JPEG",
        98 => "PPMd",
        other => return format!("method {other}"),
    };
    name.into()
}

/// The first name that occurs twice in the directory that begins at `start`.
fn twice(file: &File, start: u64) -> Option<Vec<u8>> {
    let mut directory = BufReader::new(file.try_clone().ok()?);
    directory.seek(SeekFrom::Start(start)).ok()?;
    let mut seen = HashSet::new();
    loop {
        let mut header = [0; ENTRY];
        directory.read_exact(&mut header).ok()?;
        if !header.starts_with(b"PK\x01\x02") {
            return None;
        }
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = vec![0; length(28)];
        directory.read_exact(&mut name).ok()?;
        let rest = length(30) + length(32);
        directory.seek_relative(rest as i64).ok()?;
        if !seen.insert(name.clone()) {
            return Some(name);
        }
    }
}

/// Reads a file's header; returns the number of bytes between it and the file's data.
pub(super) fn header_tail(reader: &mut impl Read) -> io::Result<i64> {
    let mut header = [0; HEADER];
    reader.read_exact(&mut header)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "there is no file at the position given in the archive's directory",
        ));
    }
    let length = |at: usize| i64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    Ok(length(26) + length(28))
}
