//! The identities of a source's images.

use crate::image::equal::{ImageIdentity, PixelHash};
use crate::record::SplitRecord;
use crate::sources::Source;
use crate::sources::store::{Item, Store};
use crate::split::keyed::SplitKey;
use receptive_core::hash::ContentHash;
use std::collections::{HashMap, HashSet};

/// The content and identity of every image in use, by its index in the store.
pub(super) struct ContentIndex(HashMap<u32, (ContentHash, ImageIdentity)>);

impl ContentIndex {
    /// The images of a source. One that equals an image of the record, even if only in its pixels, has the
    /// recorded content.
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

    /// What determines the split of an image: its group, or else its pixels. So a copy in another format is in
    /// the same split as the image and moves no other.
    pub(super) fn key(&self, store: &Store, item: &Item) -> SplitKey {
        match (store.group(item.image as usize), store) {
            (Some(group), _) => SplitKey::of_group(group),
            (None, Store::Files(_)) => SplitKey::of_pixels(self.stored_look(item)),
            (None, Store::Memory(_)) => SplitKey::of_content(self.of_item(item)),
        }
    }

    /// What determines the splits of these images: as [`key`](Self::key), except that images of equal pixels, as
    /// displayed or as stored, share a key. It is that of a group if one of them belongs to a group (groups are
    /// never merged), else that of an image that EXIF data do not turn, so that adding a turned copy does not move
    /// the image.
    pub(super) fn joined_keys(&self, store: &Store, items: &[Item]) -> Vec<SplitKey> {
        // The look that stands for all looks of the same image.
        let mut first: HashMap<PixelHash, PixelHash> = HashMap::new();
        fn root(first: &HashMap<PixelHash, PixelHash>, mut look: PixelHash) -> PixelHash {
            while let Some(before) = first.get(&look).filter(|before| **before != look) {
                look = *before;
            }
            look
        }
        for item in items {
            let [pixels, stored] = self.looks(item);
            if pixels.is_known() && stored.is_known() {
                let [a, b] = [root(&first, pixels), root(&first, stored)];
                first.insert(a, b);
            }
        }
        // Groups sort before single images, and these before turned ones.
        let of_item = |item: &Item| {
            let is_single = store.group(item.image as usize).is_none();
            let is_turned = is_single && self.looks(item)[1].is_known();
            let key = (is_single, is_turned, self.key(store, item));
            (root(&first, self.look(item)), key)
        };
        let own: Vec<(PixelHash, (bool, bool, SplitKey))> = items.iter().map(of_item).collect();
        let mut least: HashMap<PixelHash, &(bool, bool, SplitKey)> =
            HashMap::with_capacity(items.len());
        for (look, key) in &own {
            let known = least.entry(*look).or_insert(key);
            *known = (*known).min(key);
        }
        let joined = |(look, key): &(PixelHash, (bool, bool, SplitKey))| {
            let shared = least.get(look).filter(|_| key.0 && look.is_known());
            shared.map_or(key, |shared| *shared).2.clone()
        };
        own.iter().map(joined).collect()
    }

    /// The hash of an image's pixels.
    pub(super) fn look(&self, item: &Item) -> PixelHash {
        self.looks(item)[0]
    }

    /// The hash of the pixels as stored, which is the same for an image that EXIF data rotates and for its copy
    /// without EXIF data.
    fn stored_look(&self, item: &Item) -> PixelHash {
        let [pixels, stored] = self.looks(item);
        if stored.is_known() { stored } else { pixels }
    }

    /// The hashes of an image's pixels as displayed and, if that differs, as stored.
    pub(super) fn looks(&self, item: &Item) -> [PixelHash; 2] {
        let (_, identity) = self.0.get(&item.image).copied().unwrap_or_default();
        [identity.pixels, identity.stored]
    }

    pub(super) fn all(&self) -> HashSet<ContentHash> {
        self.0.values().map(|(content, _)| *content).collect()
    }
}
