//! Cleans up what a killed process left next to the directory it was writing.

use super::MANIFEST;
use crate::ModelError;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn beside(path: &Path, word: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent_of(path).join(format!(".{word}-{}-{name}", std::process::id()))
}

/// Cleans up in `parent`, to which no other process may be writing: an old directory that was moved
/// aside and never replaced is restored, all other leftovers are removed. Returns the restored
/// paths.
///
/// # Errors
/// On an I/O error.
pub fn recover(parent: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let mut put_back = Vec::new();
    let entries = fs::read_dir(parent).map_err(ModelError::io(parent, "list"))?;
    for entry in entries {
        let path = entry.map_err(ModelError::io(parent, "list"))?.path();
        let Some((word, name)) = leftover(&path) else {
            continue;
        };
        let target = parent.join(name);
        if word == "old" && !target.exists() && path.join(MANIFEST).is_file() {
            fs::rename(&path, &target).map_err(ModelError::io(&target, "restore"))?;
            put_back.push(target);
        } else if path.is_dir() {
            fs::remove_dir_all(&path).map_err(ModelError::io(&path, "remove"))?;
        } else {
            fs::remove_file(&path).map_err(ModelError::io(&path, "remove"))?;
        }
    }
    Ok(put_back)
}

/// The `word` and the `name` of `.word-123-name`.
fn leftover(path: &Path) -> Option<(&str, &str)> {
    let (word, rest) = path
        .file_name()?
        .to_str()?
        .strip_prefix('.')?
        .split_once('-')?;
    let (process, name) = rest.split_once('-')?;
    let is_ours = matches!(word, "tmp" | "old") && process.parse::<u32>().is_ok();
    is_ours.then_some((word, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_aside_goes_back_and_scratch_goes() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in [
            ".old-12-model",
            ".old-12-last",
            "last",
            ".tmp-12-model",
            ".tmpfiles",
        ] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join(MANIFEST), name).unwrap();
        }
        fs::write(at(".tmp-7-config.toml"), "").unwrap();
        assert_eq!(recover(directory.path()).unwrap(), [at("model")]);
        assert_eq!(
            fs::read(at("model").join(MANIFEST)).unwrap(),
            b".old-12-model"
        );
        assert_eq!(fs::read(at("last").join(MANIFEST)).unwrap(), b"last");
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".tmpfiles", "last", "model"]);
    }
}
