//! Folders around the class folders, and class folders that contain only folders of images.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::split_names::{is_split_name, split_named};
use crate::sources::tree::Folder;
use receptive_core::text::Printable;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Extensions of archives, beginning with those that can be read.
const ARCHIVES: [&str; 8] = ["zip", "tgz", "gz", "tar", "7z", "rar", "xz", "bz2"];
/// Extensions of files that may list the images' classes.
const LISTS: [&str; 3] = ["csv", "tsv", "txt"];

/// Common names of a folder with the images of all classes.
const IMAGE_FOLDERS: [&str; 4] = ["images", "Images", "imgs", "JPEGImages"];

/// Rejects a folder whose only subfolder is not a class, but contains the class folders (as in an unpacked
/// archive) or all images (with classes from a list). Otherwise it would be the only class.
///
/// `classes` are a trained model's; a folder named like one of them is that class.
pub(crate) fn reject_wrapper(root: &Folder, classes: Option<&[String]>) -> Result<(), DataError> {
    let [only] = with_images(root)?[..] else {
        return Ok(());
    };
    let is_class = |class: &String| only.name() == class.as_str();
    if classes.is_some_and(|classes| classes.iter().any(is_class)) {
        return Ok(());
    }
    let first = enumerate(&[text(only)]);
    let mut place = only;
    let mut way = vec![root];
    loop {
        way.push(place);
        let inner = with_images(place)?;
        let is_flat = !place.contents()?.images.is_empty();
        match inner[..] {
            [] if is_flat => {
                return match list_of_classes(&way)? {
                    Some(list) => Err(DataError::layout(
                        root.path(),
                        format!(
                            "all its images are in one folder, {}; if {} lists their classes, set data.labels to \
                             it, otherwise put the images of each class into their own folder, named after the class",
                            enumerate(&[below_root(root, place)]),
                            enumerate(&[list])
                        ),
                    )),
                    // A folder with the name of a split is not a class: the images are split, but not by class.
                    None if classes.is_none() && is_split_name(place.name()) => {
                        Err(without_classes(root, place))
                    }
                    None => Ok(()),
                };
            }
            [one] if !is_flat && !one.is_link() => place = one,
            [_, _, ..] if !is_flat => {
                let names: Vec<String> = inner.iter().map(|folder| text(folder)).collect();
                let are_splits = inner
                    .iter()
                    .any(|inner| split_named(inner.name()).is_some());
                return Err(DataError::layout(
                    root.path(),
                    format!(
                        "its only folder with images, {first}, contains {} ({}); {}",
                        if are_splits {
                            "the splits"
                        } else {
                            "class folders"
                        },
                        enumerate(&names),
                        match root.path().is_file() {
                            true =>
                                "pack that folder alone, or unpack the archive and use the folder"
                                    .into(),
                            false => format!("use that folder: {}", place.path().shell_word()),
                        },
                    ),
                ));
            }
            _ => return Ok(()),
        }
    }
}

/// Rejects a training split with all images in one folder, as in detection data (`train/images` next to
/// `train/labels`).
pub(crate) fn reject_images_beside_labels(train: &Folder) -> Result<(), DataError> {
    let [only] = with_images(train)?[..] else {
        return Ok(());
    };
    // The data may have only one class, but not if there are folders of other files next to it, or if its
    // folder has a common name such as `images`.
    let is_class =
        train.subfolders()?.len() == 1 && !IMAGE_FOLDERS.iter().any(|name| only.name() == *name);
    match !is_class && with_images(only)?.is_empty() && train.contents()?.images.is_empty() {
        true => Err(without_classes(train, only)),
        false => Ok(()),
    }
}

