//! A label list: a CSV file with the class of each image of a folder, and optionally its split and group.

mod columns;
mod index;
mod loose;
pub(crate) mod rival;
mod rows;
mod splits;
mod table;
mod words;

use crate::error::DataError;
use crate::image::decode::read_capped;
use crate::names::{enumerate, key, near};
use crate::options::{BadImages, DataOptions};
use crate::sources::archive::Archive;
use crate::sources::folder::{note_case, note_values};
use crate::sources::split_names::split_named;
use crate::sources::store::{FileEntry, Files, Item, Store};
use crate::sources::tree::Folder;
use crate::sources::walk::walk;
use crate::sources::{Source, SourceSplit, groups};
use columns::{ColumnProblem, Columns, Settings, column_named};
use index::Index;
use receptive_core::text::{Printable, counted};
use rows::{Rows, lines};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::Table;

/// Maximum size of a list in bytes. That of ImageNet-21k, with 14 million images, has half of it.
const MAX_BYTES: u64 = 1 << 30;

/// Labels the images in and below a folder by a list. For images in an archive, the list may be in the archive
/// as well.
pub(crate) fn open(
    folder: &Folder,
    archive: Option<&Archive>,
    list: &Path,
    options: &DataOptions,
) -> Result<Source, DataError> {
    let problem = |problem| DataError::format(list.to_string_lossy().into_owned(), problem);
    let is_inside = archive.is_some() && list.starts_with(folder.path());
    if !is_inside {
        check_is_file(list, archive.map(|_| folder.path()))?;
    }
    let (root, images) = (folder.path(), walk(folder)?.images);
    if images.is_empty() {
        return Err(DataError::layout(
            root,
            "neither it nor its subfolders contain an image for the label list",
        ));
    }
    let bytes = match archive.filter(|_| is_inside) {
        Some(archive) => archive.read(list, MAX_BYTES)?,
        None => read_capped(list, MAX_BYTES)?,
    };
    let table = Table::parse(&bytes).map_err(problem)?;
    table.check_is_not_own().map_err(problem)?;
    let group = options.group.as_deref().filter(|group| !group.is_empty());
    let is_column = group.is_some_and(|name| column_named(&table, name).is_some());
    let settings = Settings {
        class: options.label_column.as_deref(),
        group: group.filter(|_| is_column),
        has_pattern: group.is_some() && !is_column,
    };
    let index = Index::new(root, images.iter().map(PathBuf::as_path), list);
    let columns = Columns::find(&table, &index, settings).map_err(|error| match error {
        ColumnProblem::List(sentence) => problem(sentence),
        ColumnProblem::Setting(setting, problem) => DataError::Setting { setting, problem },
    })?;
    let rows = Rows::read(&table, &columns, &index, images.len()).map_err(problem)?;
    let mut notes = vec![columns.note.clone()];
    notes.extend(columns.empty_note(&table));
    notes.extend(rows.loose_note());
    check_missing(root, list, &rows, options, &mut notes)?;
    if rows.repeated > 0 {
        notes.push(format!(
            "skipped {} of the label list that {} another",
            counted(rows.repeated, "row"),
            if rows.repeated == 1 {
                "repeats"
            } else {
                "repeat"
            }
        ));
    }
    let unnamed: Vec<String> = (0..images.len())
        .filter(|image| rows.labels[*image].is_none())
        .map(|image| index.path(image).to_string())
        .collect();
    if !unnamed.is_empty() {
        notes.push(format!(
            "skipped {} that the label list does not name: {}",
            counted(unnamed.len(), "image"),
            enumerate(&unnamed)
        ));
    }
    let (missing, lost) = (rows.missing.len(), rows.lost.clone());
    let mut source =
        LabelledImages::new(root, images, rows, &index, notes).source(list, options)?;
    source.missing = missing;
    source.lost_classes = lost;
    groups::apply(&mut source, group.filter(|_| !is_column), options)?;
    Ok(source)
}

