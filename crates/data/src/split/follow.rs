//! The splits that a run's record gives, and how the data set has changed since.

use crate::names::enumerate;
use crate::options::DataOptions;
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::Item;
use crate::sources::{Source, SourceSplit};
use crate::split::classes::ClassList;
use crate::split::contents::Contents;
use crate::split::groups::GroupRoles;
use receptive_core::hash::ContentHash;
use receptive_core::text::{Printable, counted};
use std::collections::{BTreeMap, HashMap};

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
    /// The paths that they had.
    pub gone_paths: Vec<String>,
    /// The classes of the run of which no image is left.
    pub gone_classes: Vec<String>,
    /// How many images were not there when the run was trained.
    pub new: usize,
    /// How many of these have the path of an image of the run: the same image edited or saved again, or
    /// another under its name.
    pub changed: usize,
    /// The images that are in another class than when the run was trained, by their path then.
    pub relabelled: Vec<String>,
    /// How many images were left out because the model was trained on them, or on copies of them.
    pub left_out: usize,
    /// How many images of another data set the run validated on, which its best epoch may have been chosen by.
    pub validated: usize,
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

/// What following a record gives beside the splits.
pub(super) struct Followed {
    pub(super) comparison: Comparison,
    /// Images that the record does not know.
    pub(super) new: Vec<Item>,
    /// Images of classes that the trained model does not have.
    pub(super) unknown: Vec<Item>,
}

