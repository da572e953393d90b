//! From class names to labels, by name only.

use crate::error::DataError;
use crate::names::{enumerate, key, near};
use crate::sources::Source;
use crate::sources::store::Store;
use std::collections::HashMap;

/// Decides the class list of a source and maps the names it uses to places in that list.
///
/// The list is the trained model's (`given`) or the source's own, which comes from its training
/// split alone. So a class that is missing from some split, or is extra there, never shifts the
/// label of another.
pub(crate) fn resolve(
    source: &mut Source,
    given: Option<&[String]>,
) -> Result<Vec<String>, DataError> {
    let list: Vec<String> = match given {
        // A source that only numbers its classes means the places in the model's list.
        Some(given) if source.numbered => {
            source.notes.push(format!(
                "{} numbers its classes; number n is taken for class n of the trained model",
                source.name
            ));
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
    let place = |name: &String| by_name.get(&key(name)).copied();
    let places: Vec<Option<u32>> = source.names.iter().map(place).collect();
    let names = source.names.clone();
    let origin = source.name.clone();
    // Labels within IDX and CIFAR files have no name that could be mistyped or changed.
    let in_files = matches!(*source.train.store, Store::Memory(_));
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
                            "its file of labels is damaged or of another data set: replace it"
                        }
                        (true, Some(_)) => {
                            "the model was trained on other classes: give a data set with its classes"
                        }
                    },
                    class,
                    place: format!("{origin} ({split} split)"),
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
            .zip(seen)
            .filter(|(_, seen)| !seen)
            .map(|(c, _)| c.clone())
            .collect();
    }
    let absent: Vec<String> = source
        .parts_mut()
        .filter(|(_, part)| !part.items.is_empty() && !part.absent.is_empty())
        .map(|(split, part)| {
            format!(
                "the {split} split has no image of {}",
                enumerate(&part.absent)
            )
        })
        .collect();
    source.notes.extend(absent);
    Ok(list)
}