/// Rejects a validation or test split with all images in one folder with a common name, such as `val/images`, which
/// is not a class of the training split.
pub(crate) fn reject_unlabelled(split: &Folder, train: &Folder) -> Result<(), DataError> {
    let [only] = with_images(split)?[..] else {
        return Ok(());
    };
    let is_common = IMAGE_FOLDERS.iter().any(|name| only.name() == *name);
    let is_class = train
        .subfolders()?
        .iter()
        .any(|class| class.name() == only.name());
    let has_own = !split.contents()?.images.is_empty();
    if !is_common || is_class || has_own || !with_images(only)?.is_empty() {
        return Ok(());
    }
    Err(DataError::layout(
        split.path(),
        format!(
            "all its images are in `{}` without class folders; put them into one folder per class, named as in the \
             training split{}, or move this split away",
            text(only),
            match list_of_classes(&[split, only])? {
                Some(list) => format!(
                    " (the classes may be in {}, but a label list must name the images of all splits)",
                    enumerate(&[list])
                ),
                None => String::new(),
            }
        ),
    ))
}

fn without_classes(root: &Folder, place: &Folder) -> DataError {
    DataError::layout(
        root.path(),
        format!(
            "all its images are in {} without class folders, and a classifier needs at least two; \
             put the images of each class into a folder of its own, named after the class (files \
             with boxes or masks next to them are not read)",
            place.path().printable()
        ),
    )
}

/// The folders that directly contain the class folders of the splits (training, validation, test). That is each
/// split's folder itself or, if it contains only one folder with images, which contains folders of images, that
/// one or one within it, such as `images` in `train/images/cat`. Otherwise `images` would be the only class.
///
/// `classes` are a trained model's; a folder named like one of them is that class.
pub(crate) fn within_splits<'a>(
    splits: [Option<&'a Folder>; 3],
    classes: Option<&[String]>,
    notes: &mut Vec<String>,
) -> Result<[Option<&'a Folder>; 3], DataError> {
    let mut within = splits;
    let mut around = PathBuf::new();
    for place in within.iter_mut().flatten() {
        // The training split decides: if its classes have such names, so do those of the other splits.
        let inner = match splits[0] {
            Some(train) if train.path() != place.path() => below(place, &around)?,
            _ => within_wrappers(place, classes)?,
        };
        if let Some(inner) = inner {
            around = inner
                .path()
                .strip_prefix(place.path())
                .unwrap_or(inner.path())
                .into();
            *place = inner;
        }
    }
    if around != Path::new("") {
        notes.push(format!(
            "the class folders of the splits are in a subfolder, {}, which is searched",
            enumerate(&[around.to_string_lossy().into_owned()])
        ));
    }
    Ok(within)
}

/// Descends from a folder as long as it contains a single folder, to one with several folders of images; `None`
/// if there is none, or if one on the way is a class.
fn within_wrappers<'a>(
    folder: &'a Folder,
    classes: Option<&[String]>,
) -> Result<Option<&'a Folder>, DataError> {
    let mut place = folder;
    while let Some(inner) = around_classes(place)? {
        let is_class = |class: &String| inner.name() == class.as_str();
        if classes.is_some_and(|all| all.iter().any(is_class)) {
            return Ok(None);
        }
        if with_images(inner)?.len() > 1 {
            return Ok(Some(inner));
        }
        place = inner;
    }
    Ok(None)
}

/// The folder at a path below another, if every folder on the way is the only one; `None` for an empty path.
fn below<'a>(folder: &'a Folder, path: &Path) -> Result<Option<&'a Folder>, DataError> {
    let mut place = folder;
    for name in path {
        match around_classes(place)? {
            Some(inner) if inner.name() == name => place = inner,
            _ => return Ok(None),
        }
    }
    Ok((path != Path::new("")).then_some(place))
}

/// The only folder with images in this one, if it contains no images itself but folders of images.
fn around_classes(folder: &Folder) -> Result<Option<&Folder>, DataError> {
    let [only] = with_images(folder)?[..] else {
        return Ok(None);
    };
    let has_own = !folder.contents()?.images.is_empty() || !only.contents()?.images.is_empty();
    let is_around = !has_own && !with_images(only)?.is_empty();
    Ok(is_around.then_some(only))
}

