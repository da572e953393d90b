//! Following the splits of a run's record, and the changes to the data set since then.

use crate::names::enumerate;
use crate::options::DataOptions;
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::classes::ClassList;
use crate::split::contents::ContentIndex;
use crate::split::folds;
use crate::split::groups::GroupRoles;
use crate::split::place::place;
use crate::split::placement::{GivenSplits, Matches, Rules};
use crate::split::verify::DamagedImage;
use receptive_core::text::counted;
use std::collections::{BTreeMap, HashSet};

/// A data set compared with a run's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// Whether the splits are those of the run's record.
    pub is_own: bool,
    /// Number of the run's images that were found.
    pub known: usize,
    /// Number of the run's images that no longer exist, by split.
    pub missing: UnavailableImages,
    /// Number of the run's images with files that can no longer be read, by split.
    pub unreadable: UnavailableImages,
    /// Their paths.
    pub unreadable_paths: Vec<String>,
    /// The recorded paths of those that no longer exist.
    pub missing_paths: Vec<String>,
    /// The run's classes that have no readable images left.
    pub missing_classes: Vec<String>,
    /// Number of images added since the run was trained.
    pub new: usize,
    /// How many of these have the path of one of the run's images that was not found, up to the extension and a
    /// split's folder: it was edited, converted or saved again, or replaced by another.
    pub changed: usize,
    /// Images whose class has changed since the run was trained, by their recorded paths.
    pub relabelled: Vec<String>,
    /// Classes that the run has under another name, each as ``20 images of `dog` as `cat` ``.
    pub renamed_classes: Vec<String>,
    /// Number of images left out because the model was trained on them or on copies of them.
    pub left_out: usize,
    /// Number of images left out of training because the run that this one starts from was tested on them.
    pub kept_unseen: usize,
    /// Number of images of another data set that the run validated on, which may have selected its best epoch.
    pub validated: usize,
}

/// Number of unavailable images in each split of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct UnavailableImages {
    /// In the training split.
    pub train: usize,
    /// In the validation split.
    pub val: usize,
    /// In the test split.
    pub test: usize,
}

impl UnavailableImages {
    /// The number in all splits.
    pub fn total(&self) -> usize {
        self.train + self.val + self.test
    }

    fn of(members: &[&Member]) -> Self {
        let mut missing = Self::default();
        for member in members {
            match member.role {
                Role::Val => missing.val += 1,
                Role::Test => missing.test += 1,
                _ => missing.train += 1,
            }
        }
        missing
    }
}

/// Results of following a record, besides the splits.
pub(super) struct FollowedSplits {
    pub(super) comparison: Comparison,
    /// Images that are not in the record.
    pub(super) new: Vec<Item>,
    /// Images of classes that the trained model does not have.
    pub(super) unknown: Vec<Item>,
}

/// Applies the record's splits. Images are matched by path and content, then by content alone (if they were
/// renamed or moved); a copy of a known image counts as trained on if that was.
pub(super) fn follow(
    source: &mut Source,
    record: &SplitRecord,
    contents: &ContentIndex,
    classes: &ClassList,
    damaged: &[DamagedImage],
    options: &DataOptions,
) -> FollowedSplits {
    let store = source.train.store.clone();
    if let Some(fold) = options.fold {
        folds::leave_out_own_test(source, fold, |item| {
            let role = record.role(&contents.of_item(item));
            role.is_some_and(Role::is_own)
        });
    }
    let given = GivenSplits::of(source);
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| std::mem::take(&mut part.items))
        .collect();
    let matches = Matches::new(&items, &store, record, contents);
    let rules = Rules {
        store: &store,
        record,
        contents,
        classes,
        options,
        groups: GroupRoles::new(&store, &items, contents, record),
        lost: matches.lost.iter().map(|lost| place(&lost.path)).collect(),
        given,
    };
    let placement = rules.place(items, matches.found);
    source.notes.extend(placement.notes(classes));
    let missing = matches.lost;
    let mut comparison = Comparison {
        is_own: true,
        known: placement.known,
        missing_classes: missing_classes(record, &missing),
        renamed_classes: placement.renamed_classes(classes),
        new: placement.new.len(),
        changed: placement.changed,
        relabelled: placement.relabelled,
        left_out: placement.left_out,
        ..Comparison::default()
    };
    let damaged: HashSet<String> = match &*store {
        Store::Files(files) => damaged.iter().map(|one| files.below(&one.path)).collect(),
        Store::Memory(_) => HashSet::new(),
    };
    let paths = |members: &[&Member]| members.iter().map(|member| member.path.clone()).collect();
    let is_damaged = |member: &&Member| damaged.contains(&member.path);
    let (unreadable, missing): (Vec<&Member>, Vec<&Member>) =
        missing.into_iter().partition(is_damaged);
    (comparison.missing, comparison.missing_paths) =
        (UnavailableImages::of(&missing), paths(&missing));
    (comparison.unreadable, comparison.unreadable_paths) =
        (UnavailableImages::of(&unreadable), paths(&unreadable));
    note_changes(&mut source.notes, &comparison, &placement.by_group);
    // In the order of the record, whatever the current file names are.
    let ordered = |mut items: Vec<(usize, Item)>| -> Vec<Item> {
        items.sort_by_key(|(at, _)| *at);
        items.into_iter().map(|(_, item)| item).collect()
    };
    let part = |items| Some(SourceSplit::new(store.clone(), ordered(items)));
    source.train.items = ordered(placement.train);
    source.val = part(placement.val);
    source.test = part(placement.test).filter(|test| !test.items.is_empty());
    FollowedSplits {
        comparison,
        new: placement.new,
        unknown: placement.unknown,
    }
}

