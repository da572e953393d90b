//! Distinguishing splits and classes among the subfolders of a folder.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::divisions::reject_divisions;
use crate::sources::nested::{
    or_list, packed, reject_images_beside_labels, reject_unlabelled, reject_wrapper, within_splits,
};
use crate::sources::skipped::SkippedFiles;
use crate::sources::split_names::{SplitNames, TEST, TRAIN, VAL, is_split_name};
use crate::sources::tree::Folder;
use receptive_core::text::Printable;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Where the class folders are.
pub(crate) struct Layout<'a> {
    /// The folder with the class folders of the training images. `None` only with the classes of a trained
    /// model.
    pub(crate) train: Option<&'a Folder>,
    pub(crate) val: Option<&'a Folder>,
    pub(crate) test: Option<&'a Folder>,
    /// Whether `train` is the folder itself and there is no test split.
    pub(crate) cut_test: bool,
    pub(crate) notes: Vec<String>,
}

/// The folder that contains the data: this one, or the only folder in it with folders of images.
pub(crate) fn unwrapped(mut folder: &Folder) -> Result<&Folder, DataError> {
    loop {
        let holds_images = |folder: &&Folder| folder.holds_images();
        let inner: Vec<&Folder> = folder.subfolders()?;
        let inner: Vec<&Folder> = inner.into_iter().filter(holds_images).collect();
        let [only] = inner.as_slice() else {
            return Ok(folder);
        };
        let is_wrapper = folder.contents()?.images.is_empty()
            && !is_split_name(only.name())
            && only.subfolders()?.iter().any(holds_images);
        if !is_wrapper {
            return Ok(folder);
        }
        folder = only;
    }
}

/// A folder with the name of a split.
struct SplitFolder<'a> {
    folder: &'a Folder,
    /// A class may also be named `train` or `test`: only a folder with subfolders is a split.
    has_folders: bool,
}

/// Determines the layout from the names of the folders in `root` and of their subfolders.
///
/// `classes` are those of a trained model, which needs no training split.
pub(crate) fn layout<'a>(
    root: &'a Folder,
    classes: Option<&[String]>,
) -> Result<Layout<'a>, DataError> {
    let classes_given = classes.is_some();
    let folders = root.subfolders()?;
    if folders.is_empty() {
        let contents = root.contents()?;
        let list = match contents.images.is_empty() {
            true => String::new(),
            false => or_list(&[root])?,
        };
        let advice = match packed(root)? {
            Some(archive) if list.is_empty() => {
                format!("; if {} contains them, unpack it", enumerate(&[archive]))
            }
            _ => list,
        };
        return Err(DataError::layout(
            root.path(),
            format!(
                "it has no class folders (found {} images and {} other files); put the images of \
                 each class into their own folder, named after the class{}{advice}",
                contents.images.len(),
                contents.others.len(),
                hidden_folders(&contents.hidden_images),
            ),
        ));
    }
    let train = find(root, &folders, &TRAIN)?;
    let val = find(root, &folders, &VAL)?;
    let test = find(root, &folders, &TEST)?;
    let is_split =
        |split: &Option<SplitFolder<'_>>| split.as_ref().is_some_and(|split| split.has_folders);
    let only_splits = folders.iter().all(|folder| is_split_name(folder.name()));
    let evaluation_only = only_splits && classes_given && (is_split(&val) || is_split(&test));
    if is_split(&train) || evaluation_only {
        let train = train.filter(|train| train.has_folders);
        return splits(root, &folders, [train, val, test], classes);
    }
    if only_splits {
        let problem = match &train {
            Some(train) => format!(
                "its `{}` folder has no class folders; put the images of each class into their \
                 own folder in it, named after the class{}",
                train.folder.name().to_string_lossy().printable(),
                or_list(&[root, train.folder])?
            ),
            None => "it has a validation or test folder, but no `train` folder; the class list \
                     comes from `train`"
                .to_string(),
        };
        return Err(DataError::layout(root.path(), problem));
    }
    reject_splits_beside_classes(root, &folders, [&val, &test])?;
    reject_wrapper(root, classes)?;
    reject_divisions(root, &folders)?;
    Ok(Layout {
        train: Some(root),
        val: None,
        test: None,
        cut_test: true,
        notes: Vec::from_iter(flat_note([&val, &test])),
    })
}

/// The advice if the class folders may be in hidden ones.
fn hidden_folders(names: &[OsString]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    format!(
        "; there are images in hidden folders, which are not read ({}): remove the dot from the name to use one",
        enumerate(&names)
    )
}

