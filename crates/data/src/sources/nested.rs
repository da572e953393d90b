//! Folders around the class folders, and class folders without images of their own.

use crate::error::DataError;
use crate::names::enumerate;
use crate::sources::split_names::split_named;
use crate::sources::tree::Folder;
use receptive_core::text::Printable;
use std::ffi::OsString;
use std::path::Path;

/// Extensions of archives, those that can be read first.
const ARCHIVES: [&str; 8] = ["zip", "tgz", "gz", "tar", "7z", "rar", "xz", "bz2"];
/// Extensions of files that may list the classes of images.
const LISTS: [&str; 3] = ["csv", "tsv", "txt"];

/// Refuses a folder whose only folder is no class but lies around the classes, as an unpacked archive
/// has it, or holds all images, which have their classes from a list. Both would be one class.
///
/// `classes` are a trained model's; a folder of such a name is that class.
pub(crate) fn refuse_wrapper(root: &Folder, classes: Option<&[String]>) -> Result<(), DataError> {
    let [only] = with_images(root)?[..] else {
        return Ok(());
    };
    let is_class = |class: &String| only.name() == class.as_str();
    if classes.is_some_and(|classes| classes.iter().any(is_class)) {
        return Ok(());
    }
    let first = enumerate(&[text(only)]);
    let mut place = only;
    loop {
        let inner = with_images(place)?;
        let is_flat = !place.contents()?.images.is_empty();
        match inner[..] {
            [] if is_flat => {
                return match list_of_classes(root)? {
                    Some(list) => Err(DataError::layout(
                        root.path(),
                        format!(
                            "all its images lie in one folder, {first}, beside {}; if that file lists \
                             their classes, set data.labels to it, else put the images of each class \
                             into a folder of its own, named after the class",
                            enumerate(&[list])
                        ),
                    )),
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
                        "its only folder with images, {first}, holds {} ({}); give that folder, as in \
                         `receptive data {}`",
                        if are_splits {
                            "the splits"
                        } else {
                            "class folders"
                        },
                        enumerate(&names),
                        place.path().shell_word(),
                    ),
                ));
            }
            _ => return Ok(()),
        }
    }
}

/// What to say of the class folders that hold no images but folders of images: these are joined.
pub(crate) fn note_joined(folder: &Folder) -> Result<Option<String>, DataError> {
    let mut joined = Vec::new();
    let mut example = None;
    for class in folder.subfolders()? {
        if !class.contents()?.images.is_empty() {
            continue;
        }
        let inner = with_images(class)?;
        if inner.len() > 1 {
            let names: Vec<String> = inner.iter().map(|folder| text(folder)).collect();
            example.get_or_insert_with(|| enumerate(&names));
            joined.push(text(class));
        }
    }
    Ok(example.map(|example| {
        format!(
            "joined the folders inside of {} into one class each (such as {example}); if the inner \
             folders are the classes, move them up into {}",
            enumerate(&joined),
            folder.path().printable()
        )
    }))
}

/// A file beside images that may list their classes.
pub(crate) fn list_of_classes(folder: &Folder) -> Result<Option<String>, DataError> {
    first_with(folder, &LISTS)
}

/// An archive in the folder that may hold images.
pub(crate) fn packed(folder: &Folder) -> Result<Option<String>, DataError> {
    first_with(folder, &ARCHIVES)
}

/// A file that is no image with the first of these extensions that there is.
fn first_with(folder: &Folder, extensions: &[&str]) -> Result<Option<String>, DataError> {
    let has = |name: &OsString, known: &str| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(known))
    };
    let others = &folder.contents()?.others;
    let file = extensions
        .iter()
        .find_map(|known| others.iter().find(|name| has(name, known)));
    Ok(file.map(|name| name.to_string_lossy().into_owned()))
}

fn with_images(folder: &Folder) -> Result<Vec<&Folder>, DataError> {
    let mut folders = folder.subfolders()?;
    folders.retain(|folder| folder.holds_images());
    Ok(folders)
}

fn text(folder: &Folder) -> String {
    folder.name().to_string_lossy().into_owned()
}
