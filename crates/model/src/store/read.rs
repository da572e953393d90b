use super::manifest::Manifest;
use super::{MANIFEST, MANIFEST_BYTES};
use crate::ModelError;
use receptive_core::file::{self, ReadError};
use receptive_core::hash::sha256;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads every file of a directory written by [`write_directory`](super::write_directory), at most
/// `cap` bytes of each.
///
/// # Errors
/// [`ModelError::Artifact`] naming what is missing, too large, changed or in another format.
pub fn read_directory(
    path: &Path,
    format: &str,
    version: u32,
    cap: u64,
) -> Result<BTreeMap<String, Vec<u8>>, ModelError> {
    let manifest_path = path.join(MANIFEST);
    let text = read_text(&manifest_path, MANIFEST_BYTES)?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| {
        ModelError::artifact(&manifest_path, format!("it is not a manifest: {error}"))
    })?;
    if manifest.format != format || manifest.version != version {
        return Err(ModelError::artifact(
            &manifest_path,
            format!(
                "it is `{}` version {}; expected `{format}` version {version}; write it again \
                 with this version of receptive",
                manifest.format, manifest.version
            ),
        ));
    }
    let seal = manifest
        .seal()
        .map_err(|error| ModelError::artifact(&manifest_path, error.to_string()))?;
    if seal != manifest.sha256 {
        return Err(ModelError::artifact(
            &manifest_path,
            "it has changed since it was written (its own hash does not match); use another copy",
        ));
    }
    let mut files = BTreeMap::new();
    for (name, listed) in &manifest.files {
        if Path::new(name)
            .file_name()
            .is_none_or(|file| file != name.as_str())
        {
            return Err(ModelError::artifact(
                &manifest_path,
                format!("it lists `{name}`, which is not a plain file name"),
            ));
        }
        let file = path.join(name);
        let bytes = read_capped(&file, cap)?;
        if bytes.len() as u64 != listed.bytes {
            return Err(ModelError::artifact(
                &file,
                format!(
                    "it has {} bytes but was written with {}; use another copy",
                    bytes.len(),
                    listed.bytes
                ),
            ));
        }
        if sha256(&bytes) != listed.sha256 {
            return Err(ModelError::artifact(
                &file,
                "it has changed since it was written (SHA-256 does not match); use another copy",
            ));
        }
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

/// Reads a regular file of at most `cap` bytes.
///
/// # Errors
/// When it is missing, not a regular file, or larger.
pub fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, ModelError> {
    file::read_capped(path, cap).map_err(|error| match error {
        ReadError::Io(source) => ModelError::io(path, "read")(source),
        other => ModelError::artifact(path, other.to_string()),
    })
}

/// Reads a text file of at most `cap` bytes.
///
/// # Errors
/// As [`read_capped`], and when it is not UTF-8.
pub fn read_text(path: &Path, cap: u64) -> Result<String, ModelError> {
    String::from_utf8(read_capped(path, cap)?)
        .map_err(|_| ModelError::artifact(path, "it is not UTF-8 text"))
}
