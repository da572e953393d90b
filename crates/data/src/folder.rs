//! A folder of image files: `train/`, `val/`, `test/` with class folders, or class folders alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    DataError, DataOptions, ImageSize,
    classes::enumerate,
    source::{Part, Source},
    split::{FileEntry, Files, Item, Store},
    walk::{files, subfolders, walk},
};

/// Indexes a folder. The class list comes from the training split alone.
pub(crate) fn open(root: &Path, options: &DataOptions) -> Result<Source, DataError> {
    let layout = layout(root)?;
    let mut builder = Builder {
        root,
        files: Vec::new(),
        names: Vec::new(),
        notes: layout.notes,
    };
    let train = builder.part(&layout.train)?;
    let mut list: Vec<String> = builder.names.clone();
    list.sort_unstable();
    let val = layout
        .val
        .as_deref()
        .map(|folder| builder.optional(folder))
        .transpose()?
        .flatten();
    let test = layout
        .test
        .as_deref()
        .map(|folder| builder.optional(folder))
        .transpose()?
        .flatten();
    if train.is_empty() {
        return Err(DataError::layout(&layout.train, no_images(&builder)));
    }
    if u32::try_from(builder.files.len()).is_err() {
        return Err(DataError::layout(
            root,
            "more than 4 billion images are not supported",
        ));
    }
    note_case(&list, &mut builder.notes);
    let store = Arc::new(Store::Files(Files {
        root: root.to_path_buf(),
        limits: options.decode,
        entries: builder.files,
    }));
    let part = |items| Part::new(store.clone(), items);
    Ok(Source {
        name: root.display().to_string(),
        names: builder.names,
        list,
        numbered: false,
        train: part(train),
        val: val.map(part),
        test: test.map(part),
        cut_test: layout.cut_test,
        notes: builder.notes,
    })
}

fn no_images(builder: &Builder<'_>) -> String {
    format!(
        "its class folders hold no image (.jpg, .png, .webp and so on){}",
        if builder.notes.is_empty() {
            String::new()
        } else {
            format!(": {}", builder.notes.join("; "))
        }
    )
}

struct Layout {
    train: PathBuf,
    val: Option<PathBuf>,
    test: Option<PathBuf>,
    cut_test: bool,
    notes: Vec<String>,
}

fn layout(root: &Path) -> Result<Layout, DataError> {
    let folders = subfolders(root)?;
    let named = |names: &[&str]| -> Result<Option<PathBuf>, DataError> {
        let found: Vec<&PathBuf> = folders
            .iter()
            .filter(|folder| {
                folder
                    .file_name()
                    .is_some_and(|f| names.iter().any(|n| f == *n))
            })
            .collect();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one).clone())),
            [one, two, ..] => Err(DataError::layout(
                root,
                format!(
                    "both {} and {} could be the validation split; rename or remove one",
                    one.display(),
                    two.display()
                ),
            )),
        }
    };
    if folders.is_empty() {
        let (images, others) = files(root)?;
        return Err(DataError::layout(
            root,
            format!(
                "it has no class folders (found {} images and {} other files); put the images of \
                 each class into a folder of its own, named after the class",
                images.len(),
                others.len()
            ),
        ));
    }
    let val = named(&["val", "valid", "validation"])?;
    let test = named(&["test"])?;
    // A class may well be called `train`: only class folders inside make it the split.
    let train = named(&["train"])?;
    let splits: Vec<&PathBuf> = [&train, &val, &test].into_iter().flatten().collect();
    match &train {
        Some(train) if !subfolders(train)?.is_empty() => {
            let others: Vec<String> = folders
                .iter()
                .filter(|folder| !splits.contains(folder))
                .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
                .collect();
            let mut notes = Vec::new();
            if !others.is_empty() {
                notes.push(format!(
                    "passed over what lies beside the splits: {}",
                    enumerate(&others)
                ));
            }
            return Ok(Layout {
                train: train.clone(),
                val,
                test,
                cut_test: false,
                notes,
            });
        }
        Some(_) if folders.len() == splits.len() => {
            return Err(DataError::layout(
                root,
                "its `train` folder has no class folders; put the images of each class into a \
                 folder of its own in it, named after the class",
            ));
        }
        None if folders.len() == splits.len() => {
            return Err(DataError::layout(
                root,
                "it has no `train` folder beside its validation or test folder; \
                 the class list comes from `train`",
            ));
        }
        _ => {}
    }
    // A class may be called `val` or `test` too, but not hold the other classes.
    for split in [&val, &test].into_iter().flatten() {
        let inner = subfolders(split)?;
        let twice = inner
            .iter()
            .find(|inner| folders.iter().any(|f| f.file_name() == inner.file_name()));
        if let Some(twice) = twice {
            return Err(DataError::layout(
                root,
                format!(
                    "it has class folders, and {} is one of the same name in a split; \
                     move the class folders into a folder `train`",
                    twice.display()
                ),
            ));
        }
    }
    Ok(Layout {
        train: root.to_path_buf(),
        val: None,
        test: None,
        cut_test: true,
        notes: Vec::new(),
    })
}

