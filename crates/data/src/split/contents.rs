//! What the images of a source are recognised by.

use crate::image::equal::{ImageIdentity, PixelHash};
use crate::record::SplitRecord;
use crate::sources::Source;
use crate::sources::store::{Item, Store};
use crate::split::keyed::SplitKey;
use receptive_core::hash::ContentHash;
use std::collections::{HashMap, HashSet};

/// What every image in use is recognised by, by its place in the store.
pub(super) struct Contents(HashMap<u32, (ContentHash, ImageIdentity)>);

impl Contents {
    /// An image that equals one of the record, if only in its pixels, has that one's content.
    pub(super) fn of(source: &mut Source, record: Option<&SplitRecord>) -> Self {
        let store = source.train.store.clone();
        let of_image = |image: u32| {
            let identity = store.identity(image as usize);
            let content = record.map_or(identity.content, |record| record.content(&identity));
            (image, (content, identity))
        };
        let hashes = source
            .parts_mut()
            .flat_map(|(_, part)| part.items.iter().map(|item| item.image))
            .map(of_image)
            .collect();
        Self(hashes)
    }

    pub(super) fn of_item(&self, item: &Item) -> ContentHash {
        self.0.get(&item.image).copied().unwrap_or_default().0
    }

    /// What decides the split of an image: its group, or else its pixels, so that a copy in another format moves
    /// no image and is where the image is.
    pub(super) fn key(&self, store: &Store, item: &Item) -> SplitKey {
        match (store.group(item.image as usize), store) {
            (Some(group), _) => SplitKey::of_group(group),
            (None, Store::Files(_)) => SplitKey::of_pixels(self.stored_look(item)),
            (None, Store::Memory(_)) => SplitKey::of_content(self.of_item(item)),
        }
    }

    /// What decides the splits of these images, as [`key`](Self::key) where none has a copy. Images of equal
    /// pixels have one key: that of the group that one of them is in, if any is. Groups stay apart.
    pub(super) fn joined_keys(&self, store: &Store, items: &[Item]) -> Vec<SplitKey> {
        // Groups before contents, so that the least is a group's if there is one.
        let of_item = |item: &Item| {
            let is_single = store.group(item.image as usize).is_none();
            (is_single, self.key(store, item))
        };
        let mut least: HashMap<PixelHash, (bool, SplitKey)> = HashMap::with_capacity(items.len());
        for item in items {
            let own = of_item(item);
            let known = least
                .entry(self.stored_look(item))
                .or_insert_with(|| own.clone());
            if own < *known {
                *known = own;
            }
        }
        let joined = |item: &Item| {
            let (is_single, own) = of_item(item);
            let pixels = self.stored_look(item);
            let shared = least
                .get(&pixels)
                .filter(|_| is_single && pixels.is_known());
            shared.map_or(own, |(_, key)| key.clone())
        };
        items.iter().map(joined).collect()
    }

    /// The hash of an image's pixels.
    pub(super) fn look(&self, item: &Item) -> PixelHash {
        self.looks(item)[0]
    }

    /// The same as they are stored: an image whose EXIF data rotate it and its copy without them have one.
    fn stored_look(&self, item: &Item) -> PixelHash {
        let [pixels, stored] = self.looks(item);
        if stored.is_known() { stored } else { pixels }
    }

    /// The hashes of an image's pixels as they are shown, and as they are stored where that differs.
    pub(super) fn looks(&self, item: &Item) -> [PixelHash; 2] {
        let (_, identity) = self.0.get(&item.image).copied().unwrap_or_default();
        [identity.pixels, identity.stored]
    }

    pub(super) fn all(&self) -> HashSet<ContentHash> {
        self.0.values().map(|(content, _)| *content).collect()
    }
}
