//! Assigning each image to a split: by a run's record, by the source's folders, or at random.

use crate::error::DataError;
use crate::image::equal::PixelHash;
use crate::options::{DataOptions, RecordUse};
use crate::record::{Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::classes::{ClassList, unknown_note};
use crate::split::contents::ContentIndex;
use crate::split::folds;
use crate::split::follow::{Comparison, FollowedSplits, changed_note, follow, left_out_note};
use crate::split::groups::{GroupRoles, note_groups};
use crate::split::keyed::{self, SplitKey};
use crate::split::place::place;
use crate::split::stratify;
use crate::split::verify::DamagedImage;
use receptive_core::hash::ContentHash;
use receptive_core::text::{Printable, counted, grouped};
use std::collections::{HashMap, HashSet};

/// Numbers of images with equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Duplicates {
    /// Images left out of the validation or test split because a training or test image is equal.
    pub between_splits: usize,
    /// Images that have an equal one in another class.
    pub between_classes: usize,
    /// Images that equal an earlier one in the same split and class; all of them are counted and kept.
    pub within_splits: usize,
}

/// Results of the assignment, besides the splits of the source.
pub(crate) struct SplitAssignment {
    /// A hash of all images of the source and their classes.
    pub(crate) images: ContentHash,
    /// Images that are not in the run's record.
    pub(crate) new: Vec<Item>,
    /// Images left out because the trained model does not have their class.
    pub(crate) unknown: Vec<Item>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) duplicates: Duplicates,
}

/// Assigns every image of the source to a split. The images must have been verified.
pub(crate) fn assign(
    source: &mut Source,
    names: &ClassList,
    damaged: &[DamagedImage],
    options: &DataOptions,
) -> Result<SplitAssignment, DataError> {
    let classes = names.known().len();
    let record = options.record.as_ref().map(|(record, _)| record.as_ref());
    let contents = ContentIndex::of(source, record);
    let mut assigned = SplitAssignment {
        images: hash_all(source, &contents),
        new: Vec::new(),
        unknown: Vec::new(),
        comparison: None,
        duplicates: Duplicates::default(),
    };
    match &options.record {
        Some((record, usage)) if follows(record, *usage, &contents) => {
            let FollowedSplits {
                comparison,
                new,
                unknown,
            } = follow(source, record, &contents, names, damaged, options);
            assigned.comparison = Some(comparison);
            assigned.new = new;
            assigned.unknown = unknown;
        }
        Some((record, usage)) => {
            let extends = (*usage == RecordUse::Extend).then_some(record.as_ref());
            assigned.unknown = leave_out_unknown(source, names);
            let is_cut = options.fold.is_some()
                || source.val.is_none()
                || source.test.is_none() && source.cut_test;
            cut(source, classes, options, &contents, extends)?;
            let comparison = leave_out_used(source, record, *usage, &contents);
            assigned.comparison = Some(comparison);
            if extends.is_some() && is_cut {
                note_groups(source, record);
            }
        }
        None => {
            assigned.unknown = leave_out_unknown(source, names);
            cut(source, classes, options, &contents, None)?;
        }
    }
    let note = unknown_note(&assigned.unknown, names);
    source.notes.extend(note);
    // A run's splits stay as they were recorded, where copies are recognised by content only.
    let is_recorded = assigned.comparison.as_ref().is_some_and(|c| c.is_own);
    // Before copies are left out, because equal images in two classes may be in two splits.
    assigned.duplicates.between_classes = note_contradictions(source, &contents);
    assigned.duplicates.between_splits = leave_out_copies(source, &contents, is_recorded);
    assigned.duplicates.within_splits = note_copies(source, &assigned.new, &contents);
    Ok(assigned)
}

/// A hash of all images that does not depend on their names and formats.
fn hash_all(source: &mut Source, contents: &ContentIndex) -> ContentHash {
    hash_each(source, |item| contents.look(item).to_string())
}

