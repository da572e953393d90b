//! Deciding which split each image is in: by a run's record, by the source's folders, or by a cut.

use crate::names::enumerate;
use crate::options::{DataOptions, RecordUse};
use crate::record::{Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::folds;
use crate::split::follow::{Comparison, Contents, follow, left_out_note};
use crate::split::keyed::{self, SplitKey};
use crate::split::stratify;
use receptive_core::text::{Printable, counted};
use std::collections::{BTreeMap, HashMap, HashSet};

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
            let is_cut = options.fold.is_some()
                || source.val.is_none()
                || source.test.is_none() && source.cut_test;
            cut(source, classes, options, &contents, extends);
            let comparison = leave_out_used(source, record, *usage, &contents);
            assigned.comparison = Some(comparison);
            if extends.is_some() && is_cut {
                note_groups(source, record);
            }
        }
        None => cut(source, classes, options, &contents, None),
    }
    // The splits of a run stay as they were recorded, by content alone.
    let is_recorded = assigned.comparison.as_ref().is_some_and(|c| c.is_own);
    assigned.duplicates.between_splits = leave_out_copies(source, &contents, is_recorded);
    assigned.duplicates.between_classes = note_contradictions(source);
    assigned
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

/// Cuts the splits that the source lacks. Images of `start`'s record keep their splits.
fn cut(
    source: &mut Source,
    classes: usize,
    options: &DataOptions,
    contents: &Contents,
    start: Option<&SplitRecord>,
) {
    if let Some(fold) = options.fold {
        folds::cut(source, classes, options, fold, contents);
        return;
    }
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
    let of_groups = start.map(|start| group_roles(&store, &items, contents, start));
    let known = |item: &Item| {
        let group = store.group(item.image as usize);
        let role = start?.role_with_group(&contents.of_item(item), group);
        role.or_else(|| of_groups.as_ref()?.get(group?).copied())
    };
    let (train, [test, val]) = match &*store {
        // The images of an IDX or CIFAR file have places instead of names: none comes or goes alone.
        Store::Memory(_) if start.is_none() => stratify::cut(&items, classes, shares, options.seed),
        _ => {
            let keys: Vec<(SplitKey, u32)> = items
                .iter()
                .filter(|item| known(item).is_none())
                .map(|item| (contents.key(&store, item), item.label))
                .collect();
            let part_of = keyed::cut(&keys, classes, shares, options.seed);
            let mut parts = [vec![], vec![], vec![]];
            for item in items {
                let part = match known(&item) {
                    // What must not be trained on is left out, and said, afterwards.
                    Some(Role::Test | Role::TestBefore) => Some(if wants_test { 0 } else { 2 }),
                    Some(Role::Val | Role::ValBefore) => Some(if wants_val { 1 } else { 2 }),
                    Some(Role::Train | Role::Before) => Some(2),
                    None => part_of.get(&contents.key(&store, &item)).copied(),
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
}

/// What each group of these images was used for, by the record of a run that did not know the groups:
/// of several uses, the one that says most about what was learned.
fn group_roles<'a>(
    store: &'a Store,
    items: &[Item],
    contents: &Contents,
    start: &SplitRecord,
) -> HashMap<&'a str, Role> {
    let mut roles: HashMap<&str, Role> = HashMap::new();
    for item in items {
        let role = start.role(&contents.of_item(item));
        if let (Some(group), Some(role)) = (store.group(item.image as usize), role) {
            let known = roles.entry(group).or_insert(role);
            *known = known.more_learned(role);
        }
    }
    roles
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
            let content = contents.of_item(item);
            let role = record.role_with_group(&content, group);
            chose += usize::from(role == Some(Role::Val));
            comparison.known += usize::from(role.is_some());
            comparison.new += usize::from(role.is_none());
            let extends = usage == RecordUse::Extend;
            let is_tested =
                record.is_tested(&content) || matches!(role, Some(Role::Test | Role::TestBefore));
            match role {
                Some(role) if role.is_trained_on() && (split != "train" || !extends) => {
                    comparison.left_out += 1;
                    false
                }
                _ if is_tested && split == "train" && extends => {
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
            "left {} out of training: the model that training starts from, or one before it, was \
             tested on the same content, which must stay unseen",
            counted(kept_unseen, "image")
        ));
    }
    comparison
}

/// Of a run that starts from another: that one knew no groups, or other ones, so its splits divide
/// these; or these images are not grouped, as those were.
fn note_groups(source: &mut Source, record: &SplitRecord) {
    let store = source.train.store.clone();
    let mut splits: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for (split, part) in source.parts_mut() {
        for item in &part.items {
            if let Some(group) = store.group(item.image as usize) {
                splits.entry(group).or_default().insert(split);
            }
        }
    }
    if splits.is_empty() && record.has_groups() {
        source.notes.push(
            "the images of the model that training starts from were split by groups, these are not: \
             set data.group, or images of one group may be in several splits"
                .into(),
        );
    }
    let divided: Vec<String> = splits
        .into_iter()
        .filter(|(_, splits)| splits.len() > 1)
        .map(|(group, _)| group.to_string())
        .collect();
    if !divided.is_empty() {
        source.notes.push(format!(
            "groups with images in more than one split: {}, since the model that training starts from \
             was split without them, and its test images must stay unseen; the results on these groups \
             say little about new groups: {}",
            divided.len(),
            enumerate(&divided)
        ));
    }
}

/// Leaves images out of the validation and test splits whose content or pixels are also trained on, and
/// out of the validation split what is tested on. `by_content` alone, or also by pixels.
fn leave_out_copies(source: &mut Source, contents: &Contents, by_content: bool) -> usize {
    let store = source.train.store.clone();
    let look = |item: &Item| match by_content {
        true => {
            let [a, b] = contents.of_item(item).key();
            u128::from(a) << 64 | u128::from(b)
        }
        false => store.look(item.image as usize),
    };
    let mut used: HashSet<u128> = source.train.items.iter().map(look).collect();
    let mut total = 0;
    for (name, part) in [("test", &mut source.test), ("validation", &mut source.val)] {
        let Some(part) = part else { continue };
        let before = part.items.len();
        part.items.retain(|item| !used.contains(&look(item)));
        used.extend(part.items.iter().map(look));
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

/// Notes equal images that stand in several classes; returns the number of such images.
fn note_contradictions(source: &mut Source) -> usize {
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().copied())
        .collect();
    let look = |item: &Item| store.look(item.image as usize);
    let mut labels: HashMap<u128, (u32, bool)> = HashMap::with_capacity(items.len());
    for item in &items {
        let (label, differ) = labels.entry(look(item)).or_insert((item.label, false));
        *differ |= *label != item.label;
    }
    let mut contradicting: Vec<(u128, String)> = items
        .iter()
        .map(|item| (look(item), item))
        .filter(|(content, _)| labels.get(content).is_some_and(|(_, differ)| *differ))
        .map(|(content, item)| (content, store.name(item.image as usize)))
        .collect();
    contradicting.sort();
    if let [(_, one), (_, other), ..] = contradicting.as_slice() {
        source.notes.push(format!(
            "{} stand in two or more classes with equal pixels, such as {} and {}; all are kept, \
             but no network can tell them apart: remove them from the wrong class",
            counted(contradicting.len(), "image"),
            one.printable(),
            other.printable()
        ));
    }
    contradicting.len()
}
