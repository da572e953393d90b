//! A folder as a tree of names, listed on demand.
//!
//! Everything that can be decided by name or mark alone is decided here: hidden files, folders created by a
//! system, links, and files written by this program. The rest are folders, images and other files.

use crate::error::DataError;
use crate::sources::kind::{self, FileKind};
use receptive_core::text::Printable;
use receptive_core::{file, mark};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Maximum depth of folders in an archive.
const MAX_DEPTH: usize = 200;

/// A folder; its content is listed once, on demand.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_link: bool,
    contents: OnceCell<FolderContents>,
    purpose: OnceCell<FolderPurpose>,
}

/// The content of a folder, each list sorted by name.
#[derive(Debug, Default)]
pub(crate) struct FolderContents {
    /// Subfolders, including links to folders, except hidden ones and `junk`.
    folders: Vec<Folder>,
    /// The names of files that are or should be images; see [`FileKind::Image`].
    pub(crate) images: Vec<OsString>,
    /// The names of all other files.
    pub(crate) others: Vec<OsString>,
    /// The names of images drawn by this program.
    pub(crate) own: Vec<OsString>,
    /// The names of folders created by a system or a program.
    pub(crate) junk: Vec<OsString>,
    /// The names of links to this folder or to an ancestor.
    pub(crate) loops: Vec<OsString>,
    /// The names of broken links, except those that are images by name.
    pub(crate) dead: Vec<OsString>,
    /// The number of hidden files and folders.
    pub(crate) hidden: usize,
    /// The names of hidden folders with images in them, which may have been class folders.
    pub(crate) hidden_images: Vec<OsString>,
}

/// The purpose of a folder, by everything in and below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FolderPurpose {
    /// It contains images, or may.
    Data,
    /// This program wrote it, or it contains no images except those drawn by this program.
    Own,
    /// There are no images in or below it.
    Nothing,
}

impl Folder {
    /// A folder of the file system.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            is_link: false,
            contents: OnceCell::new(),
            purpose: OnceCell::new(),
        }
    }

    /// The folder that an archive would extract to, from the paths of its files; nothing is read.
    ///
    /// # Errors
    /// A path leads out of the archive, or is nested too deeply.
    pub(crate) fn from_files(
        root: &Path,
        files: impl IntoIterator<Item = (PathBuf, FileKind)>,
    ) -> Result<Self, DataError> {
        let mut gathered = FolderFiles::default();
        'files: for (path, kind) in files {
            let rejected = |problem: &str| {
                DataError::format(root.printable().into_owned(), format!("{path:?} {problem}"))
            };
            let mut folder = &mut gathered;
            let mut parts = Vec::new();
            for part in path.components() {
                match part {
                    Component::Normal(name) => parts.push(name),
                    Component::CurDir => {}
                    _ => return Err(rejected("is a path that points outside the archive")),
                }
            }
            let Some((name, folders)) = parts.split_last() else {
                return Err(rejected("is not a file name"));
            };
            if folders.len() > MAX_DEPTH {
                return Err(rejected("is in too many nested folders"));
            }
            for &part in folders {
                if kind::is_junk(part) {
                    if !folder.contents.junk.iter().any(|junk| junk == part) {
                        folder.contents.junk.push(part.into());
                    }
                    continue 'files;
                }
                if kind::is_hidden(part) {
                    folder.contents.hidden += 1;
                    let known = &mut folder.contents.hidden_images;
                    if is_photo(&path) && !known.iter().any(|one| one == part) {
                        known.push(part.into());
                    }
                    continue 'files;
                }
                folder = folder.folders.entry(part.into()).or_default();
            }
            match kind::is_hidden(name) {
                true => folder.contents.hidden += 1,
                false => folder.contents.add(name.into(), kind),
            }
        }
        Ok(gathered.into_folder(root.to_path_buf()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// Whether it is a link to a folder.
    pub(crate) fn is_link(&self) -> bool {
        self.is_link
    }

    /// The content of the folder.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub(crate) fn contents(&self) -> Result<&FolderContents, DataError> {
        if let Some(contents) = self.contents.get() {
            return Ok(contents);
        }
        let contents = list(&self.path)?;
        Ok(self.contents.get_or_init(|| contents))
    }

    /// The subfolders that may contain data, including links but not what this program wrote.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub(crate) fn subfolders(&self) -> Result<Vec<&Folder>, DataError> {
        let folders = self.contents()?.folders.iter();
        Ok(folders.filter(|folder| !folder.is_own()).collect())
    }

    /// The names of files and folders directly in it that were written by this program.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub(crate) fn own(&self) -> Result<Vec<&OsStr>, DataError> {
        let contents = self.contents()?;
        let folders = contents.folders.iter().filter(|folder| folder.is_own());
        let folders = folders.map(Folder::name);
        Ok(folders
            .chain(contents.own.iter().map(OsString::as_os_str))
            .collect())
    }

    /// Whether there are, or may be, images in or below it.
    pub(crate) fn holds_images(&self) -> bool {
        self.purpose() == FolderPurpose::Data
    }

    /// The subfolders that contain data together with the files of a run directory or a model.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub(crate) fn mixed(&self) -> Result<Vec<&OsStr>, DataError> {
        let is_mixed = |folder: &&Folder| {
            let contents = folder.contents();
            folder.holds_images() && contents.is_ok_and(FolderContents::is_run_or_model)
        };
        let folders = self.contents()?.folders.iter();
        Ok(folders.filter(is_mixed).map(Folder::name).collect())
    }

    fn is_own(&self) -> bool {
        self.purpose() == FolderPurpose::Own
    }

    fn purpose(&self) -> FolderPurpose {
        *self.purpose.get_or_init(|| {
            // A folder that cannot be listed is an error only where it is used.
            let Ok(contents) = self.contents() else {
                return FolderPurpose::Data;
            };
            if contents.is_run_or_model() && !contents.holds_more_than_a_run() {
                return FolderPurpose::Own;
            }
            if !contents.images.is_empty() {
                return FolderPurpose::Data;
            }
            let mut purpose = match contents.own.is_empty() {
                true => FolderPurpose::Nothing,
                false => FolderPurpose::Own,
            };
            for folder in &contents.folders {
                // Links are not followed here; the target may contain anything.
                match folder.is_link {
                    true => return FolderPurpose::Data,
                    false => match folder.purpose() {
                        FolderPurpose::Data => return FolderPurpose::Data,
                        FolderPurpose::Own => purpose = FolderPurpose::Own,
                        FolderPurpose::Nothing => {}
                    },
                }
            }
            purpose
        })
    }
}

