//! A label list next to class folders that has other classes for their images: the folders may not be classes.

use super::columns::{Columns, Settings, names_images};
use super::index::Index;
use super::rows::{Label, Rows};
use super::table::Table;
use crate::error::DataError;
use crate::image::decode::read_capped;
use crate::names::{enumerate, key};
use crate::sources::Source;
use crate::sources::archive::Archive;
use crate::sources::nested::lists;
use crate::sources::store::Store;
use crate::sources::tree::Folder;
use receptive_core::text::Printable;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

/// Maximum size in bytes of a list that no setting names.
const MAX_BYTES: u64 = 64 << 20;
/// From this share on, images of one class are those of one folder.
const PURE: f64 = 0.95;

/// Compares the classes of folders with the lists in the folder around them. A note says which list has other
/// classes.
///
/// # Errors
/// The folders are named like parts of one set of images (`images_1`, `images_2`), and a list has their classes.
pub(crate) fn check(
    folder: &Folder,
    archive: Option<&Archive>,
    source: &mut Source,
) -> Result<(), DataError> {
    let Store::Files(files) = &*source.train.store else {
        return Ok(());
    };
    let root = folder.path();
    let images: Vec<&Path> = files
        .entries
        .iter()
        .map(|entry| entry.path.as_path())
        .collect();
    for name in lists(folder)? {
        let list = root.join(name);
        let Some(table) = table(&list, archive) else {
            continue;
        };
        let index = Index::new(root, images.iter().copied(), &list);
        let Some(listed) = classes_in(&table, &index, images.len()) else {
            if are_parts(&source.list) && names_images(&table, &index) {
                let problem = "names them; if it lists their classes, set data.labels to it and data.label_column to \
                               the column of the classes";
                return Err(parts(root, &source.list, &list, problem));
            }
            continue;
        };
        let mut pairs = Vec::new();
        for item in &source.train.items {
            if let Some(class) = &listed[item.image as usize] {
                pairs.push((source.names[item.label as usize].as_str(), class.as_str()));
            }
        }
        if 2 * pairs.len() < source.train.items.len() || is_same(&pairs) {
            continue;
        }
        let classes: BTreeSet<&str> = pairs.iter().map(|(_, class)| *class).collect();
        let classes: Vec<String> = classes.into_iter().map(String::from).collect();
        let classes = enumerate(&classes);
        if are_parts(&source.list) {
            let problem = format!("lists other classes of them ({classes}): set data.labels to it");
            return Err(parts(root, &source.list, &list, &problem));
        }
        source.notes.push(format!(
            "{} lists other classes of these images ({classes}), but the folders are the classes that are used; to \
             use those of the list, set data.labels to it",
            enumerate(&[text(&list)])
        ));
        return Ok(());
    }
    Ok(())
}

fn parts(root: &Path, folders: &[String], list: &Path, problem: &str) -> DataError {
    DataError::layout(
        root,
        format!(
            "its folders {} look like parts of one set of images, and {} {problem}; if the folders are the classes, \
             move that file away",
            enumerate(folders),
            enumerate(&[text(list)])
        ),
    )
}

/// A file as a table; `None` if it is none, or one that this program wrote.
fn table(list: &Path, archive: Option<&Archive>) -> Option<Table> {
    let bytes = match archive {
        Some(archive) => archive.read(list, MAX_BYTES),
        None => read_capped(list, MAX_BYTES),
    };
    let table = Table::parse(&bytes.ok()?).ok()?;
    table.check_is_not_own().ok()?;
    Some(table)
}

/// The class of each image according to a table; `None` if it is not a label list of these images.
fn classes_in(table: &Table, index: &Index, images: usize) -> Option<Vec<Option<String>>> {
    let columns = Columns::find(table, index, Settings::default()).ok()?;
    let Rows {
        labels, classes, ..
    } = Rows::read(table, &columns, index, images).ok()?;
    let class = |label: Label| classes[label.class as usize].clone();
    Some(labels.into_iter().map(|label| label.map(class)).collect())
}

/// Whether pairs of a folder and a class are the same division of the images, perhaps under other names, such as
/// numbers.
fn is_same(pairs: &[(&str, &str)]) -> bool {
    let equal = pairs.iter().filter(|(a, b)| key(a) == key(b)).count();
    let swapped: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
    2 * equal >= pairs.len() || purity(pairs) >= PURE && purity(&swapped) >= PURE
}

/// The share of pairs whose second part is the most frequent one of their first.
fn purity(pairs: &[(&str, &str)]) -> f64 {
    let mut counts: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
    for (one, other) in pairs {
        *counts.entry(one).or_default().entry(other).or_default() += 1;
    }
    let most: usize = counts
        .values()
        .filter_map(|others| others.values().max())
        .sum();
    most as f64 / pairs.len().max(1) as f64
}

/// Whether several names differ only in their numbers, as in `images_001` and `images_002`; names without
/// letters, such as years, do not count.
fn are_parts(names: &[String]) -> bool {
    let stem = |name: &String| name.replace(|c: char| c.is_ascii_digit(), "");
    let stems: HashSet<String> = names.iter().map(stem).collect();
    let has_letters = |stem: &String| stem.contains(char::is_alphabetic);
    names.len() > 1 && stems.len() == 1 && stems.iter().all(has_letters)
}

fn text(path: &Path) -> String {
    path.printable().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_division_may_have_other_names() {
        let pairs = |names: &[&'static str]| -> Vec<(&str, &str)> {
            names.iter().map(|pair| pair.split_at(1)).collect()
        };
        assert!(is_same(&pairs(&["aa", "bb", "cc", "ca"])));
        assert!(is_same(&pairs(&["a0", "a0", "b1"])));
        assert!(!is_same(&pairs(&["ax", "ay", "bx", "by"])));
        // The list is finer than the folders, or coarser.
        assert!(!is_same(&pairs(&["ax", "ay", "bz", "bw"])));
        assert!(!is_same(&pairs(&["ax", "bx", "cz", "dz"])));
    }

    #[test]
    fn names_that_differ_in_their_numbers_are_parts() {
        let are =
            |names: &[&str]| are_parts(&names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(are(&["images_001", "images_012"]) && are(&["p1", "p2", "p3"]));
        assert!(!are(&["1", "2"]) && !are(&["p1"]) && !are(&["p1", "q1"]));
    }
}
