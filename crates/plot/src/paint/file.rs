//! Writing a file whole or not at all.

use std::path::Path;

use crate::PlotError;

/// Puts `bytes` at `path` so that no reader ever sees half a picture. The bytes may still be in the
/// system's cache on return.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PlotError> {
    receptive_core::file::write_atomic(path, bytes).map_err(|source| PlotError::Write {
        path: path.to_owned(),
        source,
    })
}
