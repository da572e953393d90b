//! A directory of files that appears whole or not at all, and is checked when it is read.
//!
//! Writing: the files go to a scratch directory beside the target, each is flushed to the disk,
//! then a manifest with their sizes and SHA-256 hashes, then one rename puts the directory in its
//! place. A run killed at any moment leaves the old directory or the new one, and perhaps a scratch
//! directory, which is named `.tmp-*` and never read. An old directory is moved aside first: between
//! the two renames, a fraction of a millisecond, only the `.old-*` copy exists.
//!
//! Reading: each file is read whole, up to a cap, and compared with the manifest before anyone
//! parses it. The hash finds damage; it is no signature, so it does not stop someone who rewrites
//! both.

use crate::ModelError;
use crate::hash::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The manifest's file name.
pub const MANIFEST: &str = "MANIFEST.json";
const MANIFEST_BYTES: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    version: u32,
    files: BTreeMap<String, Listed>,
    /// The hash of the text above it, so that a flipped bit here is seen too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    bytes: u64,
    sha256: String,
}

impl Manifest {
    fn seal(&self) -> Result<String, serde_json::Error> {
        let unsealed = Self {
            format: self.format.clone(),
            version: self.version,
            files: self
                .files
                .iter()
                .map(|(name, file)| {
                    (
                        name.clone(),
                        Listed {
                            bytes: file.bytes,
                            sha256: file.sha256.clone(),
                        },
                    )
                })
                .collect(),
            sha256: String::new(),
        };
        Ok(sha256(serde_json::to_string(&unsealed)?.as_bytes()))
    }
}

/// Writes `files` as the directory `target`, replacing one that is there.
///
/// # Errors
/// [`ModelError::Io`] naming the file; what was at `target` before is then still there.
pub fn write_directory(
    target: &Path,
    format: &str,
    version: u32,
    files: &[(&str, &[u8])],
) -> Result<(), ModelError> {
    let parent = parent_of(target);
    fs::create_dir_all(&parent).map_err(ModelError::io(&parent, "creating the directory"))?;
    let scratch = beside(target, "tmp");
    let _ = fs::remove_dir_all(&scratch); // left over from a killed process of the same number
    fs::create_dir(&scratch).map_err(ModelError::io(&scratch, "creating the directory"))?;
    let written = fill(&scratch, format, version, files).and_then(|()| commit(&scratch, target));
    if written.is_err() {
        let _ = fs::remove_dir_all(&scratch); // the first error is the one to report
    }
    written
}

fn fill(
    scratch: &Path,
    format: &str,
    version: u32,
    files: &[(&str, &[u8])],
) -> Result<(), ModelError> {
    let mut manifest = Manifest {
        format: format.into(),
        version,
        files: BTreeMap::new(),
        sha256: String::new(),
    };
    for (name, bytes) in files {
        write_flushed(&scratch.join(name), bytes)?;
        let listed = Listed {
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        manifest.files.insert((*name).into(), listed);
    }
    let path = scratch.join(MANIFEST);
    let text = manifest
        .seal()
        .and_then(|seal| {
            manifest.sha256 = seal;
            serde_json::to_string_pretty(&manifest)
        })
        .map_err(|error| ModelError::artifact(&path, error.to_string()))?;
    write_flushed(&path, text.as_bytes())?;
    flush_directory(scratch)
}

fn commit(scratch: &Path, target: &Path) -> Result<(), ModelError> {
    let old = beside(target, "old");
    let replaces = target.exists();
    if replaces {
        let _ = fs::remove_dir_all(&old);
        fs::rename(target, &old).map_err(ModelError::io(target, "moving the old one aside"))?;
    }
    if let Err(source) = fs::rename(scratch, target) {
        if replaces {
            let _ = fs::rename(&old, target);
        }
        return Err(ModelError::Io {
            path: target.into(),
            action: "putting it in place",
            source,
        });
    }
    flush_directory(&parent_of(target))?;
    if replaces {
        let _ = fs::remove_dir_all(&old); // a leftover costs space, not data
    }
    Ok(())
}

/// Reads every file of a directory that [`write_directory`] made, up to `cap` bytes each.
///
/// # Errors
/// [`ModelError::Artifact`] naming what is missing, too large, changed or of another format.
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
                "it holds `{}` version {}, but `{format}` version {version} is wanted; write it \
                 again with this version of receptive",
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
                format!("it lists `{name}`, which is no plain file name"),
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
    // A named pipe would block `open` for ever, so its kind is looked at first.
    let metadata = fs::metadata(path).map_err(ModelError::io(path, "reading"))?;
    if !metadata.is_file() {
        return Err(ModelError::artifact(path, "it is not a regular file"));
    }
    if metadata.len() > cap {
        return Err(too_large(path, metadata.len(), cap));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(ModelError::io(path, "opening"))?;
    // It may have grown since.
    file.take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(ModelError::io(path, "reading"))?;
    if bytes.len() as u64 > cap {
        return Err(too_large(path, bytes.len() as u64, cap));
    }
    Ok(bytes)
}

/// Reads a text file of at most `cap` bytes.
///
/// # Errors
/// As [`read_capped`], and when it is not UTF-8.
pub fn read_text(path: &Path, cap: u64) -> Result<String, ModelError> {
    String::from_utf8(read_capped(path, cap)?)
        .map_err(|_| ModelError::artifact(path, "it is not UTF-8 text"))
}

/// Writes a file that appears whole or not at all.
///
/// # Errors
/// [`ModelError::Io`] naming the file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let scratch = beside(path, "tmp");
    let written = write_flushed(&scratch, bytes)
        .and_then(|()| fs::rename(&scratch, path).map_err(ModelError::io(path, "writing")));
    if written.is_err() {
        let _ = fs::remove_file(&scratch); // the first error is the one to report
    }
    written
}

