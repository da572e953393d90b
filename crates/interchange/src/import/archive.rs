//! PyTorch archives that the `zip` crate misreads.

use crate::InterchangeError;
use std::io::Write;
use tempfile::NamedTempFile;

/// The signatures of the end record, of the 64-bit end record, and of a directory entry.
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
/// The largest distance of the end record from the end of a file: 22 bytes and a comment.
const TAIL: usize = 22 + (1 << 16);

/// A copy of an archive that `zip` would misread, changed so that it reads it correctly; `None` if
/// no copy is needed.
///
/// PyTorch writes 76 bytes of 64-bit records between an archive's directory and its 32-bit end
/// record. In case something precedes the archive, `zip` 9.8.2 looks for the directory that many
/// bytes after its actual position, and if an entry starts there, it takes that entry for the
/// beginning. The second entry starts there if the first one's name has 30 characters, such as
/// `STEM/data.pkl` with a stem of 21. The copy has the sizes in the 64-bit records only, as the
/// format allows, so there is nothing to search for.
pub(super) fn readable(bytes: &[u8]) -> Result<Option<NamedTempFile>, InterchangeError> {
    let Some(end) = mistaken_end(bytes) else {
        return Ok(None);
    };
    let write = || {
        let mut file = NamedTempFile::new()?;
        file.write_all(&bytes[..end + 8])?;
        // The numbers of entries and the directory's size and position: all ones refer to the
        // 64-bit records.
        file.write_all(&[0xff; 12])?;
        file.write_all(&bytes[end + 20..])?;
        file.flush()?;
        Ok(file)
    };
    write().map(Some).map_err(|error: std::io::Error| {
        let folder = std::env::temp_dir();
        InterchangeError::file(
            folder,
            format!("could not write a copy of the checkpoint: {error}"),
        )
    })
}

/// The position of the end record, if the archive would be misread.
fn mistaken_end(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let from = bytes.len().saturating_sub(TAIL);
    let end = from + memchr::memmem::rfind(&bytes[from..], END)?;
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let (size, place) = (number(end + 12)?, number(end + 16)?);
    let behind = end.checked_sub(place.checked_add(size)?)?;
    let is_at = |at: usize, signature: &[u8]| bytes.get(at..at + 4) == Some(signature);
    let is_whole = bytes.len() >= end + 22;
    (is_whole && behind > 0 && is_at(place + size, END_64) && is_at(place + behind, ENTRY))
        .then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_archive_that_would_be_misread_is_copied() {
        // Two directory entries, of 76 bytes each if `longer` is 0, then both kinds of records.
        let archive = |longer: usize| {
            let mut bytes = b"PK\x03\x04".to_vec();
            let place = bytes.len() as u32;
            for _ in 0..2 {
                bytes.extend(ENTRY);
                bytes.resize(bytes.len() + 72 + longer, 0);
            }
            let size = bytes.len() as u32 - place;
            bytes.extend(END_64);
            bytes.resize(bytes.len() + 72, 0);
            bytes.extend(END);
            bytes.extend([0; 8]);
            bytes.extend(size.to_le_bytes());
            bytes.extend(place.to_le_bytes());
            bytes.extend([0; 2]);
            bytes
        };
        let copy = readable(&archive(0)).unwrap().unwrap();
        let copied = std::fs::read(copy.path()).unwrap();
        assert_eq!(copied.len(), archive(0).len());
        let end = copied.len() - 22;
        assert_eq!(copied[end + 8..end + 20], [0xff; 12]);
        for longer in [1, 5] {
            assert!(readable(&archive(longer)).unwrap().is_none());
        }
        for length in 0..archive(0).len() {
            assert!(readable(&archive(0)[..length]).unwrap().is_none());
        }
    }
}