/// The folders of images in a folder; if it contains only one, without images of its own, those in that one.
pub(crate) fn innermost(folder: &Folder) -> Result<Vec<&Folder>, DataError> {
    let mut place = folder;
    while let Some(inner) = around_classes(place)? {
        place = inner;
    }
    with_images(place)
}

/// A note on class folders that contain only folders of images, which are merged.
pub(crate) fn note_joined(folder: &Folder) -> Result<Option<String>, DataError> {
    let mut joined = Vec::new();
    let mut example = None;
    for class in folder.subfolders()? {
        if !class.contents()?.images.is_empty() {
            continue;
        }
        let inner = innermost(class)?;
        if inner.len() > 1 {
            let names: Vec<String> = inner.iter().map(|folder| text(folder)).collect();
            example.get_or_insert_with(|| enumerate(&names));
            joined.push(text(class));
        }
    }
    Ok(example.map(|example| {
        format!(
            "merged the folders inside {} into one class each (such as {example}); if the inner \
             folders are the classes, move them up into {}",
            enumerate(&joined),
            folder.path().printable()
        )
    }))
}

/// The path of a folder below the root, as the name of the only one there is.
fn below_root(root: &Folder, folder: &Folder) -> String {
    let path = folder.path();
    let path = path.strip_prefix(root.path()).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

/// A file that may list the classes of images: the first that one of the folders has.
pub(crate) fn list_of_classes(folders: &[&Folder]) -> Result<Option<String>, DataError> {
    for folder in folders {
        if let Some(name) = first_with(folder, &LISTS)? {
            let path = folder.path().join(name);
            return Ok(Some(path.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Advice on a file in one of the folders that may list the classes; empty if there is none.
pub(crate) fn or_list(folders: &[&Folder]) -> Result<String, DataError> {
    let list = list_of_classes(folders)?;
    Ok(list.map_or_else(String::new, |list| {
        format!(
            ", or set data.labels to the list of their classes, if {} is one",
            enumerate(&[list])
        )
    }))
}

/// An archive in the folder that may hold images.
pub(crate) fn packed(folder: &Folder) -> Result<Option<String>, DataError> {
    first_with(folder, &ARCHIVES)
}

/// The names of files that may list classes, the likeliest first.
pub(crate) fn lists(folder: &Folder) -> Result<Vec<String>, DataError> {
    with_extension(folder, &LISTS)
}

/// The first non-image file with one of these extensions.
fn first_with(folder: &Folder, extensions: &[&str]) -> Result<Option<String>, DataError> {
    Ok(with_extension(folder, extensions)?.into_iter().next())
}

/// The non-image files with one of these extensions, in the order of the extensions. Files named after labels or
/// the training split come before others of their extension, such as `sample_submission.csv`.
fn with_extension(folder: &Folder, extensions: &[&str]) -> Result<Vec<String>, DataError> {
    let has = |name: &OsString, known: &str| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(known))
    };
    let is_named_so = |name: &&OsString| {
        let name = name.to_string_lossy().to_lowercase();
        name.contains("label") || name.contains("train")
    };
    let mut others: Vec<&OsString> = folder.contents()?.others.iter().collect();
    others.sort_by_key(|name| !is_named_so(name));
    let mut found = Vec::new();
    for known in extensions {
        let files = others.iter().filter(|name| has(name, known));
        found.extend(files.map(|name| name.to_string_lossy().into_owned()));
    }
    Ok(found)
}

fn with_images(folder: &Folder) -> Result<Vec<&Folder>, DataError> {
    let mut folders = folder.subfolders()?;
    folders.retain(|folder| folder.holds_images());
    Ok(folders)
}

fn text(folder: &Folder) -> String {
    folder.name().to_string_lossy().into_owned()
}