fn write_flushed(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let mut file = File::create(path).map_err(ModelError::io(path, "creating"))?;
    file.write_all(bytes)
        .map_err(ModelError::io(path, "writing"))?;
    file.sync_all()
        .map_err(ModelError::io(path, "flushing to the disk"))
}

/// Makes a rename in this directory durable. Windows has no such call and needs none.
fn flush_directory(path: &Path) -> Result<(), ModelError> {
    if cfg!(unix) {
        let directory = File::open(path).map_err(ModelError::io(path, "opening"))?;
        directory
            .sync_all()
            .map_err(ModelError::io(path, "flushing to the disk"))?;
    }
    Ok(())
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.into(),
        _ => PathBuf::from("."),
    }
}

fn beside(path: &Path, word: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent_of(path).join(format!(".{word}-{}-{name}", std::process::id()))
}

fn too_large(path: &Path, bytes: u64, cap: u64) -> ModelError {
    ModelError::artifact(
        path,
        format!("it has {bytes} bytes, more than the {cap} that are read"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("model");
        write_directory(
            &target,
            "test",
            1,
            &[("a.txt", b"alpha"), ("b.bin", &[0, 1])],
        )
        .unwrap();
        (directory, target)
    }

    #[test]
    fn what_is_written_reads_back_and_leaves_no_scratch() {
        let (directory, target) = written();
        write_directory(&target, "test", 1, &[("a.txt", b"beta")]).unwrap();
        let files = read_directory(&target, "test", 1, 100).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files["a.txt"], b"beta");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn any_flipped_bit_in_any_file_is_an_error() {
        let (_directory, target) = written();
        for name in ["a.txt", "b.bin", MANIFEST] {
            let path = target.join(name);
            let original = fs::read(&path).unwrap();
            for bit in 0..original.len() * 8 {
                let mut damaged = original.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, &damaged).unwrap();
                let read = read_directory(&target, "test", 1, 100);
                // White space is no content: a flip between two kinds of it changes nothing.
                if let Ok(files) = read {
                    assert_eq!(name, MANIFEST, "bit {bit} of {name} went unseen");
                    assert_eq!(files["a.txt"], b"alpha");
                    assert_eq!(files["b.bin"], [0, 1]);
                }
            }
            fs::write(&path, &original).unwrap();
        }
    }

    #[test]
    fn a_missing_a_cut_and_an_outsized_file_are_named() {
        let (_directory, target) = written();
        let error = read_directory(&target, "test", 1, 4)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a.txt") && error.contains("more than the 4"),
            "{error}"
        );
        let error = read_directory(&target, "test", 2, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("version 2 is wanted"), "{error}");
        fs::write(target.join("a.txt"), b"al").unwrap();
        let error = read_directory(&target, "test", 1, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("2 bytes but was written with 5"), "{error}");
        fs::remove_file(target.join("a.txt")).unwrap();
        let error = read_directory(&target, "test", 1, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("a.txt"), "{error}");
    }
}