/// Checks that the setting names a file. `archive` is the archive that contains the images, if any.
fn check_is_file(list: &Path, archive: Option<&Path>) -> Result<(), DataError> {
    let found = match list.metadata() {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(metadata) if metadata.is_dir() => "is a folder",
        Ok(_) => "is a pipe, device or socket",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist",
        // Other errors are reported when the list is read.
        Err(_) => return Ok(()),
    };
    Err(DataError::setting(
        "data.labels",
        format!(
            "{} {found}; expected the CSV file with the class of each image{}",
            list.printable(),
            match (archive, list.file_name()) {
                (Some(archive), Some(name)) => format!(
                    "; one in the archive is named {}",
                    archive.join(name).printable()
                ),
                _ => String::new(),
            }
        ),
    ))
}

/// Handles files that the list names but that do not exist, in the same way as damaged files.
fn check_missing(
    root: &Path,
    list: &Path,
    rows: &Rows,
    options: &DataOptions,
    notes: &mut Vec<String>,
) -> Result<(), DataError> {
    if rows.missing.is_empty() {
        return Ok(());
    }
    let found = rows.labels.iter().flatten().count();
    let is_one_class = rows.classes.len() > 1 && rows.classes.len() - rows.lost.len() < 2;
    if options.bad_images == BadImages::Fail || found == 0 || is_one_class {
        return Err(DataError::MissingImages {
            list: list.to_string_lossy().into_owned(),
            count: rows.missing.len(),
            total: found + rows.missing.len(),
            root: root.to_string_lossy().into_owned(),
            missing: lines(&rows.missing),
        });
    }
    notes.push(format!(
        "left out {} of the label list that {} not in {}:\n{}",
        counted(rows.missing.len(), "image"),
        if rows.missing.len() == 1 { "is" } else { "are" },
        root.printable(),
        lines(&rows.missing)
    ));
    if rows.lost.is_empty() {
        return Ok(());
    }
    let sentence = format!("there is no image of {}", enumerate(&rows.lost));
    if !options.allow_empty_classes {
        return Err(DataError::layout(
            root,
            format!("{sentence}; add its images or remove the class from the label list"),
        ));
    }
    notes.push(sentence);
    Ok(())
}

/// The images named by the list, by split.
struct LabelledImages {
    root: PathBuf,
    entries: Vec<FileEntry>,
    /// Training, validation and test.
    parts: [Vec<Item>; 3],
    /// Whether the list or the folders define splits.
    has_splits: bool,
    classes: Vec<String>,
    notes: Vec<String>,
}

impl LabelledImages {
    fn new(
        root: &Path,
        images: Vec<PathBuf>,
        rows: Rows,
        index: &Index,
        mut notes: Vec<String>,
    ) -> Self {
        let mut has_splits = rows.labels.iter().flatten().any(|l| l.split.is_some());
        // Without a column of splits, folders named `train` and `val` define them.
        let folder = |image: usize| {
            let (folder, _) = index.path(image).split_once('/')?;
            split_named(folder.as_ref())
        };
        let named = || (0..images.len()).filter(|image| rows.labels[*image].is_some());
        let by_folder = !has_splits
            && named().all(|image| folder(image).is_some())
            && (0..3)
                .filter(|split| named().any(|i| folder(i) == Some(*split)))
                .count()
                > 1;
        if by_folder {
            has_splits = true;
            notes.push(
                "the label list has no column of splits, so the folders train, val and so on of \
                 its images define them"
                    .into(),
            );
        }
        let mut labelled = Self {
            root: root.to_path_buf(),
            entries: Vec::new(),
            parts: Default::default(),
            has_splits,
            classes: rows.classes,
            notes,
        };
        for (image, (path, label)) in images.into_iter().zip(rows.labels).enumerate() {
            let Some(label) = label else {
                continue;
            };
            let by_folder = folder(image).filter(|_| by_folder);
            let split = label.split.or(by_folder).unwrap_or(0);
            labelled.parts[split].push(Item {
                image: labelled.entries.len() as u32,
                label: label.class,
            });
            let entry = FileEntry::unchecked(path, label.group);
            labelled.entries.push(entry);
        }
        labelled
    }

