//! Writing a response body to a file.

use crate::error::DataError;
use crate::progress::ProgressGuard;
use receptive_core::hash::Sha256;
use std::io::{Read, Write};
use std::path::Path;

/// Copies a body into the file at `path`, updates its hash, and returns the number of bytes. `failed` turns the
/// message of a read error into an error.
pub(super) fn copy(
    mut body: impl Read,
    file: &mut impl Write,
    path: &Path,
    hash: &mut Sha256,
    running: &ProgressGuard<'_>,
    failed: impl Fn(String) -> DataError,
) -> Result<u64, DataError> {
    let mut size = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = body
            .read(&mut buffer)
            .map_err(|error| failed(error.to_string()))?;
        let bytes = &buffer[..n];
        if bytes.is_empty() {
            return Ok(size);
        }
        hash.update(bytes);
        file.write_all(bytes)
            .map_err(DataError::io("write", path))?;
        size += n as u64;
        running.advance(n as u64);
    }
}
