//! Image folders: `train/`, `val/`, `test/` with class folders, or class folders alone.

use crate::error::DataError;
use crate::names::{enumerate, key, visible};
use crate::options::{DataOptions, RecordUse};
use crate::sources::layout::layout;
use crate::sources::nested::note_joined;
use crate::sources::skipped::SkippedFiles;
use crate::sources::store::{FileEntry, Files, Item, Store};
use crate::sources::tree::Folder;
use crate::sources::unread::{self, UnreadFolder, is_beside};
use crate::sources::walk::walk;
use crate::sources::{Source, SourceSplit};
use receptive_core::text::Printable;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Indexes a folder. The class list comes from the training split alone or from a trained model.
pub(crate) fn open(folder: &Folder, options: &DataOptions) -> Result<Source, DataError> {
    let root = folder.path();
    let layout = layout(folder, options.classes.as_deref())?;
    let mut builder = Builder {
        root,
        files: Vec::new(),
        names: Vec::new(),
        labels: HashMap::new(),
        unread: Vec::new(),
        partly: Vec::new(),
        notes: layout.notes,
    };
    let train = match layout.train {
        Some(folder) => builder.part(folder)?,
        None => Vec::new(),
    };
    if let Some(folder) = layout.train {
        builder.notes.extend(note_joined(folder)?);
    }
    let mut list: Vec<String> = builder.names.clone();
    // Sorted by normalised name, so that a copy on another system has the same order of classes, however
    // accents are encoded.
    list.sort_by_cached_key(|class| key(class));
    let val = layout
        .val
        .map(|folder| builder.optional(folder))
        .transpose()?
        .flatten();
    let test = layout
        .test
        .map(|folder| builder.optional(folder))
        .transpose()?
        .flatten();
    builder
        .notes
        .extend(unread::partly_note(root, &builder.partly));
    let unread = builder.judge_unread(options)?;
    // With the classes of a trained model, any split is enough.
    let evaluable = options.classes.is_some() && (val.is_some() || test.is_some());
    if train.is_empty() && !evaluable {
        let place = layout.train.map_or(root, Folder::path);
        return Err(DataError::layout(place, no_images(&builder)));
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
        archive: None,
        entries: builder.files,
    }));
    let part = |items| SourceSplit::new(store.clone(), items);
    Ok(Source {
        missing: 0,
        lost_classes: Vec::new(),
        unread,
        name: root.printable().into_owned(),
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
        "its class folders contain no image (.jpg, .png, .webp and so on){}",
        if builder.notes.is_empty() {
            String::new()
        } else {
            format!(": {}", builder.notes.join("; "))
        }
    )
}

struct Builder<'a> {
    root: &'a Path,
    files: Vec<FileEntry>,
    /// All classes, in order of first appearance.
    names: Vec<String>,
    /// The index of each class in `names`.
    labels: HashMap<String, u32>,
    /// Class folders without images, with files that may have been meant as images.
    unread: Vec<UnreadFolder>,
    /// Class folders with images and such files, and their numbers of images.
    partly: Vec<(UnreadFolder, usize)>,
    notes: Vec<String>,
}

impl Builder<'_> {
    /// Indexes the class folders of one split.
    fn part(&mut self, folder: &Folder) -> Result<Vec<Item>, DataError> {
        let mut items = Vec::new();
        let mut passed = SkippedFiles::default();
        let mut empty = Vec::new();
        let mut spellings: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for class_folder in folder.subfolders()? {
            let class = class_name(class_folder.path())?;
            let mut found = walk(class_folder)?;
            let not_beside = |file: &&PathBuf| !is_beside(file);
            let unread: Vec<PathBuf> = found.others.iter().filter(not_beside).cloned().collect();
            if !found.images.is_empty() && !unread.is_empty() {
                found.ignored -= unread.len();
                let folder = UnreadFolder::new(class_folder.path(), &unread);
                self.partly.push((folder, found.images.len()));
            }
            passed.add(&found);
            if found.images.is_empty() {
                let folder = UnreadFolder::new(class_folder.path(), &found.others);
                // A folder with figures of this program was written by it.
                match found.own.is_empty() && !unread.is_empty() {
                    true => self.unread.push(folder),
                    false => empty.push(folder.described()),
                }
                continue;
            }
            let label = self.label(class.clone());
            spellings.entry(label).or_default().push(class);
            for path in found.images {
                items.push(Item {
                    image: self.files.len() as u32,
                    label,
                });
                self.files.push(FileEntry::unchecked(path, None));
            }
        }
        passed.add_beside(folder)?;
        let place = folder
            .path()
            .strip_prefix(self.root)
            .ok()
            .filter(|p| !p.as_os_str().is_empty());
        let place = place.map_or_else(String::new, |place| format!(" in {}", place.printable()));
        if !empty.is_empty() {
            self.notes.push(format!(
                "skipped {} without images{place}: {}",
                if empty.len() == 1 {
                    "a class folder"
                } else {
                    "class folders"
                },
                unread::list(&empty)
            ));
        }
        for same in spellings.values().filter(|same| same.len() > 1) {
            self.notes.push(format!(
                "{} folders{place} are one class, {}: their names differ only in the encoding of \
                 accented letters",
                same.len(),
                enumerate(&same[..1])
            ));
        }
        passed.note(self.root, &place, &mut self.notes);
        Ok(items)
    }

    /// Rejects class folders without readable images, if other folders have some; if `options` say to leave
    /// them out, returns the number of their files.
    fn judge_unread(&mut self, options: &DataOptions) -> Result<usize, DataError> {
        let folders = std::mem::take(&mut self.unread);
        // Missing images of a run are handled by its record.
        let is_followed = matches!(options.record, Some((_, RecordUse::Follow)));
        let classes = options.classes.as_deref();
        let classes: Option<HashSet<String>> =
            classes.map(|classes| classes.iter().map(|class| key(class)).collect());
        let is_class = |folder: &UnreadFolder| {
            let known = classes.as_ref();
            known.is_none_or(|known| known.contains(&key(&folder.name())))
        };
        let is_lost =
            |folder: &UnreadFolder| !self.files.is_empty() && !is_followed && is_class(folder);
        let (lost, other): (Vec<_>, Vec<_>) = folders.into_iter().partition(is_lost);
        let left_out = unread::judge(self.root, &lost, options, &mut self.notes)?;
        if !other.is_empty() {
            let other: Vec<String> = other.iter().map(UnreadFolder::described).collect();
            self.notes.push(format!(
                "skipped folders without a readable image: {}",
                unread::list(&other)
            ));
        }
        Ok(left_out)
    }

    /// Like [`part`](Self::part) for an optional split, which counts as missing if it has no images.
    fn optional(&mut self, folder: &Folder) -> Result<Option<Vec<Item>>, DataError> {
        let items = self.part(folder)?;
        if items.is_empty() {
            self.notes.push(format!(
                "{} has no image in class folders and is treated as missing",
                folder.path().printable()
            ));
            return Ok(None);
        }
        Ok(Some(items))
    }

    fn label(&mut self, class: String) -> u32 {
        let next = self.names.len() as u32;
        let label = *self.labels.entry(key(&class)).or_insert(next);
        if label == next {
            self.names.push(class);
        }
        label
    }
}