/// A note on folders that have the name of a split but are treated as classes.
fn flat_note(found: [&Option<SplitFolder<'_>>; 2]) -> Option<String> {
    let names: Vec<String> = found
        .into_iter()
        .flatten()
        .filter(|split| !split.has_folders && split.folder.holds_images())
        .map(|split| split.folder.name().to_string_lossy().into_owned())
        .collect();
    let is_one = names.len() == 1;
    (!names.is_empty()).then(|| {
        format!(
            "{} {} read as {}, since the images are directly in {}; if they belong to a split, put them into class \
             folders there, or move the folder away",
            enumerate(&names),
            if is_one { "is" } else { "are" },
            if is_one { "a class" } else { "classes" },
            if is_one { "it" } else { "them" },
        )
    })
}

fn splits<'a>(
    root: &Folder,
    folders: &[&'a Folder],
    found: [Option<SplitFolder<'a>>; 3],
    classes: Option<&[String]>,
) -> Result<Layout<'a>, DataError> {
    let found = found.map(|split| split.map(|split| split.folder));
    let taken = found.map(|split| split.map(Folder::path));
    let others: Vec<String> = folders
        .iter()
        .filter(|folder| !taken.contains(&Some(folder.path())))
        .map(|folder| folder.name().to_string_lossy().into_owned())
        .collect();
    if let (Some(train), None) = (found[0], classes) {
        reject_classes_beside(root, folders, train, &taken)?;
        reject_images_beside_labels(train)?;
        for other in found[1..].iter().flatten() {
            reject_unlabelled(other, train)?;
        }
    }
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "skipped files and folders outside the splits: {}",
            enumerate(&others)
        ));
    }
    let [train, val, test] = within_splits(found, classes, &mut notes)?;
    if let (Some(train), None) = (train, classes) {
        reject_divisions(train, &train.subfolders()?)?;
    }
    let mut marked = SkippedFiles::default();
    marked.add_marked(root)?;
    marked.note(root.path(), "", &mut notes);
    Ok(Layout {
        train,
        val,
        test,
        cut_test: false,
        notes,
    })
}

/// The folder of a split: one with subfolders if possible, else the first of that name.
fn find<'a>(
    root: &Folder,
    folders: &[&'a Folder],
    kind: &SplitNames,
) -> Result<Option<SplitFolder<'a>>, DataError> {
    let mut found: Option<SplitFolder<'a>> = None;
    for folder in folders.iter().filter(|folder| kind.is_named(folder.name())) {
        let has_folders = !folder.subfolders()?.is_empty();
        match &found {
            Some(first) if first.has_folders && has_folders => {
                return Err(DataError::layout(
                    root.path(),
                    format!(
                        "both {} and {} could be the {} split; rename or remove one",
                        first.folder.path().printable(),
                        folder.path().printable(),
                        kind.name
                    ),
                ));
            }
            Some(first) if first.has_folders || !has_folders => {}
            _ => {
                found = Some(SplitFolder {
                    folder,
                    has_folders,
                });
            }
        }
    }
    Ok(found)
}

/// Rejects class folders next to `train`, which would silently be left out: folders named like the classes in
/// it, or any folder with images if it contains a single folder.
fn reject_classes_beside(
    root: &Folder,
    folders: &[&Folder],
    train: &Folder,
    splits: &[Option<&Path>],
) -> Result<(), DataError> {
    let inner = train.subfolders()?;
    let names: HashSet<&OsStr> = inner.iter().map(|folder| folder.name()).collect();
    let mut classes = Vec::new();
    for folder in folders {
        let has_images = !folder.contents()?.images.is_empty();
        let is_like_class = match names.contains(folder.name()) {
            true => folder.holds_images(),
            false => names.len() == 1 && has_images,
        };
        if is_like_class && !splits.contains(&Some(folder.path())) {
            classes.push(folder.name().to_string_lossy().into_owned());
        }
    }
    if classes.is_empty() {
        return Ok(());
    }
    Err(DataError::layout(
        root.path(),
        format!(
            "it has class folders ({}) and, next to them, the folder {} with class folders of its \
             own; move all class folders into it, or rename it if it is a class",
            enumerate(&classes),
            enumerate(&[train.name().to_string_lossy().into_owned()])
        ),
    ))
}

/// Rejects class folders next to a split that contains folders of the same names. A class may be named `val` or
/// `test`, but it does not contain the other classes.
fn reject_splits_beside_classes(
    root: &Folder,
    folders: &[&Folder],
    splits: [&Option<SplitFolder<'_>>; 2],
) -> Result<(), DataError> {
    for split in splits.into_iter().flatten() {
        let inner = split.folder.subfolders()?;
        let names: HashSet<&OsStr> = folders.iter().map(|folder| folder.name()).collect();
        let twice = inner.iter().find(|inner| names.contains(inner.name()));
        if let Some(twice) = twice {
            return Err(DataError::layout(
                root.path(),
                format!(
                    "it has class folders, and {} is one of the same name in a split; \
                     move the class folders into a folder `train`",
                    twice.path().printable()
                ),
            ));
        }
    }
    Ok(())
}
