//! Groups of images, such as those of one patient, and what a run used them for.

use crate::names::enumerate;
use crate::record::{Role, SplitRecord};
use crate::sources::Source;
use crate::sources::store::{Item, Store};
use crate::split::contents::ContentIndex;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a run used each group for, determined by those images of the group that the run knows, whatever the
/// group is called now, and by the groups' names.
pub(super) struct GroupRoles<'a> {
    found: HashMap<&'a str, Role>,
    record: &'a SplitRecord,
}

impl<'a> GroupRoles<'a> {
    pub(super) fn new(
        store: &'a Store,
        items: &[Item],
        contents: &ContentIndex,
        record: &'a SplitRecord,
    ) -> Self {
        let mut found: HashMap<&str, Role> = HashMap::new();
        for item in items {
            let role = record.role(&contents.of_item(item));
            if let (Some(group), Some(role)) = (store.group(item.image as usize), role) {
                let known = found.entry(group).or_insert(role);
                *known = known.more_learned(role);
            }
        }
        Self { found, record }
    }

    /// By its images or, if the run knows none, by its name.
    pub(super) fn found(&self, group: &str) -> Option<Role> {
        let found = self.found.get(group).copied();
        found.or_else(|| self.record.group_role(group))
    }

    /// By its images or its name, whichever had more influence on the weights.
    pub(super) fn most_learned(&self, group: &str) -> Option<Role> {
        let found = self.found.get(group).copied();
        let named = self.record.group_role(group);
        match (found, named) {
            (Some(found), Some(named)) => Some(found.more_learned(named)),
            (found, named) => found.or(named),
        }
    }
}

/// Notes on groups for a run that starts from another: the other run had no groups or different ones, so its
/// splits divide the current groups; or only the other run's images were grouped.
pub(super) fn note_groups(source: &mut Source, record: &SplitRecord) {
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
            "the pretrained model's images were split by groups, but these are not: set \
             data.group, or images of one group may be in several splits"
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
            "groups with images in more than one split: {}, since the pretrained model's images \
             were split without groups, and its test images must not be trained on; results on \
             these groups say little about new groups: {}",
            divided.len(),
            enumerate(&divided)
        ));
    }
}
