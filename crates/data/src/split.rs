//! The training, validation or test part of a data set.

use std::{path::PathBuf, sync::Arc};

use crate::{
    DataError, DecodeLimits, ImageSize, Picture,
    decode::{Found, decode_found},
};

/// Where the images of a source are.
pub(crate) enum Store {
    /// Decoded, in memory: IDX and CIFAR.
    Memory(Memory),
    /// Image files.
    Files(Files),
}

/// Images of one size, one after another.
pub(crate) struct Memory {
    pub(crate) size: ImageSize,
    /// `[n, height, width, channels]`
    pub(crate) pixels: Vec<u8>,
    /// Where the images of each file begin, and the file's name.
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

    fn name(&self, index: usize) -> String {
        let file = self.files.iter().rev().find(|(first, _)| *first <= index);
        let (first, name) = file.map_or((0, ""), |(first, name)| (*first, name.as_str()));
        format!("{name}[{}]", index - first)
    }
}

/// Image files under one folder.
pub(crate) struct Files {
    pub(crate) root: PathBuf,
    pub(crate) limits: DecodeLimits,
    pub(crate) entries: Vec<FileEntry>,
}

/// One image file, and what was found when it was checked.
#[derive(Clone)]
pub(crate) struct FileEntry {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) size: ImageSize,
    pub(crate) colours: &'static str,
}

/// One image of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its place in the store.
    pub(crate) image: u32,
    pub(crate) label: u32,
}

/// The training, validation or test images of a data set, each with a label.
///
/// Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Split {
    name: &'static str,
    store: Arc<Store>,
    items: Arc<[Item]>,
    classes: usize,
}

impl std::fmt::Debug for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Split({}, {} images, {} classes)",
            self.name,
            self.len(),
            self.classes
        )
    }
}

impl Split {
    /// `items` must lie within the store and have labels below `classes`.
    pub(crate) fn new(
        name: &'static str,
        store: Arc<Store>,
        items: Vec<Item>,
        classes: usize,
    ) -> Split {
        Split {
            name,
            store,
            items: items.into(),
            classes,
        }
    }

    /// `train`, `val` or `test`.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The label of image `i`: its place in [`DataSet::classes`](crate::DataSet::classes).
    ///
    /// # Panics
    ///
    /// If `i` is not below [`len`](Split::len), as indexing a slice does.
    pub fn label(&self, i: usize) -> usize {
        self.items[i].label as usize
    }

    /// The labels of all images, in order.
    pub fn labels(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.label as usize).collect()
    }

    /// Where image `i` is from, for people: its file, or `t10k-images-idx3-ubyte[17]`.
    pub fn path(&self, i: usize) -> String {
        let Some(item) = self.items.get(i) else {
            return format!("image {i} of {}, which does not exist", self.name);
        };
        match &*self.store {
            Store::Memory(memory) => memory.name(item.image as usize),
            Store::Files(files) => files
                .entries
                .get(item.image as usize)
                .map_or_else(String::new, |entry| entry.path.display().to_string()),
        }
    }

    /// How many images each class has, in the order of the class list.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for item in self.items.iter() {
            if let Some(count) = counts.get_mut(item.label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Decodes image `i` at its own size.
    ///
    /// # Errors
    ///
    /// `i` out of range, or a file that cannot be read any more.
    pub fn read(&self, i: usize) -> Result<Picture, DataError> {
        match self.stored(i)? {
            Stored::Pixels(size, pixels) => Ok(Picture {
                width: size.width,
                height: size.height,
                channels: size.channels,
                pixels: pixels.to_vec(),
            }),
            Stored::File(entry, limits) => {
                let Found { picture, .. } = decode_found(&entry.path, limits)?;
                Ok(picture)
            }
        }
    }

    pub(crate) fn stored(&self, i: usize) -> Result<Stored<'_>, DataError> {
        let missing = DataError::Index {
            index: i,
            len: self.len(),
        };
        let Some(item) = self.items.get(i) else {
            return Err(missing);
        };
        match &*self.store {
            Store::Memory(memory) => match memory.image(item.image as usize) {
                Some(pixels) => Ok(Stored::Pixels(memory.size, pixels)),
                None => Err(missing),
            },
            Store::Files(files) => match files.entries.get(item.image as usize) {
                Some(entry) => Ok(Stored::File(entry, &files.limits)),
                None => Err(missing),
            },
        }
    }

    /// The path as it goes into a fingerprint: relative to the source, the same on every machine.
    pub(crate) fn relative<'a>(&'a self, entry: &'a FileEntry) -> &'a std::path::Path {
        match &*self.store {
            Store::Files(files) => entry.path.strip_prefix(&files.root).unwrap_or(&entry.path),
            Store::Memory(_) => &entry.path,
        }
    }
}

/// One image as its store has it.
pub(crate) enum Stored<'a> {
    Pixels(ImageSize, &'a [u8]),
    File(&'a FileEntry, &'a DecodeLimits),
}
