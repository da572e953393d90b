//! What a file or folder is, by its name.

use receptive_core::mark;
use std::ffi::OsStr;
use std::path::Path;

/// What a file is to a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// An image, or what should be one by its name or content. Links to files count; pipes, devices
    /// and dead links with such a name do too, so that decoding reports them by name.
    Image,
    /// A figure that this program drew.
    Own,
    /// Anything else: passed over.
    Other,
}

/// Extensions of the formats that can be decoded. Whether a file really is what its name says is
/// found when it is decoded.
const EXTENSIONS: [&str; 24] = [
    "bmp", "dds", "exr", "ff", "farbfeld", "gif", "hdr", "ico", "jfif", "jpe", "jpeg", "jpg",
    "pam", "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tga", "tif", "tiff", "webp", "apng",
];

/// Folders that systems, network drives, archives and notebooks leave behind, in lower case; most
/// hold thumbnails or deleted files.
const JUNK: [&str; 16] = [
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
    "thumbs",
    "thumbnails",
    "network trash folder",
];

/// Whether a folder of this name is one that a system or a program leaves behind.
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

/// What a file is, by its name and, only where the name does not tell, its first
/// [`mark::HEAD_BYTES`] bytes.
pub(crate) fn of_file(path: &Path, head: impl FnOnce() -> Vec<u8>) -> FileKind {
    let draws = ["png", "svg", "html"]
        .iter()
        .any(|known| has_extension(path, known));
    if draws && mark::is_on(&head()) {
        return FileKind::Own;
    }
    match has_image_extension(path) {
        true => FileKind::Image,
        false => FileKind::Other,
    }
}

fn has_extension(path: &Path, known: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(known))
}

pub(crate) fn has_image_extension(path: &Path) -> bool {
    EXTENSIONS.iter().any(|known| has_extension(path, known))
}