struct Builder<'a> {
    root: &'a Path,
    files: Vec<FileEntry>,
    /// Every class met, in the order in which it was met.
    names: Vec<String>,
    notes: Vec<String>,
}

impl Builder<'_> {
    /// Indexes the class folders of one split.
    fn part(&mut self, folder: &Path) -> Result<Vec<Item>, DataError> {
        let mut items = Vec::new();
        let mut ignored = 0;
        let mut empty = Vec::new();
        for class_folder in subfolders(folder)? {
            let class = class_name(&class_folder)?;
            let found = walk(&class_folder)?;
            ignored += found.ignored;
            if found.images.is_empty() {
                empty.push(class);
                continue;
            }
            let label = self.label(class);
            for path in found.images {
                items.push(Item {
                    image: self.files.len() as u32,
                    label,
                });
                self.files.push(FileEntry {
                    path,
                    bytes: 0,
                    size: ImageSize {
                        channels: 0,
                        height: 0,
                        width: 0,
                    },
                    colours: "",
                });
            }
        }
        let place = folder
            .strip_prefix(self.root)
            .ok()
            .filter(|p| !p.as_os_str().is_empty());
        let place = place.map_or_else(String::new, |place| format!(" in {}", place.display()));
        if !empty.is_empty() {
            self.notes.push(format!(
                "passed over {} without images{place}: {}",
                if empty.len() == 1 {
                    "a class folder"
                } else {
                    "class folders"
                },
                enumerate(&empty)
            ));
        }
        let (loose, others) = files(folder)?;
        if !loose.is_empty() {
            self.notes.push(format!(
                "passed over {} image(s){place} that lie beside the class folders, not in one",
                loose.len()
            ));
        }
        ignored += others.len();
        if ignored > 0 {
            self.notes.push(format!(
                "passed over {ignored} file(s){place} that are not images"
            ));
        }
        Ok(items)
    }

    /// The same of a split that may be missing: without images it is.
    fn optional(&mut self, folder: &Path) -> Result<Option<Vec<Item>>, DataError> {
        let items = self.part(folder)?;
        if items.is_empty() {
            self.notes.push(format!(
                "{} has no image in class folders and is taken for missing",
                folder.display()
            ));
            return Ok(None);
        }
        Ok(Some(items))
    }

    fn label(&mut self, class: String) -> u32 {
        let known = self.names.iter().position(|name| *name == class);
        known.unwrap_or_else(|| {
            self.names.push(class);
            self.names.len() - 1
        }) as u32
    }
}

fn class_name(folder: &Path) -> Result<String, DataError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_string).ok_or_else(|| {
        DataError::layout(
            folder,
            "the name of this class folder is not valid UTF-8; rename it, since class names are \
             stored with the model",
        )
    })
}

/// Classes that differ by case alone are usually one class written twice, but may be meant (the
/// letters `a` and `A`).
fn note_case(list: &[String], notes: &mut Vec<String>) {
    let mut lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in list {
        lower
            .entry(class.to_lowercase())
            .or_default()
            .push(class.clone());
    }
    for same in lower.into_values().filter(|same| same.len() > 1) {
        notes.push(format!(
            "the classes {} differ only by upper and lower case and are taken for different classes",
            enumerate(&same)
        ));
    }
}
