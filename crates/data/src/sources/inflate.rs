//! Reading files, gzipped or not, into memory without trusting their declared size.

use crate::error::DataError;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;
use std::{fs, io};

/// Maximum decompressed size of an IDX file or an archive: 1 GiB. The largest common data set in these formats
/// (EMNIST) has 0.55 GB.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Opens a regular file for reading, decompressing it if it is gzipped by content.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    // Checked before opening, because opening a FIFO would block until there is a writer.
    let metadata = fs::metadata(path).map_err(DataError::io("read", path))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() {
            "a folder"
        } else {
            "a pipe, device or socket"
        };
        return Err(DataError::NotAFile {
            path: path.to_path_buf(),
            found,
        });
    }
    let mut file = fs::File::open(path).map_err(DataError::io("open", path))?;
    let mut start = [0; 2];
    let got = read_start(&mut file, &mut start).map_err(DataError::io("read", path))?;
    let whole = io::Cursor::new(start)
        .take(got as u64)
        .chain(io::BufReader::new(file));
    Ok(if start == [0x1f, 0x8b] {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}

/// Reads until `buffer` is full or the data end; returns the number of bytes.
pub(crate) fn read_start(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads up to `limit` bytes; `None` if there are more. Memory grows with the data read.
pub(crate) fn read_all(reader: &mut dyn Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
