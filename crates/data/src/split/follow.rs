//! The splits that a run's record gives, and how the data set has changed since.

use crate::names::enumerate;
use crate::options::DataOptions;
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::keyed::SplitKey;
use receptive_core::hash::ContentHash;
use receptive_core::text::counted;
use std::collections::{HashMap, HashSet};

/// A data set beside a run's record of what it used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// Whether the splits are the run's own, by its record.
    pub is_own: bool,
    /// How many of the run's images were found.
    pub known: usize,
    /// The images of the run that are no longer there, by split.
    pub gone: Gone,
    /// How many images were not there when the run was trained.
    pub new: usize,
    /// The images that are in another class than when the run was trained, by their path then.
    pub relabelled: Vec<String>,
    /// How many images were left out because the model was trained on them, or on copies of them.
    pub left_out: usize,
}

/// Number of images of each split that are no longer there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Gone {
    /// Of the training split.
    pub train: usize,
    /// Of the validation split.
    pub val: usize,
    /// Of the test split.
    pub test: usize,
}

impl Gone {
    /// Of all splits.
    pub fn total(&self) -> usize {
        self.train + self.val + self.test
    }
}

/// The content of every image in use, by its place in the store.
pub(super) struct Contents(HashMap<u32, ContentHash>);

impl Contents {
    pub(super) fn of(source: &mut Source) -> Self {
        let store = source.train.store.clone();
        let hashes = source
            .parts_mut()
            .flat_map(|(_, part)| part.items.iter().map(|item| item.image))
            .map(|image| (image, store.content(image as usize)))
            .collect();
        Self(hashes)
    }

    pub(super) fn of_item(&self, item: &Item) -> ContentHash {
        self.0.get(&item.image).copied().unwrap_or_default()
    }

    /// What decides the split of an image: its group, or else its content.
    pub(super) fn key(&self, store: &Store, item: &Item) -> SplitKey {
        match store.group(item.image as usize) {
            Some(group) => SplitKey::of_group(group),
            None => SplitKey::of_content(self.of_item(item)),
        }
    }

    pub(super) fn all(&self) -> HashSet<ContentHash> {
        self.0.values().copied().collect()
    }
}

/// The record's splits. Images are matched by path and content, then by content alone (they were
/// renamed or moved); copies of a known image count as trained on if it was.
pub(super) fn follow(
    source: &mut Source,
    record: &SplitRecord,
    contents: &Contents,
    names: &[String],
    options: &DataOptions,
) -> (Comparison, Vec<Item>) {
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| std::mem::take(&mut part.items))
        .collect();
    let mut members: HashMap<ContentHash, Vec<(usize, &Member)>> = HashMap::new();
    for (at, member) in record.members().iter().enumerate() {
        let of = members.entry(member.content).or_default();
        of.push((at, member));
    }
    let mut roles: Vec<Option<(usize, &Member)>> = vec![None; items.len()];
    let mut take = |by_path: bool| {
        for (item, role) in items.iter().zip(&mut roles).filter(|(_, r)| r.is_none()) {
            let Some(members) = members.get_mut(&contents.of_item(item)) else {
                continue;
            };
            let path = by_path.then(|| store.name(item.image as usize));
            let fits = |(_, member): &(usize, &Member)| {
                member.role.is_own() && path.as_ref().is_none_or(|path| *path == member.path)
            };
            let place = members.iter().position(fits);
            *role = place.map(|place| members.remove(place));
        }
    };
    take(true);
    take(false);

    let mut comparison = Comparison {
        is_own: true,
        ..Comparison::default()
    };
    let (mut train, mut val, mut test, mut new) = (vec![], vec![], vec![], vec![]);
    let mut relabelled = Vec::new();
    for (item, found) in items.into_iter().zip(roles) {
        let Some((at, member)) = found else {
            let group = store.group(item.image as usize);
            let of_group = group.and_then(|group| record.group_role(group));
            match (record.role(&contents.of_item(&item)), of_group) {
                (Some(role), _) | (None, Some(role)) if role.is_trained_on() => {
                    comparison.left_out += 1;
                }
                // A copy of an image that is measured already.
                (Some(role), _) if role.is_own() => {}
                // Of a run that used a part of its data, nobody knows which images are new.
                _ if options.limit.is_some() => {}
                _ => new.push(item),
            }
            continue;
        };
        comparison.known += 1;
        if names.get(item.label as usize) != Some(&member.class) {
            relabelled.push(member.path.clone());
        }
        match member.role {
            Role::Val => val.push((at, item)),
            Role::Test => test.push((at, item)),
            _ => train.push((at, item)),
        }
    }
    if !relabelled.is_empty() {
        source.notes.push(format!(
            "the data has changed: {} in another class than when the run was trained, and measured by \
             the class now: {}",
            match relabelled.len() {
                1 => "1 image is".to_string(),
                images => format!("{} are", counted(images, "image")),
            },
            enumerate(&relabelled)
        ));
    }
    comparison.relabelled = relabelled;
    let gone: Vec<&Member> = members
        .into_values()
        .flatten()
        .map(|(_, member)| member)
        .filter(|member| member.role.is_own())
        .collect();
    for member in &gone {
        match member.role {
            Role::Val => comparison.gone.val += 1,
            Role::Test => comparison.gone.test += 1,
            _ => comparison.gone.train += 1,
        }
    }
    comparison.new = new.len();
    note_changes(&mut source.notes, &comparison, gone);
    // In the order of the record, whatever the files are called now.
    let ordered = |mut items: Vec<(usize, Item)>| -> Vec<Item> {
        items.sort_by_key(|(at, _)| *at);
        items.into_iter().map(|(_, item)| item).collect()
    };
    let part = |items| Some(SourceSplit::new(store.clone(), ordered(items)));
    source.train.items = ordered(train);
    source.val = part(val);
    source.test = part(test).filter(|test| !test.items.is_empty());
    (comparison, new)
}

fn note_changes(notes: &mut Vec<String>, comparison: &Comparison, mut gone: Vec<&Member>) {
    if !gone.is_empty() {
        gone.sort_by(|a, b| a.path.cmp(&b.path));
        let names: Vec<String> = gone.iter().map(|member| member.path.clone()).collect();
        let Gone { train, val, test } = comparison.gone;
        notes.push(format!(
            "the data has changed: {} of the run {} no longer there ({train} train, {val} val, \
             {test} test): {}",
            counted(gone.len(), "image"),
            if gone.len() == 1 { "is" } else { "are" },
            enumerate(&names)
        ));
    }
    if comparison.new > 0 {
        notes.push(format!(
            "the data has changed: {} not there when the run was trained and {} in none of its \
             splits; as the split `new` they are measured apart",
            match comparison.new {
                1 => "1 image was".to_string(),
                new => format!("{} were", counted(new, "image")),
            },
            if comparison.new == 1 { "is" } else { "are" },
        ));
    }
    if comparison.left_out > 0 {
        notes.push(left_out_note(comparison.left_out));
    }
}

pub(super) fn left_out_note(images: usize) -> String {
    format!(
        "left out {}: the model was trained on the same content, or on the same group",
        counted(images, "image")
    )
}