impl FolderContents {
    /// Whether this is a run directory or a model, of any version of this program.
    fn is_run_or_model(&self) -> bool {
        let file = |name: &str| self.others.iter().any(|other| other == name);
        let folder = |name: &str| self.folders.iter().any(|folder| folder.name() == name);
        let run = file("config.toml") && (folder("checkpoints") || file("metrics.csv"));
        let model = file("MANIFEST.json") && (file("model.json") || file("state.json"));
        run || model
    }

    /// Whether there are images in it or its subfolders that runs and models do not have: then it is data, to
    /// which files of a run were copied.
    fn holds_more_than_a_run(&self) -> bool {
        let is_figure = |name: &OsString| RUN_FIGURES.iter().any(|figure| name == figure);
        let is_part = |folder: &Folder| RUN_FOLDERS.iter().any(|part| folder.name() == *part);
        self.images.iter().any(|name| !is_figure(name))
            || self
                .folders
                .iter()
                .any(|folder| !folder.is_link && !is_part(folder) && folder.holds_images())
    }
}

/// Figures in a run directory, which earlier versions did not mark.
const RUN_FIGURES: [&str; 5] = [
    "batch.png",
    "confusion.png",
    "curves.png",
    "erf.png",
    "lr.png",
];
/// Folders in a run directory.
const RUN_FOLDERS: [&str; 8] = [
    "attend",
    "checkpoints",
    "erf",
    "features",
    "last",
    "lr-find",
    "model",
    "tensorboard",
];