fn class_name(folder: &Path) -> Result<String, DataError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(DataError::layout(
            folder,
            "the name of this class folder is not valid UTF-8; rename it, since class names are \
             stored with the model",
        ));
    };
    if name.contains(char::is_control) {
        // The error is about the parent folder, so that the name is only printed escaped.
        return Err(DataError::layout(
            folder.parent().unwrap_or(folder),
            format!(
                "the name of its class folder {name:?} has control characters, which a terminal \
                 and a list of one class per line cannot show; rename it"
            ),
        ));
    }
    if visible(name).is_empty() {
        return Err(DataError::layout(
            folder.parent().unwrap_or(folder),
            format!(
                "the name of its class folder `{}` has only invisible characters; rename it",
                name.escape_unicode()
            ),
        ));
    }
    Ok(name.to_string())
}

/// Notes classes that differ only in case or in invisible characters. They are usually one class written in two
/// ways, but may be intended (the letters `a` and `A`).
pub(super) fn note_case(list: &[String], notes: &mut Vec<String>) {
    let group = |same: &dyn Fn(&str) -> String| {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for class in list {
            groups.entry(same(class)).or_default().push(class.clone());
        }
        groups.into_values().filter(|group| group.len() > 1)
    };
    for same in group(&|class| visible(&class.to_lowercase())) {
        let lower: HashSet<String> = same.iter().map(|class| class.to_lowercase()).collect();
        if lower.len() == 1 {
            notes.push(format!(
                "the classes {} differ only by upper and lower case and are treated as different \
                 classes",
                enumerate(&same)
            ));
            continue;
        }
        let spelt: Vec<String> = same.iter().map(|class| spell_out(class)).collect();
        notes.push(format!(
            "the classes {} look the same and differ only by {}spaces or invisible characters; they \
             are treated as different classes: rename their folders if they are one",
            enumerate(&spelt),
            if lower.len() < same.len() { "case, " } else { "" }
        ));
    }
}

/// Names that programs write for a missing value.
const MISSING: [&str; 5] = ["nan", "null", "none", "n/a", "<na>"];

/// Notes on classes of a label list that its program may not have meant as such: numbers that are equal, and
/// missing values.
pub(super) fn note_values(list: &[String], notes: &mut Vec<String>) {
    let mut numbers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for class in list {
        if let Ok(number) = class.parse::<f64>()
            && number.is_finite()
        {
            let equal = numbers.entry(number.to_string()).or_default();
            equal.push(class.clone());
        }
    }
    for equal in numbers.values().filter(|equal| equal.len() > 1) {
        notes.push(format!(
            "the classes {} are the same number, written differently, and are treated as different classes",
            enumerate(equal)
        ));
    }
    let is_missing = |class: &&String| MISSING.contains(&class.to_lowercase().as_str());
    let missing: Vec<String> = list.iter().filter(is_missing).cloned().collect();
    if !missing.is_empty() {
        notes.push(format!(
            "{} {} treated as a class; if it stands for a missing value, remove its rows from the label list",
            enumerate(&missing),
            if missing.len() == 1 { "is" } else { "are each" },
        ));
    }
}

/// The name with its invisible characters as codes.
fn spell_out(class: &str) -> String {
    let mut text = String::new();
    for c in class.chars() {
        match c {
            ' '..='~' => text.push(c),
            c if c.is_alphanumeric() => text.push(c),
            c => text.extend(c.escape_unicode()),
        }
    }
    text
}
