//! Reading each image's label from the rows of a label list.

use crate::names::key;
use crate::sources::labels::columns::{ClassColumn, Columns, ones};
use crate::sources::labels::index::{Index, Lookup};
use crate::sources::labels::loose::Loose;
use crate::sources::labels::table::Table;
use receptive_core::text::{Printable, counted, is_unprintable};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Maximum number of lines listed in a message.
const SHOWN: usize = 10;
/// Maximum length of a quoted cell, in characters.
const QUOTED: usize = 200;

/// The labels of all images.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// One per image; `None` if the list does not name it.
    pub(super) labels: Vec<Option<Label>>,
    /// The classes, in order of first appearance.
    pub(super) classes: Vec<String>,
    /// Classes with no existing file.
    pub(super) lost: Vec<String>,
    /// Rows with missing files, as listed in messages.
    pub(super) missing: Vec<String>,
    /// Rows that name an image by a name from before a conversion of the images or the list, as listed in
    /// messages.
    loose: Vec<String>,
    /// Number of rows that repeat another.
    pub(super) repeated: usize,
}

/// What the list says about one image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// An index into the classes.
    pub(super) class: u32,
    /// Training, validation or test: 0, 1 or 2.
    pub(super) split: Option<usize>,
    pub(super) group: Option<Arc<str>>,
    row: usize,
}

impl Rows {
    /// Reads all rows. The error is a sentence about the list, with line numbers.
    pub(super) fn read(
        table: &Table,
        columns: &Columns,
        index: &Index,
        images: usize,
    ) -> Result<Self, String> {
        let mut reader = RowReader {
            table,
            columns,
            places: HashMap::new(),
            groups: HashSet::new(),
            problems: Problems::default(),
            rows: Self {
                labels: (0..images).map(|_| None).collect(),
                ..Self::default()
            },
        };
        let mut missing = Vec::new();
        for row in columns.first..table.len() {
            match index.find(table.cell(row, columns.file)) {
                Lookup::Missing => missing.push(row),
                found => reader.row(row, found, index),
            }
        }
        reader.missing(&missing, index);
        reader.problems.check()?;
        let mut rows = reader.rows;
        let used: HashSet<u32> = rows.labels.iter().flatten().map(|l| l.class).collect();
        let lost = |(place, _): &(usize, &String)| !used.contains(&(*place as u32));
        let lost = rows.classes.iter().enumerate().filter(lost);
        rows.lost = lost.map(|(_, class)| class.clone()).collect();
        Ok(rows)
    }
}

impl Rows {
    /// A note on images that were found although no file has exactly the listed name.
    pub(super) fn loose_note(&self) -> Option<String> {
        (!self.loose.is_empty()).then(|| {
            format!(
                "{} of the label list {} an image with another extension, or without its leading \
                 zeros:\n{}",
                counted(self.loose.len(), "row"),
                if self.loose.len() == 1 {
                    "names"
                } else {
                    "name"
                },
                lines(&self.loose)
            )
        })
    }
}

/// The first ten entries, one per line, and the number of further ones.
pub(super) fn lines(list: &[String]) -> String {
    let mut shown: Vec<String> = list.iter().take(SHOWN).map(|l| format!("  {l}")).collect();
    if list.len() > SHOWN {
        shown.push(format!("  and {} more", list.len() - SHOWN));
    }
    shown.join("\n")
}

struct RowReader<'a> {
    table: &'a Table,
    columns: &'a Columns,
    places: HashMap<String, u32>,
    groups: HashSet<Arc<str>>,
    problems: Problems,
    rows: Rows,
}

/// Rows that cannot be used, by problem, as listed in messages.
#[derive(Default)]
struct Problems {
    nameless: Vec<String>,
    unlabelled: Vec<String>,
    unprintable: Vec<String>,
    several: Vec<String>,
    splits: Vec<String>,
    ambiguous: Vec<String>,
    conflicts: Vec<String>,
}