fn list(path: &Path) -> Result<FolderContents, DataError> {
    let mut contents = FolderContents::default();
    for entry in fs::read_dir(path).map_err(DataError::io("list", path))? {
        let entry = entry.map_err(DataError::io("list", path))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(DataError::io("read", &path))?;
        // Only links need a second system call: a class folder may contain a million files.
        let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
        if kind::is_junk(&name) && is_folder {
            contents.junk.push(name);
        } else if kind::is_hidden(&name) {
            contents.hidden += 1;
            if is_folder && has_images(&path, 1) {
                contents.hidden_images.push(name);
            }
        } else if is_folder && kind.is_symlink() && is_loop(&path) {
            contents.loops.push(name);
        } else if kind.is_symlink() && !kind::is_image_name(&path) && !path.exists() {
            contents.dead.push(name);
        } else if is_folder {
            contents.folders.push(Folder {
                is_link: kind.is_symlink(),
                ..Folder::new(path)
            });
        } else {
            // Read errors are reported when the file is decoded.
            let head = || file::read_head(&path, mark::HEAD_BYTES).unwrap_or_default();
            let kind = kind::of_file(&path, head);
            contents.add(name, kind);
        }
    }
    contents.sort();
    Ok(contents)
}

/// Whether a file should have pixels by its name, readable or not.
fn is_photo(path: &Path) -> bool {
    kind::is_image_name(path) && kind::is_picture_name(path)
}

/// Whether there are images in a folder, or this many levels below it, by their names.
fn has_images(folder: &Path, levels: usize) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.iter().any(|path| is_photo(path))
        || levels > 0 && paths.iter().any(|path| has_images(path, levels - 1))
}

/// Whether a link to a folder leads to its own folder or to an ancestor. Following it would never end, and
/// would usually find far more than the data.
fn is_loop(link: &Path) -> bool {
    let place = link.parent().and_then(|parent| parent.canonicalize().ok());
    let target = link.canonicalize().ok();
    place
        .zip(target)
        .is_some_and(|(place, target)| place.starts_with(target))
}

impl FolderContents {
    fn add(&mut self, name: OsString, kind: FileKind) {
        match kind {
            FileKind::Image => self.images.push(name),
            FileKind::Own => self.own.push(name),
            FileKind::Other => self.others.push(name),
        }
    }

    fn sort(&mut self) {
        self.folders.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        for names in [
            &mut self.images,
            &mut self.others,
            &mut self.own,
            &mut self.junk,
            &mut self.loops,
            &mut self.dead,
        ] {
            names.sort_unstable();
        }
    }
}

/// A folder of an archive whose files are being collected.
#[derive(Default)]
struct FolderFiles {
    folders: BTreeMap<OsString, Self>,
    contents: FolderContents,
}

impl FolderFiles {
    fn into_folder(self, path: PathBuf) -> Folder {
        let mut contents = self.contents;
        for (name, inner) in self.folders {
            let inner = inner.into_folder(path.join(name));
            contents.folders.push(inner);
        }
        contents.sort();
        Folder {
            contents: OnceCell::from(contents),
            ..Folder::new(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_archive_are_a_folder_as_on_a_disk() {
        let files = [
            ("b/2.png", FileKind::Image),
            ("b/1.png", FileKind::Image),
            ("a/deep/er/x.jpg", FileKind::Image),
            ("labels.csv", FileKind::Other),
            ("__MACOSX/b/._1.png", FileKind::Image),
            ("b/.hidden.png", FileKind::Image),
            ("drawn/lr.png", FileKind::Own),
        ];
        let files = files.map(|(path, kind)| (PathBuf::from(path), kind));
        let root = Folder::from_files(Path::new("x.zip"), files).unwrap();
        let folders = root.subfolders().unwrap();
        let names: Vec<&OsStr> = folders.iter().map(|folder| folder.name()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(root.own().unwrap(), ["drawn"]);
        let contents = root.contents().unwrap();
        assert_eq!(contents.others, ["labels.csv"]);
        assert_eq!(contents.junk, ["__MACOSX"]);
        assert_eq!(folders[1].contents().unwrap().images, ["1.png", "2.png"]);
        assert_eq!(folders[1].contents().unwrap().hidden, 1);
        let deep = crate::sources::walk::walk(folders[0]).unwrap();
        assert_eq!(deep.images, [Path::new("x.zip/a/deep/er/x.jpg")]);
    }

    #[test]
    fn a_path_that_leaves_its_archive_or_is_far_too_deep_is_rejected() {
        let deep = PathBuf::from("d/".repeat(MAX_DEPTH + 1) + "x.png");
        let paths = ["../x.png", "/etc/x.png", "a/../../x.png", ""].map(PathBuf::from);
        for path in paths.into_iter().chain([deep]) {
            let result = Folder::from_files(Path::new("x.zip"), [(path, FileKind::Image)]);
            assert!(
                matches!(result, Err(DataError::Format { .. })),
                "{result:?}"
            );
        }
    }
}
