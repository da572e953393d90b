//! A folder as a tree of names, listed from a disk on demand.
//!
//! What is told by a name or a mark alone is told here: hidden files, folders that a system leaves
//! behind, links, and what this program wrote itself. What is left are folders, images and others.

use crate::error::DataError;
use crate::sources::kind::{self, FileKind};
use receptive_core::text::Printable;
use receptive_core::{file, mark};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The depth of folders of an archive that is accepted.
const MAX_DEPTH: usize = 200;

/// A folder; its content is listed once, on demand.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_link: bool,
    contents: OnceCell<Contents>,
    purpose: OnceCell<Purpose>,
}

/// What lies directly in a folder, each sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its folders, links to folders included; neither hidden ones nor `junk`.
    folders: Vec<Folder>,
    /// The names of files that are or should be images; see [`FileKind::Image`].
    pub(crate) images: Vec<OsString>,
    /// The names of all other files.
    pub(crate) others: Vec<OsString>,
    /// The names of images that this program drew.
    pub(crate) own: Vec<OsString>,
    /// The names of folders that a system or a program leaves behind.
    pub(crate) junk: Vec<OsString>,
    /// The names of links to this folder or to one above it.
    pub(crate) loops: Vec<OsString>,
    /// The names of broken links that are not images by their name.
    pub(crate) dead: Vec<OsString>,
    /// How many hidden files and folders there are.
    pub(crate) hidden: usize,
}

/// What a folder is for, by what lies in and below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// It holds images, or may.
    Data,
    /// This program wrote it, or it holds no other images than those that this program drew.
    Own,
    /// No image lies in or below it.
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

    /// The folder that an archive extracts to, from the paths of its files; nothing is read.
    ///
    /// # Errors
    /// A path that leads out of the archive, or has hundreds of folders.
    pub(crate) fn from_files(
        root: &Path,
        files: impl IntoIterator<Item = (PathBuf, FileKind)>,
    ) -> Result<Self, DataError> {
        let mut gathered = FolderFiles::default();
        'files: for (path, kind) in files {
            let refused = |problem: &str| {
                DataError::format(root.printable().into_owned(), format!("{path:?} {problem}"))
            };
            let mut folder = &mut gathered;
            let mut parts = Vec::new();
            for part in path.components() {
                match part {
                    Component::Normal(name) => parts.push(name),
                    Component::CurDir => {}
                    _ => return Err(refused("is a path that points outside the archive")),
                }
            }
            let Some((name, folders)) = parts.split_last() else {
                return Err(refused("is not a file name"));
            };
            if folders.len() > MAX_DEPTH {
                return Err(refused("is in too many nested folders"));
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

    /// What lies directly in it.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn contents(&self) -> Result<&Contents, DataError> {
        if let Some(contents) = self.contents.get() {
            return Ok(contents);
        }
        let contents = list(&self.path)?;
        Ok(self.contents.get_or_init(|| contents))
    }

    /// The folders directly in it that may hold data: links included, what this program wrote not.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn subfolders(&self) -> Result<Vec<&Folder>, DataError> {
        let folders = self.contents()?.folders.iter();
        Ok(folders.filter(|folder| !folder.is_own()).collect())
    }

    /// The names of what is directly in it and was written by this program, files and folders.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn own(&self) -> Result<Vec<&OsStr>, DataError> {
        let contents = self.contents()?;
        let folders = contents.folders.iter().filter(|folder| folder.is_own());
        let folders = folders.map(Folder::name);
        Ok(folders
            .chain(contents.own.iter().map(OsString::as_os_str))
            .collect())
    }

    /// Whether an image lies in or below it, or may.
    pub(crate) fn holds_images(&self) -> bool {
        self.purpose() == Purpose::Data
    }

    /// The folders directly in it that hold data, and files as a run directory or a model has.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub(crate) fn mixed(&self) -> Result<Vec<&OsStr>, DataError> {
        let is_mixed = |folder: &&Folder| {
            let contents = folder.contents();
            folder.holds_images() && contents.is_ok_and(Contents::is_run_or_model)
        };
        let folders = self.contents()?.folders.iter();
        Ok(folders.filter(is_mixed).map(Folder::name).collect())
    }

    fn is_own(&self) -> bool {
        self.purpose() == Purpose::Own
    }

    fn purpose(&self) -> Purpose {
        *self.purpose.get_or_init(|| {
            // What cannot be listed is an error of who needs it.
            let Ok(contents) = self.contents() else {
                return Purpose::Data;
            };
            if contents.is_run_or_model() && !contents.holds_more_than_a_run() {
                return Purpose::Own;
            }
            if !contents.images.is_empty() {
                return Purpose::Data;
            }
            let mut purpose = match contents.own.is_empty() {
                true => Purpose::Nothing,
                false => Purpose::Own,
            };
            for folder in &contents.folders {
                // A link's target is not looked at; it may hold anything.
                match folder.is_link {
                    true => return Purpose::Data,
                    false => match folder.purpose() {
                        Purpose::Data => return Purpose::Data,
                        Purpose::Own => purpose = Purpose::Own,
                        Purpose::Nothing => {}
                    },
                }
            }
            purpose
        })
    }
}

impl Contents {
    /// Whether this is a run directory or a model, of any version of this program.
    fn is_run_or_model(&self) -> bool {
        let file = |name: &str| self.others.iter().any(|other| other == name);
        let folder = |name: &str| self.folders.iter().any(|folder| folder.name() == name);
        let run = file("config.toml") && (folder("checkpoints") || file("metrics.csv"));
        let model = file("MANIFEST.json") && (file("model.json") || file("state.json"));
        run || model
    }

    /// Whether images lie in it or its folders that no run or model has: then it is data, into which files of
    /// a run were copied.
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

/// Figures in a run directory, to which earlier versions gave no mark.
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

fn list(path: &Path) -> Result<Contents, DataError> {
    let mut contents = Contents::default();
    for entry in fs::read_dir(path).map_err(DataError::io("list", path))? {
        let entry = entry.map_err(DataError::io("list", path))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(DataError::io("read", &path))?;
        // Only links are asked twice: a class folder may hold a million files.
        let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
        if kind::is_junk(&name) && is_folder {
            contents.junk.push(name);
        } else if kind::is_hidden(&name) {
            contents.hidden += 1;
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
            // What cannot be read is told when it is decoded.
            let head = || file::read_head(&path, mark::HEAD_BYTES).unwrap_or_default();
            let kind = kind::of_file(&path, head);
            contents.add(name, kind);
        }
    }
    contents.sort();
    Ok(contents)
}

/// Whether a link to a folder leads to the folder that it lies in, or to one above that: followed, it would
/// hold itself, and mostly far more than the data.
fn is_loop(link: &Path) -> bool {
    let place = link.parent().and_then(|parent| parent.canonicalize().ok());
    let target = link.canonicalize().ok();
    place
        .zip(target)
        .is_some_and(|(place, target)| place.starts_with(target))
}

impl Contents {
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

/// A folder of an archive while its files are gathered.
#[derive(Default)]
struct FolderFiles {
    folders: BTreeMap<OsString, Self>,
    contents: Contents,
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
    fn a_path_that_leaves_its_archive_or_is_far_too_deep_is_refused() {
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
