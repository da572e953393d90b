//! Reading files, gzipped or not, into memory without trusting the size they declare.

use crate::error::DataError;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;
use std::{fs, io};

/// The most bytes one IDX file, or one archive, may decompress to: 1 GiB. The largest set of these
/// formats in common use (EMNIST) has 0.55 GB.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Opens a regular file for reading, through gzip if its content begins like that.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    // Asked before opening: opening a FIFO would wait for a writer for ever.
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

/// Fills as much of `buffer` as there is; returns how much that was.
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

/// Reads up to `limit` bytes; `None` if there are more. Memory grows with what arrives.
pub(crate) fn read_all(reader: &mut dyn Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
