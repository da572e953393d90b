//! Folders that may be splits or data sets of their own rather than classes: a network would silently be trained to
//! distinguish them.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::nested::{innermost, or_list};
use crate::sources::split_names::{KINDS, Part, is_split_name, part_in, split_named};
use crate::sources::tree::Folder;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::Path;

/// Rejects class folders that look like splits or like data sets.
pub(crate) fn reject_divisions(root: &Folder, folders: &[&Folder]) -> Result<(), DataError> {
    reject_names_like_splits(root, folders)?;
    reject_unknown_splits(root, folders)?;
    reject_data_sets(root, folders)
}

/// Rejects folders that are all named like splits, such as `train_images` and `test1`.
fn reject_names_like_splits(root: &Folder, folders: &[&Folder]) -> Result<(), DataError> {
    let with_images: Vec<&&Folder> = folders.iter().filter(|f| f.holds_images()).collect();
    let found: HashSet<Option<Part>> = with_images.iter().map(|f| part_in(f.name())).collect();
    let [has_train, has_val, has_test] =
        [0, 1, 2].map(|split| found.contains(&Some(Part::Split(split))));
    if found.contains(&None) || !has_train || !(has_val || has_test) {
        return Ok(());
    }
    let names: Vec<String> = with_images
        .iter()
        .map(|folder| folder.name().to_string_lossy().into_owned())
        .collect();
    Err(DataError::layout(
        root.path(),
        format!(
            "its folders {} look like splits, not classes; name splits `train`, `val` and `test`, with one folder per \
             class in them{}; if they are classes, give them other names",
            enumerate(&names),
            or_list(&[root])?
        ),
    ))
}

/// Rejects folders without images of their own that share the names of two or more subfolders. They are splits
/// with unusual names (`a/cat`, `a/dog`, `b/cat`, `b/dog`), which a network would silently be trained to
/// distinguish. A single shared name proves nothing (`cat/images`, `dog/images`).
fn reject_unknown_splits(root: &Folder, folders: &[&Folder]) -> Result<(), DataError> {
    let mut candidates: Vec<(&Folder, Vec<&Folder>)> = Vec::new();
    let mut uses: HashMap<&OsStr, usize> = HashMap::new();
    for folder in folders {
        let inner = innermost(folder)?;
        if inner.len() < 2 || !folder.contents()?.images.is_empty() {
            continue;
        }
        for inner in &inner {
            *uses.entry(inner.name()).or_default() += 1;
        }
        candidates.push((folder, inner));
    }
    // The first folder that contains both names of a pair; fast even for thousands of folders.
    let mut pairs: HashMap<[&OsStr; 2], usize> = HashMap::new();
    let mut seen: Vec<(&Folder, Vec<&OsStr>)> = Vec::new();
    for (folder, inner) in candidates {
        // Folders of masks or notes next to the images are not classes.
        let names: Vec<&OsStr> = inner
            .iter()
            .filter(|inner| uses.get(inner.name()).is_some_and(|uses| *uses > 1))
            .map(|inner| inner.name())
            .collect();
        for (at, one) in names.iter().enumerate() {
            for two in &names[at + 1..] {
                let first = *pairs.entry([one, two]).or_insert(seen.len());
                let Some((other, others)) = seen.get(first) else {
                    continue; // this folder is the first
                };
                let shared: Vec<&OsStr> = names
                    .iter()
                    .filter(|name| others.contains(name))
                    .copied()
                    .collect();
                return Err(DataError::layout(
                    root.path(),
                    unknown_splits(other, folder, &shared),
                ));
            }
        }
        seen.push((folder, names));
    }
    Ok(())
}

/// Rejects folders that contain splits (`x/train/cat`, `y/train/cat`): they are separate data sets, which a
/// network would be trained to distinguish.
fn reject_data_sets(root: &Folder, folders: &[&Folder]) -> Result<(), DataError> {
    for folder in folders {
        if !folder.contents()?.images.is_empty() {
            continue;
        }
        for split in folder.subfolders()? {
            let inner = split.subfolders()?;
            let has_classes = inner.iter().filter(|inner| inner.holds_images()).count() > 1;
            if has_classes && split_named(split.name()).is_some() {
                return Err(DataError::layout(
                    root.path(),
                    format!(
                        "its folder {} is a data set of its own, with the split {}; give one such folder, or move \
                         the class folders of all into one folder per split",
                        enumerate(&[folder.name().to_string_lossy().into_owned()]),
                        enumerate(&[split.name().to_string_lossy().into_owned()])
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn unknown_splits(one: &Folder, two: &Folder, shared: &[&OsStr]) -> String {
    let text = |name: &OsStr| name.to_string_lossy().into_owned();
    let list = |names: Vec<String>| enumerate(&names);
    let pair = list(
        [one, two]
            .iter()
            .map(|folder| text(folder.name()))
            .collect(),
    );
    let inside = list(shared.iter().map(|name| text(name)).collect());
    if shared.iter().all(|name| is_split_name(name)) {
        return format!(
            "its class folders {pair} contain splits ({inside}), but a split must contain the \
             class folders; move the images to {} and so on",
            list(
                shared
                    .iter()
                    .map(|s| text(Path::new(s).join(one.name()).as_os_str()))
                    .collect()
            )
        );
    }
    let [train, val, test] = KINDS.map(|kind| {
        kind.folders
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" or ")
    });
    format!(
        "its folders {pair} contain no images, but folders of the same names ({inside}), so they \
         look like splits, not classes; name splits {train}, {val}, {test}, or if they are \
         classes put their images directly into them"
    )
}
