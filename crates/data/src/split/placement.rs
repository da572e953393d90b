//! The split of each image of a data set, by a run's record.

use crate::names::enumerate;
use crate::options::DataOptions;
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit};
use crate::split::classes::ClassList;
use crate::split::contents::ContentIndex;
use crate::split::groups::GroupRoles;
use crate::split::place::place;
use receptive_core::hash::ContentHash;
use receptive_core::text::{Printable, counted};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The images of a data set, matched with those of a record.
pub(super) struct Matches<'a> {
    /// For each image its entry in the record, with its index; `None` without one.
    pub(super) found: Vec<Option<(usize, &'a Member)>>,
    /// The entries of the run's own images that no image matches, sorted by path.
    pub(super) lost: Vec<&'a Member>,
}

impl<'a> Matches<'a> {
    /// Matches by path and content, then by content alone.
    pub(super) fn new(
        items: &[Item],
        store: &Store,
        record: &'a SplitRecord,
        contents: &ContentIndex,
    ) -> Self {
        let mut members: HashMap<ContentHash, Vec<(usize, &'a Member)>> = HashMap::new();
        for (at, member) in record.members().iter().enumerate() {
            let content = record.content(&member.identity);
            let of = members.entry(content).or_default();
            of.push((at, member));
        }
        let mut found: Vec<Option<(usize, &'a Member)>> = vec![None; items.len()];
        let mut take = |by_path: bool| {
            for (item, role) in items.iter().zip(&mut found).filter(|(_, r)| r.is_none()) {
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
        let mut lost: Vec<&Member> = members
            .into_values()
            .flatten()
            .map(|(_, member)| member)
            .filter(|member| member.role.is_own())
            .collect();
        lost.sort_by(|a, b| a.path.cmp(&b.path));
        Self { found, lost }
    }
}

/// What the split of an image depends on.
pub(super) struct Rules<'a> {
    pub(super) store: &'a Store,
    pub(super) record: &'a SplitRecord,
    pub(super) contents: &'a ContentIndex,
    pub(super) classes: &'a ClassList,
    pub(super) options: &'a DataOptions,
    /// What the run used each group for.
    pub(super) groups: GroupRoles<'a>,
    /// The [places](place) of the run's images that were not found.
    pub(super) lost: HashSet<&'a str>,
    pub(super) given: GivenSplits,
}

/// The images by split, and what has changed.
#[derive(Default)]
pub(super) struct Placement<'a> {
    /// With the index in the record; `val` and `test` likewise.
    pub(super) train: Vec<(usize, Item)>,
    pub(super) val: Vec<(usize, Item)>,
    pub(super) test: Vec<(usize, Item)>,
    /// Images that are not in the record.
    pub(super) new: Vec<Item>,
    /// Images of classes that the trained model does not have.
    pub(super) unknown: Vec<Item>,
    /// Number of the run's images.
    pub(super) known: usize,
    /// Number of images left out because the model was trained on them or on copies of them.
    pub(super) left_out: usize,
    /// The groups of those left out only because of their group.
    pub(super) by_group: Vec<&'a str>,
    /// Number of new images in the [place] of one of the run's images.
    pub(super) changed: usize,
    /// The recorded paths of images in another class than in the run.
    pub(super) relabelled: Vec<String>,
    /// The recorded paths of images in another split of the data than in the run.
    resplit: Vec<String>,
    /// Copies of images that are already in a split.
    copies: Vec<String>,
    renames: ClassRenames,
}

impl<'a> Rules<'a> {
    /// Places every image; `found` is its entry in the record.
    pub(super) fn place(
        &self,
        items: Vec<Item>,
        found: Vec<Option<(usize, &Member)>>,
    ) -> Placement<'a> {
        let mut placement = Placement::default();
        for (item, found) in items.into_iter().zip(found) {
            match found {
                Some((at, member)) => self.place_known(item, at, member, &mut placement),
                None => self.place_other(item, &mut placement),
            }
        }
        placement
    }

    /// Places an image of the run, in the split that it had there.
    fn place_known(
        &self,
        mut item: Item,
        at: usize,
        member: &Member,
        placement: &mut Placement<'a>,
    ) {
        placement.known += 1;
        if self.options.fold.is_none() && self.given.contradict(&item, member.role) {
            placement.resplit.push(member.path.clone());
        }
        let known = self.classes.known();
        let was = known.iter().position(|class| *class == member.class);
        if let Some(was) = was
            && self.classes.is_unknown(item.label)
        {
            placement.renames.add(item.label, was);
            item.label = was as u32;
        }
        if self.classes.is_unknown(item.label) {
            placement.unknown.push(item);
            return;
        }
        if was != Some(item.label as usize) {
            placement.relabelled.push(member.path.clone());
        }
        match member.role {
            Role::Val => placement.val.push((at, item)),
            Role::Test => placement.test.push((at, item)),
            _ => placement.train.push((at, item)),
        }
    }

    /// Places an image without an entry of its own: a copy of one of the run's images, or a new image.
    fn place_other(&self, item: Item, placement: &mut Placement<'a>) {
        let group = self.store.group(item.image as usize);
        let of_group = group.and_then(|group| self.groups.most_learned(group));
        let own = self.record.role(&self.contents.of_item(&item));
        match (own, of_group) {
            (Some(role), _) | (None, Some(role)) if role.is_trained_on() => {
                placement.left_out += 1;
                placement.by_group.extend(group.filter(|_| own.is_none()));
            }
            // A copy of an image that is already in a split.
            (Some(role), _) if role.is_own() => {
                placement.copies.push(self.store.name(item.image as usize));
            }
            // If the run used only part of its data, it is unknown which images were added.
            _ if self.options.limit.is_some() || self.options.record_is_limited => {}
            _ if self.classes.is_unknown(item.label) => placement.unknown.push(item),
            _ => {
                let path = self.store.name(item.image as usize);
                placement.changed += usize::from(self.lost.contains(place(&path)));
                placement.new.push(item);
            }
        }
    }
}

impl Placement<'_> {
    /// The classes that the run has under another name, with their images.
    pub(super) fn renamed_classes(&self, classes: &ClassList) -> Vec<String> {
        self.renames.described(classes)
    }

