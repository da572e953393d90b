//! Writing a file whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::PlotError;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Puts `bytes` at `path`: into a new file beside it first, which then takes its name, so that no
/// reader ever sees half a picture. The bytes may still be in the system's cache on return.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PlotError> {
    let draft = beside(path);
    let done = fill(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    done.map_err(|source| {
        let _ = fs::remove_file(&draft);
        PlotError::Write {
            path: path.to_owned(),
            source,
        }
    })
}

fn fill(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(draft)?
        .write_all(bytes)
}

/// A name in the folder of `path` that no other thread or process writes.
fn beside(path: &Path) -> PathBuf {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(
        ".receptive-plot-{}-{count}.tmp",
        std::process::id()
    ))
}
