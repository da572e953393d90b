//! Deciding which split each image is in: by a run's record, by the source's folders, or by a cut.

use crate::names::enumerate;
use crate::options::{DataOptions, RecordUse};
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::keyed::{self, SplitKey};
use crate::split::stratify;
use receptive_core::hash::ContentHash;
use receptive_core::text::{Printable, counted};
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

/// Images of equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Duplicates {
    /// Images left out of the validation or test split because a training or test image is equal.
    pub between_splits: usize,
    /// Images that have an equal one in another class.
    pub between_classes: usize,
}

/// What came of it, beside the splits of the source.
pub(crate) struct Assigned {
    /// Images that a run's record does not know.
    pub(crate) new: Vec<Item>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) duplicates: Duplicates,
}

/// Puts every image of the source into its split. Its images must have been verified.
pub(crate) fn assign(source: &mut Source, names: &[String], options: &DataOptions) -> Assigned {
    let classes = names.len();
    let contents = Contents::of(source);
    let mut assigned = Assigned {
        new: Vec::new(),
        comparison: None,
        duplicates: Duplicates::default(),
    };
    match &options.record {
        Some((record, usage)) if follows(record, *usage, &contents) => {
            let (comparison, new) = follow(source, record, &contents, names, options);
            assigned.comparison = Some(comparison);
            assigned.new = new;
        }
        Some((record, usage)) => {
            let extends = (*usage == RecordUse::Extend).then_some(record.as_ref());
            cut(source, classes, options, &contents, extends);
            let comparison = leave_out_used(source, record, *usage, &contents);
            assigned.comparison = Some(comparison);
        }
        None => cut(source, classes, options, &contents, None),
    }
    assigned.duplicates.between_splits = leave_out_copies(source, &contents);
    assigned.duplicates.between_classes = note_contradictions(source, &contents);
    assigned
}

/// The content of every image in use, by its place in the store.
struct Contents(HashMap<u32, ContentHash>);

impl Contents {
    fn of(source: &mut Source) -> Self {
        let store = source.train.store.clone();
        let hashes = source
            .parts_mut()
            .flat_map(|(_, part)| part.items.iter().map(|item| item.image))
            .map(|image| (image, store.content(image as usize)))
            .collect();
        Self(hashes)
    }

    fn of_item(&self, item: &Item) -> ContentHash {
        self.0.get(&item.image).copied().unwrap_or_default()
    }

    fn all(&self) -> HashSet<ContentHash> {
        self.0.values().copied().collect()
    }
}

/// Of another data set, the share of a run's images from which it is taken for the run's own.
const OWN_SHARE: f64 = 0.5;

fn follows(record: &SplitRecord, usage: RecordUse, contents: &Contents) -> bool {
    match usage {
        RecordUse::Follow => true,
        RecordUse::Extend => false,
        RecordUse::Recognize => record.share_found(&contents.all()) >= OWN_SHARE,
    }
}