impl RowReader<'_> {
    /// Handles rows that name no file. An image is matched to such a row if no other row can mean it, and if
    /// its folder contains images of other rows: otherwise it may be a mask or a thumbnail.
    fn missing(&mut self, missing: &[usize], index: &Index) {
        if missing.is_empty() {
            return;
        }
        let loose = Loose::new(index);
        let folder = |image: usize| {
            index
                .path(image)
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder)
        };
        let labels = self.rows.labels.iter().enumerate();
        let named = labels.filter(|(_, label)| label.is_some());
        let folders: HashSet<&str> = named.map(|(image, _)| folder(image)).collect();
        let is_there = |image: &usize| folders.is_empty() || folders.contains(folder(*image));
        let find = |row: &usize| loose.find(self.table.cell(*row, self.columns.file));
        let find = |row: &usize| find(row).filter(is_there);
        let found: Vec<Option<usize>> = missing.iter().map(find).collect();
        let mut claims: HashMap<usize, usize> = HashMap::new();
        for image in found.iter().flatten() {
            *claims.entry(*image).or_default() += 1;
        }
        for (&row, image) in missing.iter().zip(found) {
            let is_free = |image: &usize| claims[image] == 1 && self.rows.labels[*image].is_none();
            let Some(image) = image.filter(is_free) else {
                self.row(row, Lookup::Missing, index);
                continue;
            };
            let line = format!("{} is {}", self.describe(row), index.path(image));
            self.rows.loose.push(line);
            self.row(row, Lookup::Image(image), index);
        }
    }

    fn row(&mut self, row: usize, found: Lookup, index: &Index) {
        let file = self.table.cell(row, self.columns.file);
        if file.is_empty() {
            let line = self.describe(row);
            return self.problems.nameless.push(line);
        }
        let (Some(class), Some(split)) = (self.class(row), self.split(row)) else {
            return;
        };
        let image = match found {
            Lookup::Image(image) => image,
            Lookup::Missing => {
                let line = self.describe(row);
                return self.rows.missing.push(line);
            }
            Lookup::Ambiguous(images) => {
                let paths: Vec<&str> = images.iter().take(2).map(|i| index.path(*i)).collect();
                let line = format!("{} could be {}", self.describe(row), paths.join(" or "));
                return self.problems.ambiguous.push(line);
            }
        };
        let label = Label {
            class,
            split,
            group: self.group(row),
            row,
        };
        let Some(place) = self.rows.labels.get_mut(image) else {
            return;
        };
        match place {
            None => *place = Some(label),
            Some(first) if first.agrees(&label) => self.rows.repeated += 1,
            Some(first) => {
                let first = self.table.line(first.row);
                let line = format!("{}, unlike line {first}", self.describe(row));
                self.problems.conflicts.push(line);
            }
        }
    }

    /// Describes a row for a message.
    fn describe(&self, row: usize) -> String {
        let file = self.table.cell(row, self.columns.file);
        match file.is_empty() {
            true => format!("line {}", self.table.line(row)),
            false => format!("line {}: {}", self.table.line(row), quoted(file)),
        }
    }

    fn class(&mut self, row: usize) -> Option<u32> {
        let table = self.table;
        let name = match &self.columns.class {
            ClassColumn::Named(column) => table.cell(row, *column),
            ClassColumn::OneHot(flags) => match ones(table, row, flags).as_slice() {
                [column] => table.cell(0, *column),
                [] => "",
                _ => {
                    let line = self.describe(row);
                    self.problems.several.push(line);
                    return None;
                }
            },
        };
        if name.is_empty() || name.contains(is_unprintable) {
            let line = self.describe(row);
            let problems = &mut self.problems;
            match name.is_empty() {
                true => problems.unlabelled.push(line),
                false => problems
                    .unprintable
                    .push(format!("{line} has the class {}", quoted(name))),
            }
            return None;
        }
        let next = self.rows.classes.len() as u32;
        let place = *self.places.entry(key(name)).or_insert(next);
        if place == next {
            self.rows.classes.push(name.to_string());
        }
        Some(place)
    }

    /// `None` if the row has no valid split.
    fn split(&mut self, row: usize) -> Option<Option<usize>> {
        let Some(columns) = &self.columns.split else {
            return Some(None);
        };
        let split = columns.of_row(self.table, row);
        if split.is_none() {
            let cells = columns.places().into_iter();
            let cells: Vec<&str> = cells.map(|c| self.table.cell(row, c)).collect();
            let line = format!("{} has {}", self.describe(row), quoted(&cells.join(", ")));
            self.problems.splits.push(line);
        }
        split.map(Some)
    }

    fn group(&mut self, row: usize) -> Option<Arc<str>> {
        let name = self.table.cell(row, self.columns.group?);
        if name.is_empty() {
            return None;
        }
        // Normalised, so that it does not matter how accents are encoded, as with classes.
        let name = key(name);
        if let Some(known) = self.groups.get(name.as_str()) {
            return Some(known.clone());
        }
        let name: Arc<str> = name.into();
        self.groups.insert(name.clone());
        Some(name)
    }
}

impl Label {
    fn agrees(&self, other: &Self) -> bool {
        (self.class, self.split, &self.group) == (other.class, other.split, &other.group)
    }
}

impl Problems {
    fn check(&self) -> Result<(), String> {
        for (rows, [one, several], problem) in [
            (
                &self.nameless,
                ["names", "name"],
                "no file; fill in the file or remove the line",
            ),
            (
                &self.unlabelled,
                ["has", "have"],
                "no class; fill in the class or remove the line",
            ),
            (
                &self.unprintable,
                ["has", "have"],
                "a class with control characters, such as a line break where a quotation mark \
                 is not closed; correct it",
            ),
            (
                &self.several,
                ["has", "have"],
                "more than one class; a classifier needs exactly one per image",
            ),
            (
                &self.splits,
                ["has", "have"],
                "no valid split, or several; use train, val or test (1 or 0 in a column like \
                 `is_train`)",
            ),
            (
                &self.ambiguous,
                ["names", "name"],
                "a file that exists in several folders or with several extensions; give its path \
                 relative to the data set's folder, with its extension",
            ),
            (
                &self.conflicts,
                ["contradicts", "contradict"],
                "another row of the same file in class, split or group; correct or \
                 remove one of them",
            ),
        ] {
            if !rows.is_empty() {
                let verb = if rows.len() == 1 { one } else { several };
                return Err(format!(
                    "{} of its rows {verb} {problem}:\n{}",
                    rows.len(),
                    lines(rows)
                ));
            }
        }
        Ok(())
    }
}

/// A cell as quoted in messages, truncated if it is longer than any name.
fn quoted(cell: &str) -> String {
    match cell.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("`{}...`", cell[..end].printable()),
        None => format!("`{}`", cell.printable()),
    }
}
