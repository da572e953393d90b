//! The images of a source, in memory or in files.

use crate::error::DataError;
use crate::image::Picture;
use crate::image::decode::{DecodeLimits, ImageFile, decode_named, read_image};
use crate::image::equal::{ImageIdentity, PixelHash};
use crate::sources::archive::Archive;
use receptive_core::ImageSize;
use receptive_core::hash::ContentHash;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the images of a source are.
pub(crate) enum Store {
    /// Decoded, in memory: IDX and CIFAR.
    Memory(Memory),
    /// Image files.
    Files(Files),
}

impl Store {
    /// The name of an image within the source: independent of the machine, and unchanged if the data are moved.
    pub(crate) fn name(&self, image: usize) -> String {
        match self {
            Self::Memory(memory) => memory.name(image),
            Self::Files(files) => {
                let entry = files.entries.get(image);
                entry.map_or_else(String::new, |entry| files.below(&entry.path))
            }
        }
    }

    /// The identity of an image; for a file it is known only once it was verified.
    pub(crate) fn identity(&self, image: usize) -> ImageIdentity {
        match self {
            Self::Memory(memory) => {
                let (size, pixels) = (memory.size, memory.image(image).unwrap_or_default());
                ImageIdentity {
                    content: ContentHash::of(pixels),
                    pixels: PixelHash::of([size.width, size.height, size.channels], pixels),
                    stored: PixelHash::default(),
                }
            }
            Self::Files(files) => files
                .entries
                .get(image)
                .map_or_else(ImageIdentity::default, |entry| entry.identity),
        }
    }

    /// The group that an image belongs to.
    pub(crate) fn group(&self, image: usize) -> Option<&str> {
        match self {
            Self::Memory(_) => None,
            Self::Files(files) => files.entries.get(image)?.group.as_deref(),
        }
    }
}

/// One store with the images of both, and the index of the second one's first image. `None` unless both are in
/// memory and their images have the same size.
pub(crate) fn join(one: &Store, other: &Store) -> Option<(Store, u32)> {
    let (Store::Memory(one), Store::Memory(other)) = (one, other) else {
        return None;
    };
    if one.size != other.size {
        return None;
    }
    let mut joined = one.clone();
    let first = joined.append(other);
    Some((Store::Memory(joined), u32::try_from(first).ok()?))
}

/// Images of one size, stored contiguously.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) size: ImageSize,
    /// `[n, height, width, channels]`
    pub(crate) pixels: Vec<u8>,
    /// The index of the first image of each file, and the file's name.
    pub(crate) files: Vec<(usize, String)>,
}

impl Memory {
    pub(crate) fn len(&self) -> usize {
        self.pixels.len() / self.size.len().max(1)
    }

    /// The pixels of one image.
    pub(crate) fn image(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(self.size.len())?;
        self.pixels.get(start..start.checked_add(self.size.len())?)
    }

    /// Appends the images of another store; returns the index of the first of them.
    fn append(&mut self, other: &Self) -> usize {
        let first = self.len();
        self.pixels.extend_from_slice(&other.pixels);
        let files = other.files.iter();
        self.files
            .extend(files.map(|(at, name)| (first + at, name.clone())));
        first
    }

    pub(crate) fn name(&self, index: usize) -> String {
        let file = self.files.iter().rev().find(|(first, _)| *first <= index);
        let (first, name) = file.map_or((0, ""), |(first, name)| (*first, name.as_str()));
        format!("{name}[{}]", index - first)
    }
}

/// Image files under one folder.
pub(crate) struct Files {
    pub(crate) root: PathBuf,
    pub(crate) limits: DecodeLimits,
    /// The archive that contains them; `root` is then its path.
    pub(crate) archive: Option<Arc<Archive>>,
    pub(crate) entries: Vec<FileEntry>,
}

impl Files {
    /// The same files with new entries.
    pub(crate) fn with_entries(&self, entries: Vec<FileEntry>) -> Arc<Store> {
        Arc::new(Store::Files(Self {
            root: self.root.clone(),
            limits: self.limits,
            archive: self.archive.clone(),
            entries,
        }))
    }

    /// A path relative to the data set's folder, separated by `/`.
    pub(crate) fn below(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    /// Reads and decodes an image that was checked before.
    ///
    /// # Errors
    /// The image cannot be read, was deleted, or differs from when it was checked.
    pub(crate) fn read_checked(&self, entry: &FileEntry) -> Result<Picture, DataError> {
        let advice = "restore it, then start again or resume the run";
        let found = self.read_image(entry).map_err(|error| match error {
            DataError::Io { path, source, .. } if source.kind() == ErrorKind::NotFound => {
                let problem = format!("it was deleted after the data was opened; {advice}");
                DataError::layout(path, problem)
            }
            other => other,
        })?;
        let known = &entry.identity;
        let is_known = !entry.is_checked()
            || found.content == known.content
            || PixelHash::of_picture(&found.picture) == known.pixels;
        match is_known {
            true => Ok(found.picture),
            false => Err(DataError::layout(
                &entry.path,
                format!("its image has changed since the data was opened; {advice}"),
            )),
        }
    }

    /// Reads and decodes one of the images.
    pub(crate) fn read_image(&self, entry: &FileEntry) -> Result<ImageFile, DataError> {
        match &self.archive {
            None => read_image(&entry.path, &self.limits),
            Some(archive) => {
                let bytes = archive.read(&entry.path, self.limits.file_bytes)?;
                decode_named(&bytes, &entry.path, &self.limits)
            }
        }
    }
}

/// One image file, and what is known about it once it was checked.
#[derive(Clone)]
pub(crate) struct FileEntry {
    pub(crate) path: PathBuf,
    /// Its identity; unknown until it was checked.
    pub(crate) identity: ImageIdentity,
    pub(crate) size: ImageSize,
    pub(crate) colours: &'static str,
    /// The patient, plant or video that it shows, if known: all images of a group are assigned to the same
    /// split. With `None` the image is a group of its own.
    pub(crate) group: Option<Arc<str>>,
}

impl FileEntry {
    /// A file that has not been checked yet.
    pub(crate) fn unchecked(path: PathBuf, group: Option<Arc<str>>) -> Self {
        Self {
            path,
            identity: ImageIdentity::default(),
            size: ImageSize::new(0, 0, 0),
            colours: "",
            group,
        }
    }

    /// Whether the image was decoded, so that more than its path is known.
    pub(crate) fn is_checked(&self) -> bool {
        self.identity != ImageIdentity::default()
    }
}

/// One image of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its index in the store.
    pub(crate) image: u32,
    pub(crate) label: u32,
}

/// An image as stored.
pub(crate) enum StoredImage<'a> {
    Pixels(ImageSize, &'a [u8]),
    File(&'a FileEntry, &'a Files),
}