/// A hash of all images: `image` of each, with its class, its group, and the split that the source gives it.
pub(super) fn hash_each(source: &mut Source, image: impl Fn(&Item) -> String) -> ContentHash {
    let store = source.train.store.clone();
    let mut all = Vec::new();
    for (split, part) in source.parts_mut() {
        for item in &part.items {
            let group = store.group(item.image as usize).unwrap_or_default();
            all.push(format!("{} {} {split} {group}\n", image(item), item.label));
        }
    }
    all.sort_unstable();
    ContentHash::of(all.concat().as_bytes())
}

/// Leaves out the images of classes that the trained model does not have.
fn leave_out_unknown(source: &mut Source, classes: &ClassList) -> Vec<Item> {
    let mut unknown = Vec::new();
    for (_, part) in source.parts_mut() {
        let left = part
            .items
            .extract_if(.., |item| classes.is_unknown(item.label));
        unknown.extend(left);
    }
    unknown
}

/// From this fraction of a run's images on, another data set counts as the run's own.
const OWN_SHARE: f64 = 0.5;

fn follows(record: &SplitRecord, usage: RecordUse, contents: &ContentIndex) -> bool {
    match usage {
        RecordUse::Follow => true,
        RecordUse::Extend => false,
        RecordUse::Recognize => record.share_found(&contents.all()) >= OWN_SHARE,
    }
}

