//! From class names to labels, by name only.

use crate::error::DataError;
use crate::names::{enumerate, key, near};
use crate::options::{DataOptions, RecordUse};
use crate::sources::Source;
use crate::sources::store::{Item, Store};
use receptive_core::text::counted;
use std::collections::{BTreeSet, HashMap};

/// The classes of a data set: labels are indices into this list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassList {
    /// The classes, followed by those that a trained model does not have: images of these may have a class in
    /// its record, and are otherwise left out.
    names: Vec<String>,
    known: usize,
}

impl ClassList {
    pub(crate) fn new(classes: Vec<String>) -> Self {
        Self {
            known: classes.len(),
            names: classes,
        }
    }

    /// All names that labels refer to.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The classes, without those that a trained model does not have.
    pub(crate) fn known(&self) -> &[String] {
        &self.names[..self.known]
    }

    /// Whether this label is a class that a trained model does not have.
    pub(crate) fn is_unknown(&self, label: u32) -> bool {
        label as usize >= self.known
    }
}

/// Determines the class list of a source and maps its names to indices of that list.
///
/// The list is the trained model's (`options.classes`) or the source's own, which comes from its training split
/// alone. So a class that is missing in some split, or exists only there, never shifts the labels of others.
/// Classes of image files that a trained model does not have are appended to its list, unless there are no
/// others. A class's own name takes precedence over its alternative one (`options.class_ids`).
pub(crate) fn resolve(source: &mut Source, options: &DataOptions) -> Result<ClassList, DataError> {
    let given = options.classes.as_deref();
    let ids = options.class_ids.as_deref();
    let list: Vec<String> = match given {
        // The numbers of a source without class names are indices into the model's list.
        Some(given) if source.numbered => {
            if given != source.list {
                source.notes.push(format!(
                    "{} has numbered classes; number n is treated as class n of the trained model",
                    source.name
                ));
            }
            let names = source.names.len().max(given.len());
            source.names = (0..names)
                .map(|n| given.get(n).cloned().unwrap_or_else(|| n.to_string()))
                .collect();
            given.to_vec()
        }
        Some(given) => given.to_vec(),
        None => source.list.clone(),
    };
    let mut by_name: HashMap<String, u32> = HashMap::new();
    for (place, class) in list.iter().enumerate() {
        by_name.entry(key(class)).or_insert(place as u32);
    }
    for (place, id) in ids.unwrap_or_default().iter().enumerate().take(list.len()) {
        by_name.entry(key(id)).or_insert(place as u32);
    }
    let place = |name: &String| by_name.get(&key(name)).copied();
    let mut places: Vec<Option<u32>> = source.names.iter().map(place).collect();
    let names = source.names.clone();
    let origin = source.name.clone();
    // Labels in IDX and CIFAR files have no names, which could be misspelt or changed.
    let in_files = matches!(*source.train.store, Store::Memory(_));
    let known = list.len();
    let mut list = list;
    let is_followed = matches!(options.record, Some((_, RecordUse::Follow)));
    if given.is_some() && !in_files && (is_followed || has_known(source, &places)) {
        for (name, place) in names.iter().zip(&mut places) {
            if place.is_none() {
                *place = Some(list.len() as u32);
                list.push(name.clone());
            }
        }
    }
    let has_splits = source.val.is_some() || source.test.is_some();
    for (split, part) in source.parts_mut() {
        let mut seen = vec![false; list.len()];
        for item in &mut part.items {
            let name = item.label as usize;
            let Some(place) = places.get(name).copied().flatten() else {
                let class = names.get(name).cloned().unwrap_or_else(|| name.to_string());
                return Err(DataError::UnknownClass {
                    hint: if in_files {
                        String::new()
                    } else {
                        near(&class, list.iter().map(String::as_str))
                    },
                    advice: match (in_files, given) {
                        (false, _) => "rename or remove its folder",
                        (true, None) => {
                            "its label file is damaged or from another data set: replace it"
                        }
                        (true, Some(_)) => {
                            "the model was trained on other classes: give a data set with its classes"
                        }
                    },
                    class,
                    place: match has_splits {
                        true => format!("{origin} ({split} split)"),
                        false => origin,
                    },
                    count: list.len(),
                    list: if given.is_some() {
                        "the trained model"
                    } else {
                        "the training split"
                    },
                });
            };
            item.label = place;
            if let Some(seen) = seen.get_mut(place as usize) {
                *seen = true;
            }
        }
        part.absent = list
            .iter()
            .take(known)
            .zip(seen)
            .filter(|(_, seen)| !seen)
            .map(|(c, _)| c.clone())
            .collect();
    }
    let has_splits = source.val.is_some() || source.test.is_some();
    let absent: Vec<String> = source
        .parts_mut()
        .filter(|(_, part)| !part.items.is_empty() && !part.absent.is_empty())
        .map(|(split, part)| match has_splits {
            true => format!(
                "the {split} split has no image of {}",
                enumerate(&part.absent)
            ),
            false => format!("there is no image of {}", enumerate(&part.absent)),
        })
        .collect();
    // If a run's splits are followed, images are assigned to its classes by content, and the notes on changes name
    // the classes without any.
    if !is_followed {
        source.notes.extend(absent);
    }
    Ok(ClassList { names: list, known })
}

/// Whether there is an image of a known class.
fn has_known(source: &mut Source, places: &[Option<u32>]) -> bool {
    let is_known = |item: &Item| matches!(places.get(item.label as usize), Some(Some(_)));
    source
        .parts_mut()
        .any(|(_, part)| part.items.iter().any(is_known))
}

/// Images left out because the trained model does not have their class, by class.
pub(crate) fn unknown_note(items: &[Item], classes: &ClassList) -> Option<String> {
    let labels: BTreeSet<u32> = items.iter().map(|item| item.label).collect();
    let names: Vec<String> = labels
        .iter()
        .filter_map(|label| classes.names().get(*label as usize).cloned())
        .collect();
    let first = names.first()?;
    let hint = match names.len() {
        1 => near(first, classes.known().iter().map(String::as_str)),
        _ => String::new(),
    };
    Some(format!(
        "left out {} of {}: the trained model has no such {}{hint}",
        counted(items.len(), "image"),
        enumerate(&names),
        if names.len() == 1 { "class" } else { "classes" },
    ))
}
