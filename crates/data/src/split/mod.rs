//! Splits: assigning labels, making splits, checking every file, and the resulting data set.

pub(crate) mod assign;
pub(crate) mod classes;
mod contents;
pub(crate) mod dataset;
pub(crate) mod folds;
pub(crate) mod follow;
mod groups;
mod keyed;
mod place;
mod placement;
mod stratify;
pub(crate) mod verify;

use crate::error::DataError;
use crate::image::Picture;
use crate::image::equal::ImageIdentity;
use crate::sources::store::{Item, Store, StoredImage};
use receptive_core::hash::Sha256;
use receptive_core::text::Printable;
use std::sync::Arc;

/// The training, validation or test images of a data set, each with a label.
///
/// Cheap to clone: clones share all data.
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
    /// `items` must be within the store and have labels below `classes`.
    pub(crate) fn new(
        name: &'static str,
        store: Arc<Store>,
        items: Vec<Item>,
        classes: usize,
    ) -> Self {
        Self {
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

    /// The label of image `i`: its index in [`DataSet::classes`](crate::DataSet::classes).
    ///
    /// # Panics
    /// If `i` is not below [`len`](Split::len), like slice indexing.
    pub fn label(&self, i: usize) -> usize {
        self.items[i].label as usize
    }

    /// The labels of all images, in order.
    pub fn labels(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.label as usize).collect()
    }

    /// Where image `i` is from: its file, or `t10k-images-idx3-ubyte[17]`.
    pub fn path(&self, i: usize) -> String {
        let Some(item) = self.items.get(i) else {
            return format!("image {i} of {}, which does not exist", self.name);
        };
        match &*self.store {
            Store::Memory(memory) => memory.name(item.image as usize),
            Store::Files(files) => files
                .entries
                .get(item.image as usize)
                .map_or_else(String::new, |entry| entry.path.printable().into_owned()),
        }
    }

    /// The name of image `i` within the data set, such as `cat/001.png`: independent of the machine, and
    /// unchanged if the data set is moved.
    pub(crate) fn name_in_source(&self, i: usize) -> String {
        let item = self.items.get(i);
        item.map_or_else(String::new, |item| self.store.name(item.image as usize))
    }

    /// The group that image `i` belongs to, such as a patient; empty if it has none.
    pub fn group(&self, i: usize) -> &str {
        let item = self.items.get(i);
        item.and_then(|item| self.store.group(item.image as usize))
            .unwrap_or_default()
    }

    /// The identity of image `i`.
    pub fn identity(&self, i: usize) -> ImageIdentity {
        let item = self.items.get(i);
        item.map_or_else(ImageIdentity::default, |item| {
            self.store.identity(item.image as usize)
        })
    }

    /// The number of classes in the class list.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images of each class, in the order of the class list.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for item in self.items.iter() {
            if let Some(count) = counts.get_mut(item.label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// A SHA-256 of the pixels and labels of its images in order, as 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::default();
        self.add_to(&mut hash);
        hash.finish()
    }

    fn add_to(&self, hash: &mut Sha256) {
        hash.update(self.name);
        hash.update((self.len() as u64).to_le_bytes());
        for i in 0..self.len() {
            hash.update((self.label(i) as u64).to_le_bytes());
            match self.stored(i) {
                Ok(StoredImage::Pixels(_, pixels)) => hash.update(pixels),
                Ok(StoredImage::File(entry, _)) => hash.update(entry.identity.pixels.to_string()),
                Err(_) => {} // items are always within their store
            }
        }
    }

    /// Decodes image `i` at its original size.
    ///
    /// # Errors
    /// `i` is out of range, or the file can no longer be read.
    pub fn read(&self, i: usize) -> Result<Picture, DataError> {
        match self.stored(i)? {
            StoredImage::Pixels(size, pixels) => Ok(Picture {
                width: size.width,
                height: size.height,
                channels: size.channels,
                pixels: pixels.to_vec(),
            }),
            StoredImage::File(entry, files) => files.read_checked(entry),
        }
    }

    pub(crate) fn stored(&self, i: usize) -> Result<StoredImage<'_>, DataError> {
        let missing = DataError::Index {
            index: i,
            len: self.len(),
        };
        let Some(item) = self.items.get(i) else {
            return Err(missing);
        };
        match &*self.store {
            Store::Memory(memory) => match memory.image(item.image as usize) {
                Some(pixels) => Ok(StoredImage::Pixels(memory.size, pixels)),
                None => Err(missing),
            },
            Store::Files(files) => match files.entries.get(item.image as usize) {
                Some(entry) => Ok(StoredImage::File(entry, files)),
                None => Err(missing),
            },
        }
    }
}
