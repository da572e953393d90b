//! The kind of a file or folder, by its name.

use crate::image::foreign::{self, Foreign};
use receptive_core::mark;
use std::ffi::OsStr;
use std::path::Path;

/// The kind of a file in a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// An image, or a file that should be one by its name or content. This includes links to files, and also
    /// pipes, devices and broken links with such a name, so that decoding reports them by name.
    Image,
    /// A figure drawn by this program.
    Own,
    /// Anything else: skipped.
    Other,
}

/// Extensions of formats that can be decoded. Whether the content matches the extension is found when a file is
/// decoded.
const EXTENSIONS: [&str; 23] = [
    "bmp", "exr", "ff", "farbfeld", "gif", "hdr", "ico", "jfif", "jpe", "jpeg", "jpg", "pam",
    "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tga", "tif", "tiff", "webp", "apng",
];

/// Extensions of files that are not images, or are copies of images; they are not opened.
const OTHER: [&str; 46] = [
    "txt",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "xml",
    "yaml",
    "yml",
    "toml",
    "md",
    "rst",
    "ini",
    "db",
    "log",
    "py",
    "ipynb",
    "sh",
    "npy",
    "npz",
    "h5",
    "hdf5",
    "pkl",
    "mat",
    "parquet",
    "pt",
    "pth",
    "onnx",
    "safetensors",
    "zip",
    "tar",
    "gz",
    "tgz",
    "bz2",
    "xz",
    "7z",
    "rar",
    "thm",
    "aae",
    "xmp",
    "bak",
    "old",
    "orig",
    "tmp",
    "temp",
    "part",
    "crdownload",
];

/// Names of files written by `export`.
const EXPORTS: [&[u8]; 3] = [b"model.onnx", b"model.safetensors", b"model.py"];

/// Whether a file has a name that this program gives to files other than figures: an exported model, a page of
/// the manual, or a shell's completions.
fn is_own_name(name: &[u8]) -> bool {
    let program = name.strip_prefix(b"_").unwrap_or(name);
    EXPORTS.contains(&name) || program.starts_with(mark::SOFTWARE.as_bytes())
}

/// Whether a file has the name of this program's events for TensorBoard.
fn is_event_file(name: &[u8]) -> bool {
    name.starts_with(b"events.out.tfevents.") && name.ends_with(mark::SOFTWARE.as_bytes())
}

/// Whether such a file was written by this program, by its beginning.
fn names_program(head: &[u8]) -> bool {
    let mut parts = head.windows(mark::SOFTWARE.len());
    parts.any(|part| part == mark::SOFTWARE.as_bytes())
}

/// Folders created by systems, network drives, archivers and notebooks, in lower case; most contain thumbnails
/// or deleted files.
const JUNK: [&str; 14] = [
    "@eadir",
    "#recycle",
    "#snapshot",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "lost+found",
    "__macosx",
    "__pycache__",
    "lost.dir",
    "network trash folder",
];

/// Whether a folder of this name is created by a system or a program.
pub(crate) fn is_junk(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let lower = name.to_lowercase();
    JUNK.contains(&lower.as_str())
}

pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The kind of a file by its name and, only if the name does not tell, by its first [`mark::HEAD_BYTES`] bytes.
pub(crate) fn of_file(path: &Path, head: impl Fn() -> Vec<u8>) -> FileKind {
    let has = |known: &[&str]| known.iter().any(|known| has_extension(path, known));
    if is_image_name(path) {
        let is_own = has(&["png", "svg", "html"]) && mark::is_on(&head());
        return match is_own {
            true => FileKind::Own,
            false => FileKind::Image,
        };
    }
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    if is_event_file(name) || is_own_name(name) && names_program(&head()) {
        return FileKind::Own;
    }
    // Photos without a telling extension are recognised by content.
    match !has(&OTHER) && !name.ends_with(b"~") && foreign::is_picture(&head()) {
        true => FileKind::Image,
        false => FileKind::Other,
    }
}

/// Whether a file should be an image with pixels by its name, unlike a page or a drawing.
pub(crate) fn is_picture_name(path: &Path) -> bool {
    Foreign::from_name(path).is_none_or(Foreign::is_picture)
}

/// Whether a file is or should be an image by its name, readable or not.
pub(crate) fn is_image_name(path: &Path) -> bool {
    has_image_extension(path) || Foreign::from_name(path).is_some()
}

/// Whether a path is skipped because of its name: it is hidden, in a folder created by a system, or does not
/// have the extension of an image.
pub(crate) fn is_passed_over(path: &Path) -> bool {
    path.iter().any(|part| is_hidden(part) || is_junk(part))
        || OTHER.iter().any(|known| has_extension(path, known))
}

fn has_extension(path: &Path, known: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(known))
}

pub(crate) fn has_image_extension(path: &Path) -> bool {
    EXTENSIONS.iter().any(|known| has_extension(path, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, head: &[u8]) -> FileKind {
        of_file(Path::new(name), || head.to_vec())
    }

    #[test]
    fn a_file_is_told_by_its_name_and_without_one_by_its_content() {
        const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
        const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0heic";
        for name in [
            "a.jpg",
            "IMG_1.HEIC",
            "a.NEF",
            "scan.pdf",
            "a.svg",
            "film.MOV",
        ] {
            assert_eq!(of(name, b"anything"), FileKind::Image, "{name}");
        }
        for name in ["IMG_1", "a.jpg_large", "photo.123"] {
            assert_eq!(of(name, JPEG), FileKind::Image, "{name}");
            assert_eq!(of(name, HEIC), FileKind::Image, "{name}");
            assert_eq!(of(name, b"text"), FileKind::Other, "{name}");
        }
        for name in ["a.jpg.bak", "a.jpg~", "notes.txt", "a.part"] {
            assert_eq!(of(name, JPEG), FileKind::Other, "{name}");
        }
        let figure = format!("<svg>{}</svg>", mark::COMMENT);
        assert_eq!(of("lr.SVG", figure.as_bytes()), FileKind::Own);
        assert_eq!(of("lr.jpg", figure.as_bytes()), FileKind::Image);
        assert_eq!(
            of("model.onnx", b"\x08\x08\x12\x09receptive"),
            FileKind::Own
        );
        assert_eq!(
            of("model.onnx", b"\x08\x08\x12\x07pytorch"),
            FileKind::Other
        );
    }
}
