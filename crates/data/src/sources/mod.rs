//! From a name or a path to images, class names, and the splits that the source itself defines.

pub(crate) mod archive;
pub(crate) mod cifar;
mod divisions;
pub(crate) mod folder;
pub(crate) mod groups;
pub(crate) mod idx;
mod inflate;
mod kind;
pub(crate) mod known;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod named;
mod nested;
pub(crate) mod pictures;
mod skipped;
pub(crate) mod split_names;
pub(crate) mod store;
pub(crate) mod tree;
pub(crate) mod unread;
pub(crate) mod walk;

use crate::error::DataError;
use archive::Archive;
use std::sync::Arc;
use store::{Files, Item, Store};

/// A source whose classes are not resolved yet and which is not split yet.
pub(crate) struct Source {
    pub(crate) name: String,
    /// The names that the items' labels refer to.
    pub(crate) names: Vec<String>,
    /// The class list according to the training split.
    pub(crate) list: Vec<String>,
    /// Whether the names are only numbers, because the format has no names.
    pub(crate) numbered: bool,
    pub(crate) train: SourceSplit,
    pub(crate) val: Option<SourceSplit>,
    pub(crate) test: Option<SourceSplit>,
    /// Whether a missing test split is taken from the training images (a folder of class folders).
    pub(crate) cut_test: bool,
    pub(crate) notes: Vec<String>,
    /// Number of missing images that a label list names.
    pub(crate) missing: usize,
    /// The classes of a label list whose images are all missing.
    pub(crate) lost_classes: Vec<String>,
    /// Number of files in folders next to the classes that contain no images and were left out.
    pub(crate) unread: usize,
}

/// One split of a source.
pub(crate) struct SourceSplit {
    pub(crate) store: Arc<Store>,
    pub(crate) items: Vec<Item>,
    /// Classes without an image in this split; set when the classes are resolved.
    pub(crate) absent: Vec<String>,
}

impl SourceSplit {
    pub(crate) fn new(store: Arc<Store>, items: Vec<Item>) -> Self {
        Self {
            store,
            items,
            absent: Vec::new(),
        }
    }
}

impl Source {
    /// Moves the images of all splits into one store, so that images can be moved between splits.
    pub(crate) fn join_stores(&mut self) -> Result<(), DataError> {
        let Self {
            train, val, test, ..
        } = self;
        for part in [val, test].into_iter().flatten() {
            if Arc::ptr_eq(&part.store, &train.store) {
                continue;
            }
            if train.items.is_empty() {
                train.store = part.store.clone();
                continue;
            }
            let Some((joined, first)) = store::join(&train.store, &part.store) else {
                return Err(DataError::format(
                    &self.name,
                    "its training and test images differ in size; all images of such a data set \
                     must have one size",
                ));
            };
            for item in &mut part.items {
                item.image += first;
            }
            let joined = Arc::new(joined);
            train.store = joined.clone();
            part.store = joined;
        }
        Ok(())
    }

    /// Marks the image files as members of an archive.
    pub(crate) fn set_archive(&mut self, archive: &Arc<Archive>) {
        let Store::Files(files) = &*self.train.store else {
            return;
        };
        let store = Arc::new(Store::Files(Files {
            root: files.root.clone(),
            limits: files.limits,
            archive: Some(archive.clone()),
            entries: files.entries.clone(),
        }));
        for (_, part) in self.parts_mut() {
            part.store = store.clone();
        }
    }

    pub(crate) fn parts_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut SourceSplit)> {
        std::iter::once(("train", &mut self.train))
            .chain(self.val.as_mut().map(|part| ("val", part)))
            .chain(self.test.as_mut().map(|part| ("test", part)))
    }
}