/// The record's splits. Images are matched by path and content, then by content alone (they were
/// renamed or moved); copies of a known image count as trained on if it was.
fn follow(
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
                member.role != Role::Before && path.as_ref().is_none_or(|path| *path == member.path)
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
                (Some(_), _) => {} // a copy of an image that is measured already
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
    let gone: Vec<&Member> = members
        .into_values()
        .flatten()
        .map(|(_, member)| member)
        .filter(|member| member.role != Role::Before)
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

fn left_out_note(images: usize) -> String {
    format!(
        "left out {}: the model was trained on the same content, or on the same group",
        counted(images, "image")
    )
}

/// Cuts the splits that the source lacks. Images of `start`'s record keep their splits.
fn cut(
    source: &mut Source,
    classes: usize,
    options: &DataOptions,
    contents: &Contents,
    start: Option<&SplitRecord>,
) {
    let wants_val = source.val.is_none();
    let wants_test = source.test.is_none() && source.cut_test;
    if !wants_val && !wants_test {
        return;
    }
    let share = |wanted, share| if wanted { share } else { 0.0 };
    let shares = [
        share(wants_test, options.test_fraction),
        share(wants_val, options.val_fraction),
    ];
    let store = source.train.store.clone();
    let items = std::mem::take(&mut source.train.items);
    let known = |item: &Item| {
        let start = start?;
        let group = store.group(item.image as usize);
        let of_group = || group.and_then(|group| start.group_role(group));
        start.role(&contents.of_item(item)).or_else(of_group)
    };
    let (train, [mut test, mut val]) = match &*store {
        // The images of an IDX or CIFAR file have places instead of names: none comes or goes alone.
        Store::Memory(_) if start.is_none() => stratify::cut(&items, classes, shares, options.seed),
        _ => {
            let keys: Vec<(SplitKey, u32)> = items
                .iter()
                .filter(|item| known(item).is_none())
                .map(|item| (key(&store, item, contents), item.label))
                .collect();
            let part_of = keyed::cut(&keys, classes, shares, options.seed);
            let mut parts = [vec![], vec![], vec![]];
            for item in items {
                let part = match known(&item) {
                    // What must not be trained on is left out, and said, afterwards.
                    Some(Role::Test) => Some(if wants_test { 0 } else { 2 }),
                    Some(Role::Val) => Some(if wants_val { 1 } else { 2 }),
                    Some(Role::Train | Role::Before) => Some(2),
                    None => part_of.get(&key(&store, &item, contents)).copied(),
                };
                if let Some(part) = part {
                    parts[part].push(item);
                }
            }
            let [test, val, train] = parts;
            (train, [test, val])
        }
    };
    source.train.items = train;
    let part = |items: &mut Vec<Item>| SourceSplit::new(store.clone(), std::mem::take(items));
    if wants_val {
        source.val = Some(part(&mut val));
    }
    if wants_test && (options.test_fraction > 0.0 || !test.is_empty()) {
        source.test = Some(part(&mut test));
    }
}

fn key(store: &Store, item: &Item, contents: &Contents) -> SplitKey {
    match store.group(item.image as usize) {
        Some(group) => SplitKey::of_group(group),
        None => SplitKey::of_content(contents.of_item(item)),
    }
}

/// Leaves out of validation and test what the record's run was trained on. For a run that starts
/// from that one, also of training what that one was tested on; for a look at other data, everything
/// that was trained on.
fn leave_out_used(
    source: &mut Source,
    record: &SplitRecord,
    usage: RecordUse,
    contents: &Contents,
) -> Comparison {
    let mut comparison = Comparison::default();
    let mut kept_unseen = 0;
    let mut chose = 0;
    let store = source.train.store.clone();
    for (split, part) in source.parts_mut() {
        part.items.retain(|item| {
            let group = store.group(item.image as usize);
            let of_group = || group.and_then(|group| record.group_role(group));
            let role = record.role(&contents.of_item(item)).or_else(of_group);
            chose += usize::from(role == Some(Role::Val));
            comparison.known += usize::from(role.is_some());
            comparison.new += usize::from(role.is_none());
            let extends = usage == RecordUse::Extend;
            match role {
                Some(role) if role.is_trained_on() && (split != "train" || !extends) => {
                    comparison.left_out += 1;
                    false
                }
                Some(Role::Test) if split == "train" && extends => {
                    kept_unseen += 1;
                    false
                }
                _ => true,
            }
        });
    }
    if comparison.left_out > 0 {
        source.notes.push(left_out_note(comparison.left_out));
    }
    if chose > 0 && usage != RecordUse::Extend {
        source.notes.push(format!(
            "the best epoch of the run was chosen by {} of these: results on them are a little too good",
            counted(chose, "image")
        ));
    }
    if kept_unseen > 0 {
        source.notes.push(format!(
            "left {} out of training: the model that training starts from was tested on the same \
             content, which must stay unseen",
            counted(kept_unseen, "image")
        ));
    }
    comparison
}

/// Leaves images out of the validation and test splits whose content is also trained on, and out of
/// the validation split what is tested on.
fn leave_out_copies(source: &mut Source, contents: &Contents) -> usize {
    let hashes = |items: &[Item]| items.iter().map(|i| contents.of_item(i)).collect();
    let mut used: HashSet<ContentHash> = hashes(&source.train.items);
    let mut total = 0;
    for (name, part) in [("test", &mut source.test), ("validation", &mut source.val)] {
        let Some(part) = part else { continue };
        let before = part.items.len();
        part.items
            .retain(|item| !used.contains(&contents.of_item(item)));
        used.extend(part.items.iter().map(|item| contents.of_item(item)));
        let left = before - part.items.len();
        total += left;
        if left > 0 {
            let equal = match name {
                "test" => "training images",
                _ => "training or test images",
            };
            source.notes.push(format!(
                "left {} out of the {name} split: equal to {equal}, content for content",
                counted(left, "image"),
            ));
        }
    }
    total
}

/// Notes content that stands in several classes; returns the number of such images.
fn note_contradictions(source: &mut Source, contents: &Contents) -> usize {
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().copied())
        .collect();
    let mut labels: HashMap<ContentHash, (u32, bool)> = HashMap::with_capacity(items.len());
    for item in &items {
        let (label, differ) = labels
            .entry(contents.of_item(item))
            .or_insert((item.label, false));
        *differ |= *label != item.label;
    }
    let mut contradicting: Vec<(ContentHash, String)> = items
        .iter()
        .map(|item| (contents.of_item(item), item))
        .filter(|(content, _)| labels.get(content).is_some_and(|(_, differ)| *differ))
        .map(|(content, item)| (content, store.name(item.image as usize)))
        .collect();
    contradicting.sort();
    if let [(_, one), (_, other), ..] = contradicting.as_slice() {
        source.notes.push(format!(
            "{} stand in two or more classes with equal content, such as {} and {}; all are kept, \
             but no network can tell them apart: remove them from the wrong class",
            counted(contradicting.len(), "image"),
            one.printable(),
            other.printable()
        ));
    }
    contradicting.len()
}