/// Makes the splits that the source lacks. Images in `start`'s record keep their splits.
fn cut(
    source: &mut Source,
    classes: usize,
    options: &DataOptions,
    contents: &ContentIndex,
    start: Option<&SplitRecord>,
) -> Result<(), DataError> {
    if let Some(fold) = options.fold {
        return folds::cut(source, classes, options, fold, contents);
    }
    let wants_val = source.val.is_none();
    let wants_test = source.test.is_none() && source.cut_test;
    note_unused_fractions(source, options);
    if !wants_val && !wants_test {
        return Ok(());
    }
    let share = |wanted, share| if wanted { share } else { 0.0 };
    let shares = [
        share(wants_test, options.test_fraction),
        share(wants_val, options.val_fraction),
    ];
    let store = source.train.store.clone();
    let items = std::mem::take(&mut source.train.items);
    let of_groups = start.map(|start| GroupRoles::new(&store, &items, contents, start));
    let known = |item: &Item| {
        let role = start?.role(&contents.of_item(item));
        role.or_else(|| of_groups.as_ref()?.found(store.group(item.image as usize)?))
    };
    let (train, [test, val]) = match &*store {
        // Images of an IDX or CIFAR file have positions instead of names: single ones cannot be added or
        // removed.
        Store::Memory(_) if start.is_none() => stratify::cut(&items, classes, shares, options.seed),
        _ => {
            let joined = contents.joined_keys(&store, &items);
            let keys: Vec<(SplitKey, u32)> = items
                .iter()
                .zip(&joined)
                .filter(|(item, _)| known(item).is_none())
                .map(|(item, key)| (key.clone(), item.label))
                .collect();
            let part_of = keyed::cut(&keys, classes, shares, options.seed);
            let mut parts = [vec![], vec![], vec![]];
            for (item, key) in items.into_iter().zip(&joined) {
                let part = match known(&item) {
                    // Images that must not be trained on are left out, with a note, afterwards.
                    Some(Role::Test | Role::TestBefore) => Some(if wants_test { 0 } else { 2 }),
                    Some(Role::Val | Role::ValBefore) => Some(if wants_val { 1 } else { 2 }),
                    Some(Role::Train | Role::Before) => Some(2),
                    None => part_of.get(key).copied(),
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
    if wants_val {
        source.val = Some(SourceSplit::new(store.clone(), val));
    }
    if wants_test && (options.test_fraction > 0.0 || !test.is_empty()) {
        source.test = Some(SourceSplit::new(store, test));
    }
    Ok(())
}

/// Notes that a fraction was set although the source has its own splits.
fn note_unused_fractions(source: &mut Source, options: &DataOptions) {
    let is_set = |share: f64| options.classes.is_none() && share != DataOptions::DEFAULT_FRACTION;
    let has_val = source.val.is_some();
    let found = match (&source.test, source.cut_test) {
        (Some(_), _) => Some("the data has a test split"),
        (None, false) => Some("the data has its own splits, but none for testing"),
        (None, true) => None,
    };
    if has_val && is_set(options.val_fraction) {
        let note = "data.val_fraction has no effect: the data has a validation split";
        source.notes.push(note.into());
    }
    if let Some(found) = found.filter(|_| is_set(options.test_fraction)) {
        let note = format!("data.test_fraction has no effect: {found}");
        source.notes.push(note);
    }
}

/// Leaves images that the record's run was trained on out of validation and test. For a run that starts from
/// it, images that it was tested on are also left out of training; for other data, everything it was trained on
/// is left out.
fn leave_out_used(
    source: &mut Source,
    record: &SplitRecord,
    usage: RecordUse,
    contents: &ContentIndex,
) -> Comparison {
    let mut comparison = Comparison::default();
    let found = contents.all();
    let lost: HashSet<&str> = record
        .missing(&found)
        .map(|lost| place(&lost.path))
        .collect();
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().copied())
        .collect();
    let of_groups = GroupRoles::new(&store, &items, contents, record);
    let mut by_group = Vec::new();
    let mut unseen_by_group = 0;
    for (split, part) in source.parts_mut() {
        part.items.retain(|item| {
            let group = store.group(item.image as usize);
            let content = contents.of_item(item);
            let own = record.role(&content);
            let role = own.or_else(|| of_groups.most_learned(group?));
            comparison.validated += usize::from(role == Some(Role::Val));
            comparison.known += usize::from(role.is_some());
            comparison.new += usize::from(role.is_none());
            let is_changed =
                role.is_none() && lost.contains(place(&store.name(item.image as usize)));
            comparison.changed += usize::from(is_changed);
            let extends = usage == RecordUse::Extend;
            let is_tested =
                record.is_tested(&content) || matches!(role, Some(Role::Test | Role::TestBefore));
            match role {
                Some(role) if role.is_trained_on() && (split != "train" || !extends) => {
                    comparison.left_out += 1;
                    by_group.extend(group.filter(|_| own.is_none()));
                    false
                }
                _ if is_tested && split == "train" && extends => {
                    comparison.kept_unseen += 1;
                    unseen_by_group += usize::from(own.is_none());
                    false
                }
                _ => true,
            }
        });
    }
    if comparison.left_out > 0 {
        source
            .notes
            .push(left_out_note(comparison.left_out, &by_group));
    }
    let risk = match usage {
        RecordUse::Extend => {
            "images that the pretrained model was trained on may be in the test split, and images it was tested on \
             in the training split"
        }
        _ => "the model may have been trained on the original",
    };
    source.notes.extend(changed_note(comparison.changed, risk));
    if usage == RecordUse::Recognize && comparison.new > 0 {
        source.notes.push(
            "training images of the run are recognised by identical bytes or pixels; one that was \
             resized, edited or recompressed, such as to JPEG, counts as new"
                .into(),
        );
    }
    if comparison.kept_unseen > 0 {
        source.notes.push(format!(
            "left {} out of training: the pretrained model or one of its ancestors was tested on \
             {}, which must not be trained on",
            counted(comparison.kept_unseen, "image"),
            match unseen_by_group {
                0 => "the same content",
                _ => "the same content or on other images of the same group",
            }
        ));
    }
    comparison
}

/// How copies are recognised.
#[derive(PartialEq, Eq, Hash)]
enum Look {
    Content(ContentHash),
    Pixels(PixelHash),
}

/// Leaves copies of training images out of the validation and test splits, and copies of test images out of the
/// validation split. Copies are recognised by content if `by_content`, else by pixels.
fn leave_out_copies(source: &mut Source, contents: &ContentIndex, by_content: bool) -> usize {
    // In the same way as a run that follows the record recognises them.
    let looks = |item: &Item| match by_content {
        true => vec![Look::Content(contents.of_item(item))],
        false => {
            let [pixels, stored] = contents.looks(item);
            let stored = Some(stored).filter(|stored| stored.is_known());
            let all = std::iter::once(pixels).chain(stored);
            all.map(Look::Pixels).collect()
        }
    };
    let mut used: HashSet<Look> = source.train.items.iter().flat_map(looks).collect();
    let mut total = 0;
    for (name, part) in [("test", &mut source.test), ("validation", &mut source.val)] {
        let Some(part) = part else { continue };
        let before = part.items.len();
        let is_used = |item: &Item| looks(item).iter().any(|look| used.contains(look));
        part.items.retain(|item| !is_used(item));
        used.extend(part.items.iter().flat_map(looks));
        let left = before - part.items.len();
        total += left;
        if left > 0 {
            let equal = match name {
                "test" => "training images",
                _ => "training or test images",
            };
            source.notes.push(format!(
                "left {} out of the {name} split: equal to {equal}, pixel for pixel",
                counted(left, "image"),
            ));
        }
    }
    total
}

/// Notes images that equal an earlier one in the same split and class, including those in no split (`new`);
/// returns their number.
fn note_copies(source: &mut Source, new: &[Item], contents: &ContentIndex) -> usize {
    let store = source.train.store.clone();
    let (mut counts, mut total, mut example) = (Vec::new(), 0, None);
    let parts = source
        .parts_mut()
        .map(|(split, part)| (split, &*part.items));
    for (split, items) in parts.chain([("new", new)]) {
        let mut first: HashMap<(PixelHash, u32), u32> = HashMap::with_capacity(items.len());
        let mut copies = 0;
        for item in items {
            let look = contents.look(item);
            let one = *first.entry((look, item.label)).or_insert(item.image);
            if one != item.image && look.is_known() {
                copies += 1;
                example.get_or_insert((one, item.image));
            }
        }
        if copies > 0 {
            counts.push(format!("{split} {}", grouped(copies)));
            total += copies;
        }
    }
    if let Some((one, other)) = example {
        let [one, other] = [one, other].map(|image| store.name(image as usize));
        source.notes.push(format!(
            "{} {} another one of the same split and class, pixel for pixel ({}), such as {} and \
             {}: each copy counts in training and in results; remove unintended ones",
            counted(total, "image"),
            if total == 1 { "equals" } else { "equal" },
            counts.join(", "),
            one.printable(),
            other.printable()
        ));
    }
    total
}

/// Notes equal images in different classes; returns the number of such images.
fn note_contradictions(source: &mut Source, contents: &ContentIndex) -> usize {
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().copied())
        .collect();
    let look = |item: &Item| contents.look(item);
    let mut labels: HashMap<PixelHash, (u32, bool)> = HashMap::with_capacity(items.len());
    for item in &items {
        let (label, differ) = labels.entry(look(item)).or_insert((item.label, false));
        *differ |= *label != item.label;
    }
    let mut contradicting: Vec<(PixelHash, String)> = items
        .iter()
        .map(|item| (look(item), item))
        .filter(|(content, _)| labels.get(content).is_some_and(|(_, differ)| *differ))
        .map(|(content, item)| (content, store.name(item.image as usize)))
        .collect();
    contradicting.sort();
    if let [(_, one), (_, other), ..] = contradicting.as_slice() {
        source.notes.push(format!(
            "{} occur in two or more classes with identical pixels, such as {} and {}; no network \
             can tell them apart: remove them from the wrong class",
            counted(contradicting.len(), "image"),
            one.printable(),
            other.printable()
        ));
    }
    contradicting.len()
}