/// The classes of the record that have only images in `missing`.
fn missing_classes(record: &SplitRecord, missing: &[&Member]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for member in record.members().iter().filter(|m| m.role.is_own()) {
        *left.entry(&member.class).or_default() += 1;
    }
    for member in missing {
        left.entry(&member.class).and_modify(|images| *images -= 1);
    }
    left.retain(|_, images| *images == 0);
    left.into_keys().map(str::to_string).collect()
}

fn note_changes(notes: &mut Vec<String>, comparison: &Comparison, by_group: &[&str]) {
    let lost = [
        ("missing", comparison.missing, &comparison.missing_paths),
        (
            "damaged and can no longer be read",
            comparison.unreadable,
            &comparison.unreadable_paths,
        ),
    ];
    let mut lost: Vec<String> = lost
        .into_iter()
        .filter(|(.., paths)| !paths.is_empty())
        .map(|(what, UnavailableImages { train, val, test }, paths)| {
            format!(
                "the data has changed: {} of the run {} {what} ({train} train, {val} val, {test} test): {}",
                counted(paths.len(), "image"),
                if paths.len() == 1 { "is" } else { "are" },
                enumerate(paths),
            )
        })
        .collect();
    if let (Some(last), false) = (lost.last_mut(), comparison.missing_classes.is_empty()) {
        let classes = enumerate(&comparison.missing_classes);
        last.push_str(&format!("; no images are left of {classes}"));
    }
    notes.extend(lost);
    if comparison.new > 0 {
        notes.push(format!(
            "the data has changed: {} added since training, and {} the split `new`",
            match comparison.new {
                1 => "1 image was".to_string(),
                new => format!("{} were", counted(new, "image")),
            },
            if comparison.new == 1 { "is" } else { "are" },
        ));
    }
    notes.extend(changed_note(
        comparison.changed,
        "the model may have been trained on the original",
    ));
    if comparison.left_out > 0 {
        notes.push(left_out_note(comparison.left_out, by_group));
    }
}

/// The note on images that cannot be matched by content; `risk` is what follows if they are copies.
pub(super) fn changed_note(images: usize, risk: &str) -> Option<String> {
    let (have, they) = match images {
        0 => return None,
        1 => (
            "1 new image has".to_string(),
            "it is a converted, recompressed or edited copy",
        ),
        _ => (
            format!("{images} new images have"),
            "they are converted, recompressed or edited copies",
        ),
    };
    Some(format!(
        "{have} the path of an image of the run (apart from the extension and a split's folder) but different pixels; \
         if {they}, {risk}"
    ))
}

/// `by_group` are the groups of images left out only because of their group.
pub(super) fn left_out_note(images: usize, by_group: &[&str]) -> String {
    let content = "the model was trained on the same bytes or pixels";
    let mut groups: Vec<String> = by_group.iter().map(|group| group.to_string()).collect();
    groups.sort();
    groups.dedup();
    match by_group.len() {
        0 => format!("left out {}: {content}", counted(images, "image")),
        grouped if grouped == images => format!(
            "left out {}: the model was trained on other images of {}: {}",
            counted(images, "image"),
            if groups.len() == 1 {
                "the same group"
            } else {
                "the same groups"
            },
            enumerate(&groups)
        ),
        grouped => format!(
            "left out {}: {content} as {} of them, and on other images of the same group as \
             {grouped}: {}",
            counted(images, "image"),
            images - grouped,
            enumerate(&groups)
        ),
    }
}
