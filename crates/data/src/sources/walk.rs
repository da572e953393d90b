//! Finding the image files of a folder and its subfolders.

use crate::error::DataError;
use crate::sources::kind;
use crate::sources::tree::Folder;
use receptive_core::text::Printable;
use std::fs;
use std::path::{Path, PathBuf};

/// The content of a folder and its subfolders.
#[derive(Debug, Default)]
pub(crate) struct FolderImages {
    /// Files that are or should be images, in sorted order; see [`kind::FileKind::Image`].
    pub(crate) images: Vec<PathBuf>,
    /// Files that are neither images nor hidden.
    pub(crate) others: Vec<PathBuf>,
    /// Number of hidden files and folders, and of files that are not images.
    pub(crate) ignored: usize,
    /// Folders created by a system or a program.
    pub(crate) junk: Vec<PathBuf>,
    /// Files and folders written by this program.
    pub(crate) own: Vec<PathBuf>,
    /// Hidden folders with images in them.
    pub(crate) hidden: Vec<PathBuf>,
    /// Links to folders, which are not followed.
    pub(crate) links: Vec<PathBuf>,
    /// Links to a folder that contains them.
    pub(crate) loops: Vec<PathBuf>,
}

/// The images at a path: the file itself (whatever its extension), or those of a folder and its
/// subfolders in sorted order.
///
/// Links to files are followed. Links to folders are not, so that a cycle of links cannot hang the walk. Hidden
/// files, files that are not images, folders created by a system (`@eaDir`, `$RECYCLE.BIN` ...), and files
/// written by this program are skipped.
///
/// # Errors
/// The path does not exist or is a pipe or device, a folder cannot be listed, or it contains no images.
pub fn image_files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let metadata = fs::metadata(path).map_err(|error| match file_above(path) {
        Some(file) => DataError::layout(
            path,
            format!(
                "{} is a file, not a folder; if it is an archive, unpack it to use its images one by one",
                file.printable()
            ),
        ),
        None => DataError::io("read", path)(error),
    })?;
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
    let mut found = walk(&Folder::new(path))?;
    let all = found.images.len();
    found.images.retain(|path| kind::is_picture_name(path));
    found.ignored += all - found.images.len();
    if found.images.is_empty() {
        return Err(DataError::layout(
            path,
            format!(
                "this folder and its subfolders contain no image ({} other files were skipped); \
                 images end in .jpg, .png, .webp and so on",
                found.ignored
            ),
        ));
    }
    Ok(found.images)
}

/// The part of a path that is a file, as in `photos.zip/cat/1.png`.
fn file_above(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|above| above.is_file())
}

/// All images in and below a folder.
pub(crate) fn walk(folder: &Folder) -> Result<FolderImages, DataError> {
    let mut found = FolderImages::default();
    // Not recursive, so that deep folders cannot overflow the stack.
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let contents = folder.contents()?;
        let path = |name| folder.path().join(name);
        found.images.extend(contents.images.iter().map(path));
        found.others.extend(contents.others.iter().map(path));
        found.junk.extend(contents.junk.iter().map(path));
        found.loops.extend(contents.loops.iter().map(path));
        found.hidden.extend(contents.hidden_images.iter().map(path));
        found.own.extend(
            folder
                .own()?
                .into_iter()
                .map(|name| folder.path().join(name)),
        );
        found.ignored += contents.others.len() + contents.dead.len() + contents.hidden;
        for inner in folder.subfolders()? {
            match inner.is_link() {
                true => found.links.push(inner.path().to_path_buf()),
                false => folders.push(inner),
            }
        }
    }
    found.images.sort_unstable();
    Ok(found)
}

/// The files directly in a folder that do not have an image's extension, sorted; without hidden ones.
pub(crate) fn other_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let entry = entry.map_err(DataError::io("list", folder))?;
        let path = entry.path();
        let skip = kind::is_hidden(&entry.file_name()) || kind::has_image_extension(&path);
        if !skip && path.is_file() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}
