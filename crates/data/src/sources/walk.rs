//! Finding the image files of a folder.

use crate::error::DataError;
use std::fs;
use std::path::{Path, PathBuf};

/// Extensions of the formats that can be decoded. Whether a file really is what its name says is
/// found when it is decoded; a file with another extension is not taken for an image.
const EXTENSIONS: [&str; 24] = [
    "bmp", "dds", "exr", "ff", "farbfeld", "gif", "hdr", "ico", "jfif", "jpe", "jpeg", "jpg",
    "pam", "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tga", "tif", "tiff", "webp", "apng",
];

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct FolderImages {
    /// Files with an image's extension, in sorted order. Links to files count; pipes, devices and
    /// dead links with such a name are kept too, so that decoding reports them by name.
    pub(crate) images: Vec<PathBuf>,
    /// Hidden files, files with other extensions, and links to folders.
    pub(crate) ignored: usize,
}

/// The images at a path: the file itself (whatever its extension), or those of a folder and its
/// subfolders in sorted order.
///
/// Links to files are followed. Links to folders are not, so that a loop of links cannot hang the
/// walk. Hidden files and files without an image's extension are passed over.
///
/// # Errors
/// A path that does not exist, a pipe or device, a folder that cannot be listed, or a folder
/// without any image.
pub fn image_files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let metadata = fs::metadata(path).map_err(DataError::io("read", path))?;
    if metadata.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if !metadata.is_dir() {
        let found = "a pipe, device or socket";
        return Err(DataError::NotAFile {
            path: path.to_path_buf(),
            found,
        });
    }
    let found = walk(path)?;
    if found.images.is_empty() {
        return Err(DataError::layout(
            path,
            format!(
                "this folder and its subfolders hold no image ({} other files were passed over); \
                 images end in .jpg, .png, .webp and so on",
                found.ignored
            ),
        ));
    }
    Ok(found.images)
}

/// All images under a folder.
pub(crate) fn walk(folder: &Path) -> Result<FolderImages, DataError> {
    let mut found = FolderImages::default();
    // Not recursive, so that no depth of folders can exhaust the stack.
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(DataError::io("list", &folder))? {
            let entry = entry.map_err(DataError::io("list", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(DataError::io("read", &path))?;
            if is_hidden(&path) {
                found.ignored += 1;
            } else if kind.is_dir() {
                folders.push(path);
            } else if has_image_extension(&path) && !(kind.is_symlink() && path.is_dir()) {
                found.images.push(path);
            } else {
                found.ignored += 1;
            }
        }
    }
    found.images.sort_unstable();
    Ok(found)
}

/// The folders directly in a folder, links to folders included, hidden ones not; sorted by name.
pub(crate) fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(DataError::io("read", &path))?;
        // Only links are asked twice: a class folder may hold a million files.
        if !is_hidden(&path) && (kind.is_dir() || kind.is_symlink() && path.is_dir()) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The files directly in a folder: images by extension, and all others (sorted, hidden ones not).
pub(crate) fn files(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let path = entry.map_err(DataError::io("list", folder))?.path();
        if !is_hidden(&path) && path.is_file() {
            all.push(path);
        }
    }
    all.sort_unstable();
    Ok(all.into_iter().partition(|path| has_image_extension(path)))
}

pub(crate) fn has_image_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