/// The record's splits. Images are matched by path and content, then by content alone (they were
/// renamed or moved); copies of a known image count as trained on if it was.
pub(super) fn follow(
    source: &mut Source,
    record: &SplitRecord,
    contents: &Contents,
    classes: &ClassList,
    options: &DataOptions,
) -> Followed {
    let store = source.train.store.clone();
    let items: Vec<Item> = source
        .parts_mut()
        .flat_map(|(_, part)| std::mem::take(&mut part.items))
        .collect();
    let mut members: HashMap<ContentHash, Vec<(usize, &Member)>> = HashMap::new();
    for (at, member) in record.members().iter().enumerate() {
        let content = record.content(&member.identity);
        let of = members.entry(content).or_default();
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
    let paths = record.paths();
    let (mut train, mut val, mut test) = (vec![], vec![], vec![]);
    let (mut new, mut unknown) = (vec![], vec![]);
    let mut renamed = Renamed::default();
    let of_groups = GroupRoles::new(&store, &items, contents, record);
    let mut by_group = Vec::new();
    let mut relabelled = Vec::new();
    for (mut item, found) in items.into_iter().zip(roles) {
        let Some((at, member)) = found else {
            let group = store.group(item.image as usize);
            let of_group = group.and_then(|group| of_groups.most_learned(group));
            let own = record.role(&contents.of_item(&item));
            match (own, of_group) {
                (Some(role), _) | (None, Some(role)) if role.is_trained_on() => {
                    comparison.left_out += 1;
                    by_group.extend(group.filter(|_| own.is_none()));
                }
                // A copy of an image that is measured already.
                (Some(role), _) if role.is_own() => {}
                // Of a run that used a part of its data, nobody knows which images are new.
                _ if options.limit.is_some() => {}
                _ if classes.is_unknown(item.label) => unknown.push(item),
                _ => {
                    let path = store.name(item.image as usize);
                    comparison.changed += usize::from(paths.contains(path.as_str()));
                    new.push(item);
                }
            }
            continue;
        };
        comparison.known += 1;
        let was = classes
            .known()
            .iter()
            .position(|class| *class == member.class);
        if let Some(was) = was
            && classes.is_unknown(item.label)
        {
            renamed.add(item.label, was);
            item.label = was as u32;
        }
        if classes.is_unknown(item.label) {
            unknown.push(item);
            continue;
        }
        if was != Some(item.label as usize) {
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
    source.notes.extend(renamed.note(classes));
    let mut gone: Vec<&Member> = members
        .into_values()
        .flatten()
        .map(|(_, member)| member)
        .filter(|member| member.role.is_own())
        .collect();
    gone.sort_by(|a, b| a.path.cmp(&b.path));
    comparison.gone_paths = gone.iter().map(|member| member.path.clone()).collect();
    comparison.gone_classes = gone_classes(record, &gone);
    for member in &gone {
        match member.role {
            Role::Val => comparison.gone.val += 1,
            Role::Test => comparison.gone.test += 1,
            _ => comparison.gone.train += 1,
        }
    }
    comparison.new = new.len();
    note_changes(&mut source.notes, &comparison, &by_group);
    // In the order of the record, whatever the files are called now.
    let ordered = |mut items: Vec<(usize, Item)>| -> Vec<Item> {
        items.sort_by_key(|(at, _)| *at);
        items.into_iter().map(|(_, item)| item).collect()
    };
    let part = |items| Some(SourceSplit::new(store.clone(), ordered(items)));
    source.train.items = ordered(train);
    source.val = part(val);
    source.test = part(test).filter(|test| !test.items.is_empty());
    Followed {
        comparison,
        new,
        unknown,
    }
}

/// Folders of classes that the run did not know, with images that it knows.
#[derive(Default)]
struct Renamed(BTreeMap<(u32, usize), usize>);

impl Renamed {
    fn add(&mut self, label: u32, was: usize) {
        *self.0.entry((label, was)).or_default() += 1;
    }

    fn note(&self, classes: &ClassList) -> Option<String> {
        let name = |class: usize| format!("`{}`", classes.names()[class].printable());
        let renamed: Vec<String> = self
            .0
            .iter()
            .map(|((label, was), images)| {
                let images = counted(*images, "image");
                format!("{images} of {} as {}", name(*label as usize), name(*was))
            })
            .collect();
        (!renamed.is_empty()).then(|| {
            format!(
                "the data has changed: the trained model does not have these classes, but the run knows \
                 their images, which are measured by the class they had then: {}",
                renamed.join(", ")
            )
        })
    }
}

/// The classes of the record that have no image but these.
fn gone_classes(record: &SplitRecord, gone: &[&Member]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for member in record.members().iter().filter(|m| m.role.is_own()) {
        *left.entry(&member.class).or_default() += 1;
    }
    for member in gone {
        left.entry(&member.class).and_modify(|images| *images -= 1);
    }
    left.retain(|_, images| *images == 0);
    left.into_keys().map(str::to_string).collect()
}

fn note_changes(notes: &mut Vec<String>, comparison: &Comparison, by_group: &[&str]) {
    let gone = &comparison.gone_paths;
    if !gone.is_empty() {
        let Gone { train, val, test } = comparison.gone;
        notes.push(format!(
            "the data has changed: {} of the run {} no longer there ({train} train, {val} val, \
             {test} test): {}{}",
            counted(gone.len(), "image"),
            if gone.len() == 1 { "is" } else { "are" },
            enumerate(gone),
            match &comparison.gone_classes[..] {
                [] => String::new(),
                classes => format!("; no image is left of {}", enumerate(classes)),
            }
        ));
    }
    if comparison.new > 0 {
        notes.push(format!(
            "the data has changed: {} there when the run was trained, and {} in the split `new`",
            match comparison.new {
                1 => "1 image was not".to_string(),
                new => format!("{} were not", counted(new, "image")),
            },
            if comparison.new == 1 { "is" } else { "are" },
        ));
    }
    notes.extend(changed_note(comparison.changed));
    if comparison.left_out > 0 {
        notes.push(left_out_note(comparison.left_out, by_group));
    }
}

/// What cannot be found out by content.
pub(super) fn changed_note(images: usize) -> Option<String> {
    let (are, they) = match images {
        0 => return None,
        1 => ("1 new image has".to_string(), "it is"),
        _ => (format!("{images} new images have"), "they are"),
    };
    Some(format!(
        "{are} the path of an image of the run and other pixels: if {they} the same, edited or saved \
         again with loss, the model has seen what it is measured on here"
    ))
}

/// `by_group` are the groups of those whose group alone was trained on.
pub(super) fn left_out_note(images: usize, by_group: &[&str]) -> String {
    let content = "the model was trained on the same bytes or pixels";
    let mut groups: Vec<String> = by_group.iter().map(|group| group.to_string()).collect();
    groups.sort();
    groups.dedup();
    match by_group.len() {
        0 => format!("left out {}: {content}", counted(images, "image")),
        grouped => format!(
            "left out {}: {content}, or, of {grouped}, on images of the same group: {}",
            counted(images, "image"),
            enumerate(&groups)
        ),
    }
}
