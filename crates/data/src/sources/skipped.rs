//! Skipped files of a folder, and the notes about them.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::kind;
use crate::sources::tree::Folder;
use crate::sources::walk::FolderImages;
use receptive_core::text::counted;
use std::path::{Path, PathBuf};

/// Skipped files in the class folders of a split and next to them.
#[derive(Debug, Default)]
pub(crate) struct SkippedFiles {
    /// Images next to the class folders.
    loose: usize,
    /// Hidden files, and files that are not images.
    ignored: usize,
    junk: Vec<PathBuf>,
    own: Vec<PathBuf>,
    /// Folders that are read although they also contain the files of a run.
    mixed: Vec<PathBuf>,
    links: Vec<PathBuf>,
    loops: Vec<PathBuf>,
    dead: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

impl SkippedFiles {
    /// Adds the skipped files of a class folder.
    pub(crate) fn add(&mut self, found: &FolderImages) {
        self.ignored += found.ignored;
        self.junk.extend_from_slice(&found.junk);
        self.own.extend_from_slice(&found.own);
        self.links.extend_from_slice(&found.links);
        self.loops.extend_from_slice(&found.loops);
        self.hidden.extend_from_slice(&found.hidden);
    }

    /// Adds the skipped files next to the class folders.
    pub(crate) fn add_beside(&mut self, folder: &Folder) -> Result<(), DataError> {
        let contents = folder.contents()?;
        let images = contents.images.iter();
        let pictures = images.filter(|name| kind::is_picture_name(Path::new(name)));
        let loose = pictures.count();
        self.loose += loose;
        self.ignored += contents.others.len() + contents.images.len() - loose;
        self.add_marked(folder)
    }

    /// Adds what is skipped by its name or mark directly in a folder.
    pub(crate) fn add_marked(&mut self, folder: &Folder) -> Result<(), DataError> {
        let junk = &folder.contents()?.junk;
        self.junk
            .extend(junk.iter().map(|name| folder.path().join(name)));
        let loops = &folder.contents()?.loops;
        self.loops
            .extend(loops.iter().map(|name| folder.path().join(name)));
        let dead = folder.contents()?.dead.iter();
        self.dead.extend(dead.map(|name| folder.path().join(name)));
        let hidden = folder.contents()?.hidden_images.iter();
        self.hidden
            .extend(hidden.map(|name| folder.path().join(name)));
        let mixed = folder.mixed()?.into_iter();
        self.mixed
            .extend(mixed.map(|name| folder.path().join(name)));
        let own = folder.own()?;
        self.own
            .extend(own.into_iter().map(|name| folder.path().join(name)));
        Ok(())
    }

    /// Adds one note for each kind of skipped file; `place` is ` in SPLIT` or empty.
    pub(crate) fn note(&self, root: &Path, place: &str, notes: &mut Vec<String>) {
        if self.loose > 0 {
            notes.push(format!(
                "skipped {}{place} outside the class folders",
                counted(self.loose, "image")
            ));
        }
        let named = [
            ("skipped files written by receptive", &self.own),
            (
                "folders with the files of a run directory or a model (config.toml, \
                 MANIFEST.json) and other images are treated as data; move those files away, or, \
                 if it is a run, the images",
                &self.mixed,
            ),
            (
                "skipped folders created by the system or a program, which contain no images of a \
                 class",
                &self.junk,
            ),
            (
                "did not follow links to folders inside class folders (link or copy the images \
                 themselves)",
                &self.links,
            ),
            ("did not follow links to a parent folder", &self.loops),
            (
                "skipped broken links, which may have been class folders",
                &self.dead,
            ),
            (
                "skipped hidden folders with images (remove the dot from the name to use one)",
                &self.hidden,
            ),
        ];
        for (what, paths) in named {
            if !paths.is_empty() {
                let names = paths
                    .iter()
                    .map(|path| path.strip_prefix(root).unwrap_or(path));
                let names: Vec<String> = names
                    .map(|name| name.to_string_lossy().into_owned())
                    .collect();
                notes.push(format!("{what}: {}", enumerate(&names)));
            }
        }
        if self.ignored > 0 {
            notes.push(format!(
                "skipped {}{place} that {}",
                counted(self.ignored, "file"),
                match self.ignored {
                    1 => "is hidden or not an image",
                    _ => "are hidden or not images",
                }
            ));
        }
    }
}