    /// Notes on images whose class or split differs from the run's, and on copies.
    pub(super) fn notes(&self, classes: &ClassList) -> Vec<String> {
        let are = |images: usize| match images {
            1 => "1 image is".to_string(),
            images => format!("{} are", counted(images, "image")),
        };
        let mut notes = Vec::new();
        if !self.relabelled.is_empty() {
            notes.push(format!(
                "the data has changed: {} in another class than when the run was trained; the current \
                 class is used: {}",
                are(self.relabelled.len()),
                enumerate(&self.relabelled)
            ));
        }
        if !self.resplit.is_empty() {
            notes.push(format!(
                "{} in another split of the data than in the run, whose splits are used: {}",
                are(self.resplit.len()),
                enumerate(&self.resplit)
            ));
        }
        notes.extend(self.renames.note(classes));
        if !self.copies.is_empty() {
            notes.push(format!(
                "skipped {} with the same pixels as another image: {}",
                counted(self.copies.len(), "image"),
                enumerate(&self.copies)
            ));
        }
        notes
    }
}

/// The splits that the data define, by folders or a label list, rather than random ones.
pub(super) struct GivenSplits {
    /// The images of the given validation split, by their indices in the store.
    val: Option<HashSet<u32>>,
    test: Option<HashSet<u32>>,
}

impl GivenSplits {
    pub(super) fn of(source: &Source) -> Self {
        let images = |part: &Option<SourceSplit>| {
            let items = part.as_ref()?.items.iter();
            Some(items.map(|item| item.image).collect())
        };
        Self {
            val: images(&source.val),
            test: images(&source.test),
        }
    }

    /// Whether an image with this role in a run is in a different split here.
    fn contradict(&self, item: &Item, role: Role) -> bool {
        [(&self.val, Role::Val), (&self.test, Role::Test)]
            .into_iter()
            .filter_map(|(given, of)| Some((given.as_ref()?, of)))
            .any(|(given, of)| given.contains(&item.image) != (role == of))
    }
}

/// Folders of unknown classes that contain known images, with counts.
#[derive(Default)]
struct ClassRenames(BTreeMap<(u32, usize), usize>);

impl ClassRenames {
    fn add(&mut self, label: u32, was: usize) {
        *self.0.entry((label, was)).or_default() += 1;
    }

    /// For each renamed class: `20 images of `dog` as `cat``.
    fn described(&self, classes: &ClassList) -> Vec<String> {
        let name = |class: usize| format!("`{}`", classes.names()[class].printable());
        let renamed = self.0.iter().map(|((label, was), images)| {
            let images = counted(*images, "image");
            format!("{images} of {} as {}", name(*label as usize), name(*was))
        });
        renamed.collect()
    }

    fn note(&self, classes: &ClassList) -> Option<String> {
        let renamed = self.described(classes);
        (!renamed.is_empty()).then(|| {
            format!(
                "the data has changed: these classes are not in the trained model, but their \
                 images are in the run, whose classes are used: {}",
                renamed.join(", ")
            )
        })
    }
}
