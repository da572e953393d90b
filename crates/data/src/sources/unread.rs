//! Class folders without readable images, with which a class may be lost.

use crate::error::DataError;
use crate::names::enumerate;
use crate::options::{BadImages, DataOptions};
use receptive_core::text::{Printable, counted};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Extensions, in lower case, of files that accompany data and are never images: texts, lists, programs,
/// models, and files that systems and cameras create.
const BESIDE: [&str; 41] = [
    "txt",
    "md",
    "rst",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "xml",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "log",
    "tex",
    "bib",
    "names",
    "py",
    "pyc",
    "ipynb",
    "sh",
    "bat",
    "ps1",
    "r",
    "m",
    "rs",
    "js",
    "css",
    "onnx",
    "safetensors",
    "pth",
    "ckpt",
    "db",
    "lnk",
    "url",
    "aae",
    "xmp",
    "thm",
    "md5",
    "sha256",
    "lock",
];
/// Names of text files without an extension, in lower case.
const TEXTS: [&str; 12] = [
    "authors",
    "changelog",
    "changes",
    "citation",
    "contributing",
    "copying",
    "dockerfile",
    "licence",
    "license",
    "makefile",
    "notice",
    "readme",
];
/// Maximum number of kinds of files in a sentence.
const KINDS: usize = 4;

/// A folder in the position of a class folder.
#[derive(Debug)]
pub(crate) struct UnreadFolder {
    path: PathBuf,
    /// The number of files of each kind, by extension.
    kinds: BTreeMap<String, usize>,
}

impl UnreadFolder {
    /// From the files in and below a folder; none of them is an image or hidden.
    pub(crate) fn new(path: &Path, files: &[PathBuf]) -> Self {
        let mut kinds = BTreeMap::new();
        for file in files {
            *kinds.entry(kind(file)).or_default() += 1;
        }
        Self {
            path: path.into(),
            kinds,
        }
    }

    /// Its name and content: `owl` (20 .npy).
    pub(crate) fn described(&self) -> String {
        let name = enumerate(&[self.name()]);
        match self.kinds.is_empty() {
            true => name,
            false => format!("{name} ({})", self.kinds()),
        }
    }

    /// The number of files of each kind, most frequent first.
    fn kinds(&self) -> String {
        let mut kinds: Vec<(&String, &usize)> = self.kinds.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let more: usize = kinds.iter().skip(KINDS).map(|(_, files)| **files).sum();
        let named = kinds.iter().take(KINDS);
        let mut parts: Vec<String> = named.map(|(kind, n)| format!("{n} {kind}")).collect();
        if more > 0 {
            parts.push(format!("{more} more"));
        }
        parts.join(", ")
    }

    /// Its position in the data: ` in train`, or empty.
    fn place(&self, root: &Path) -> String {
        let place = self.path.strip_prefix(root).ok().and_then(Path::parent);
        let place = place.filter(|place| !place.as_os_str().is_empty());
        place.map_or_else(String::new, |place| format!(" in {}", place.printable()))
    }

    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn files(&self) -> usize {
        self.kinds.values().sum()
    }

    fn has_copies(&self) -> bool {
        let copies = [".bak", ".old", ".orig", ".tmp", ".temp", ".part"];
        self.kinds
            .keys()
            .any(|kind| copies.contains(&kind.as_str()) || kind.ends_with('~'))
    }
}

/// Whether a file that is not an image merely accompanies the data, and is not the content of a class.
pub(crate) fn is_beside(file: &Path) -> bool {
    let lower = |name: &OsStr| name.to_string_lossy().to_lowercase();
    match file.extension() {
        Some(extension) => BESIDE.contains(&lower(extension).as_str()),
        None => TEXTS.contains(&lower(file.file_name().unwrap_or_default()).as_str()),
    }
}

fn kind(file: &Path) -> String {
    if file.as_os_str().as_encoded_bytes().ends_with(b"~") {
        return "copies with a name ending in ~".into();
    }
    match file.extension() {
        Some(extension) => {
            let extension = extension.to_string_lossy().to_lowercase();
            format!(".{}", extension.as_str().printable())
        }
        None => "without an extension".into(),
    }
}

/// The descriptions as part of a sentence, ten at most.
pub(crate) fn list(described: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = described.iter().take(SHOWN).cloned();
    let shown = shown.collect::<Vec<_>>().join(", ");
    match described.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A note on class folders with files that are not images, but may have been meant as images.
pub(crate) fn partly_note(root: &Path, folders: &[(UnreadFolder, usize)]) -> Option<String> {
    let described: Vec<String> = folders
        .iter()
        .map(|(folder, images)| {
            let (name, place, kinds) = (folder.name(), folder.place(root), folder.kinds());
            let images = counted(*images, "image");
            format!("{}{place} ({kinds} among {images})", enumerate(&[name]))
        })
        .collect();
    (!described.is_empty()).then(|| {
        format!(
            "skipped files in class folders that are not images; if they should be, convert them \
             to PNG or JPEG: {}",
            list(&described)
        )
    })
}

/// Rejects such folders, or adds a note that they are left out and returns the number of their files.
///
/// # Errors
/// Such folders exist and `BadImages::Fail` is set.
pub(crate) fn judge(
    root: &Path,
    folders: &[UnreadFolder],
    options: &DataOptions,
    notes: &mut Vec<String>,
) -> Result<usize, DataError> {
    if folders.is_empty() {
        return Ok(0);
    }
    let described: Vec<String> = folders
        .iter()
        .map(|folder| folder.described() + &folder.place(root))
        .collect();
    let list = list(&described);
    let files: usize = folders.iter().map(UnreadFolder::files).sum();
    let what = format!(
        "none of {} in {} is a readable image",
        counted(files, "file"),
        counted(folders.len(), "folder"),
    );
    if options.bad_images == BadImages::Skip {
        notes.push(format!("{what}; left out as classes: {list}"));
        return Ok(files);
    }
    let copies = match folders.iter().any(UnreadFolder::has_copies) {
        true => " (rename copies such as .bak)",
        false => "",
    };
    let it = match folders.len() {
        1 => "it",
        _ => "them",
    };
    Err(DataError::layout(
        root,
        format!(
            "{what}: {list}; to keep {it}, convert the files to PNG or JPEG{copies}; otherwise \
             move {it} away, or set data.bad_images to \"skip\" to leave {it} out"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_programs_and_models_lie_beside_data_and_unknown_files_do_not() {
        for name in [
            "README",
            "docs/notes.TXT",
            "LICENSE",
            "labels.csv",
            "model.onnx",
        ] {
            assert!(is_beside(Path::new(name)), "{name}");
        }
        for name in ["1.npy", "1.nii.gz", "1.png.bak", "photos.zip", "IMG_1"] {
            assert!(!is_beside(Path::new(name)), "{name}");
        }
    }
}