    fn source(mut self, list: &Path, options: &DataOptions) -> Result<Source, DataError> {
        let [train, val, test] = self.parts;
        if train.is_empty() && options.classes.is_none() {
            return Err(DataError::format(
                list.to_string_lossy().into_owned(),
                "it lists no images of the training split, which defines the class list",
            ));
        }
        let mut has_image = vec![false; self.classes.len()];
        for item in &train {
            has_image[item.label as usize] = true;
        }
        let trained = self.classes.iter().zip(has_image);
        let mut classes: Vec<String> = trained
            .filter(|(_, has_image)| *has_image)
            .map(|(class, _)| class.clone())
            .collect();
        sort(&mut classes);
        let known = options.classes.as_ref().unwrap_or(&classes);
        let known: Vec<String> = known.iter().map(|class| key(class)).collect();
        let class = |item: &Item| &self.classes[item.label as usize];
        let is_known = |item: &Item| known.contains(&key(class(item)));
        // Images of classes that a trained model does not have are left out, if there are others.
        let parts = [("train", &train), ("val", &val), ("test", &test)];
        let has_splits = !val.is_empty() || !test.is_empty();
        let may_have_more = options.classes.is_some()
            && (options.record.is_some() || parts.iter().any(|(_, p)| p.iter().any(is_known)));
        for (split, part) in parts.into_iter().filter(|_| !may_have_more) {
            if let Some(item) = part.iter().find(|item| !is_known(item)) {
                return Err(DataError::UnknownClass {
                    hint: near(class(item), known.iter().map(String::as_str)),
                    class: class(item).clone(),
                    place: match has_splits {
                        true => format!("{} ({split} split)", list.printable()),
                        false => list.printable().into_owned(),
                    },
                    count: known.len(),
                    list: match options.classes {
                        Some(_) => "the trained model",
                        None => "the training split",
                    },
                    advice: "correct or remove its lines in the label list",
                });
            }
        }
        note_case(&classes, &mut self.notes);
        note_values(&classes, &mut self.notes);
        let store = Arc::new(Store::Files(Files {
            root: self.root.clone(),
            limits: options.decode,
            archive: None,
            entries: self.entries,
        }));
        let part = |items| SourceSplit::new(store.clone(), items);
        let optional = |items: Vec<Item>| (!items.is_empty()).then(|| part(items));
        Ok(Source {
            missing: 0,
            lost_classes: Vec::new(),
            unread: 0,
            name: self.root.printable().into_owned(),
            names: self.classes,
            list: classes,
            numbered: false,
            train: part(train),
            val: optional(val),
            test: optional(test),
            cut_test: !self.has_splits,
            notes: self.notes,
        })
    }
}

/// Sorts by name; if all names are numbers, by value, so that 10 follows 9.
fn sort(classes: &mut [String]) {
    let number = |class: &String| class.parse::<f64>().ok().filter(|n| n.is_finite());
    if classes.iter().all(|class| number(class).is_some()) {
        classes.sort_by(|a, b| {
            let [x, y] = [a, b].map(|class| number(class).unwrap_or(0.0));
            x.total_cmp(&y).then_with(|| a.cmp(b))
        });
    } else {
        classes.sort_by_cached_key(|class| key(class));
    }
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn numbered_classes_are_in_the_order_of_their_numbers() {
        let sorted = |classes: &[&str]| {
            let mut classes: Vec<String> = classes.iter().map(|c| c.to_string()).collect();
            sort(&mut classes);
            classes.join(" ")
        };
        assert_eq!(sorted(&["10", "9", "-1", "2"]), "-1 2 9 10");
        assert_eq!(sorted(&["10", "9", "cat"]), "10 9 cat");
    }
}
