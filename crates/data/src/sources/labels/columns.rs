//! Which columns of a label list name files, classes, splits and groups.

use crate::names::enumerate;
use crate::sources::labels::index::{Index, Lookup};
use crate::sources::labels::table::Table;
use crate::sources::labels::words::{CLASS, FILE, GROUP, SPLIT, VALID, plain};
use crate::sources::split_names::split_named;
use std::collections::HashSet;

/// Rows by which the column of files is found.
const SAMPLE: usize = 1000;

/// What the columns of a list mean, by their places.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// The first row that is not a header.
    pub(super) first: usize,
    pub(super) file: usize,
    pub(super) class: ClassColumn,
    pub(super) split: Option<SplitColumn>,
    pub(super) group: Option<usize>,
    /// A sentence on which columns were taken.
    pub(super) note: String,
}

/// Where the classes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClassColumn {
    /// In one column, by name.
    Named(usize),
    /// A column a class, named in the header, with a 1 for each image of the class.
    OneHot(Vec<usize>),
}

/// Where the splits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitColumn {
    /// `train`, `val` or `test`.
    Named(usize),
    /// True or 1 for validation images, false or 0 for training images.
    IsValid(usize),
}

/// Why the columns were not found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ColumnProblem {
    /// A sentence about the list.
    List(String),
    /// A setting, and a sentence about it.
    Setting(&'static str, String),
}

/// What settings say about the columns.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings<'a> {
    /// The column of the classes.
    pub(super) class: Option<&'a str>,
    /// The column of the groups.
    pub(super) group: Option<&'a str>,
    /// Whether groups come from a pattern instead.
    pub(super) has_pattern: bool,
}

impl Columns {
    pub(super) fn find(
        table: &Table,
        index: &Index,
        settings: Settings<'_>,
    ) -> Result<Self, ColumnProblem> {
        let finder = Finder::new(table, index)?;
        let mut taken = vec![finder.file];
        let given = settings
            .class
            .map(|name| finder.given("data.label_column", name))
            .transpose()?;
        taken.extend(given);
        let group = match settings.group {
            Some(name) => Some(finder.given("data.group", name)?),
            None => finder.known(GROUP, &taken).first().copied(),
        };
        let spare = group.filter(|_| settings.group.is_none());
        let split = finder.split(&[&taken[..], &Vec::from_iter(group)].concat());
        taken.extend(split.map(SplitColumn::place));
        let class = match given {
            Some(column) => ClassColumn::Named(column),
            None => finder.class(&[&taken[..], &Vec::from_iter(group)].concat(), spare)?,
        };
        let is_used = |group: &usize| class != ClassColumn::Named(*group) && !settings.has_pattern;
        let group = group.filter(is_used);
        let mut columns = Self {
            first: finder.first,
            file: finder.file,
            class,
            split,
            group,
            note: String::new(),
        };
        columns.note = finder.note(&columns);
        columns.note += &finder.unused_splits(&columns);
        Ok(columns)
    }
}

impl SplitColumn {
    pub(super) fn place(self) -> usize {
        match self {
            Self::Named(column) | Self::IsValid(column) => column,
        }
    }
}

/// The column of this name, or of this number counted from 1; `None` if there is none.
pub(super) fn column_named(table: &Table, name: &str) -> Option<usize> {
    let columns = || 0..table.width();
    let equal = columns().find(|column| table.cell(0, *column) == name);
    equal
        .or_else(|| columns().find(|column| plain(table.cell(0, *column)) == plain(name)))
        .or_else(|| {
            let number = name.parse::<usize>().ok()?.checked_sub(1)?;
            columns().contains(&number).then_some(number)
        })
}

struct Finder<'a> {
    table: &'a Table,
    file: usize,
    first: usize,
}

impl<'a> Finder<'a> {
    fn new(table: &'a Table, index: &Index) -> Result<Self, ColumnProblem> {
        let width = table.width();
        if width < 2 {
            return Err(ColumnProblem::List(
                "it has a single column; give the file of each image and its class, separated by \
                 a comma"
                    .into(),
            ));
        }
        let is_known =
            |names: &[&str], column| names.contains(&plain(table.cell(0, column)).as_str());
        let counts: Vec<usize> = (0..width).map(|c| images_named(table, index, c)).collect();
        let usual = |column: &usize| is_known(FILE, *column);
        let other = |column: &usize| ![CLASS, SPLIT, GROUP].iter().any(|n| is_known(n, *column));
        let best = |columns: &dyn Fn(&usize) -> bool| {
            (0..width)
                .filter(columns)
                .filter(|column| counts[*column] > 0)
                // The first of equals: max_by_key takes the last.
                .rev()
                .max_by_key(|column| counts[*column])
        };
        let Some(file) = best(&usual).or_else(|| best(&other)) else {
            let row = 1.min(table.len() - 1);
            let cells: Vec<String> = (0..width).map(|c| table.cell(row, c).into()).collect();
            return Err(ColumnProblem::List(format!(
                "no column of it names images of the data set: line {} has {}, and the images are \
                 called like `{}`; give paths relative to the data set's folder",
                table.line(row),
                enumerate(&cells),
                index.path(0)
            )));
        };
        let cell = table.cell(0, file);
        let is_image = index.find(cell) != Lookup::Missing || has_extension(cell);
        let is_known = (0..width).any(|column| {
            let cell = plain(table.cell(0, column));
            [FILE, CLASS, SPLIT, VALID, GROUP]
                .concat()
                .contains(&cell.as_str())
        });
        // `id,sort`, but not a missing `a17,cat` above other cats.
        let is_new = (0..width).all(|column| {
            let cell = table.cell(0, column);
            column == file || !cell.is_empty() && !table.values(column, 1).contains(cell)
        });
        let is_header = !is_image && table.len() > 1 && (is_known || is_new);
        Ok(Self {
            table,
            file,
            first: usize::from(is_header),
        })
    }

    fn given(&self, setting: &'static str, name: &str) -> Result<usize, ColumnProblem> {
        let column = column_named(self.table, name);
        column.filter(|column| *column != self.file).ok_or_else(|| {
            let columns: Vec<usize> = (0..self.table.width())
                .filter(|c| *c != self.file)
                .collect();
            ColumnProblem::Setting(
                setting,
                format!(
                    "the label list has no column {} beside that of the files; it has {}",
                    enumerate(&[name.to_string()]),
                    self.names(&columns)
                ),
            )
        })
    }

    /// The columns with one of these names.
    fn known(&self, names: &[&str], taken: &[usize]) -> Vec<usize> {
        let is_known = |column: &usize| {
            self.first == 1 && names.contains(&plain(self.table.cell(0, *column)).as_str())
        };
        (0..self.table.width())
            .filter(|column| !taken.contains(column) && is_known(column))
            .collect()
    }

    fn split(&self, taken: &[usize]) -> Option<SplitColumn> {
        let is_split = |value: &&str| split_named(value.as_ref()).is_some();
        let names_splits = |column: &usize, least: usize| {
            let values = self.table.values(*column, self.first);
            let filled = values.iter().filter(|value| !value.is_empty());
            let splits = values.iter().filter(|value| is_split(value)).count();
            splits >= least && splits == filled.count()
        };
        let known = self.known(SPLIT, taken);
        // Folds and sets may be numbered, which says nothing about what is trained on.
        let strict = |column: &&usize| plain(self.table.cell(0, **column)) == "split";
        let named = known.iter().find(|column| names_splits(column, 1));
        if let Some(column) = named.or_else(|| known.iter().find(strict)) {
            return Some(SplitColumn::Named(*column));
        }
        if let Some(column) = self.known(VALID, taken).first() {
            return Some(SplitColumn::IsValid(*column));
        }
        let others = (0..self.table.width()).filter(|column| !taken.contains(column));
        let by_content: Vec<usize> = others.clone().filter(|c| names_splits(c, 2)).collect();
        match by_content.as_slice() {
            // A class may be called `train`, but then there is no other column for the classes.
            [column] if others.count() > 1 => Some(SplitColumn::Named(*column)),
            _ => None,
        }
    }

    /// A sentence on columns that are called as columns of splits are, but name none, such as the numbers
    /// of a `fold`.
    fn unused_splits(&self, columns: &Columns) -> String {
        let mut taken = vec![columns.file];
        taken.extend(columns.split.map(SplitColumn::place));
        taken.extend(columns.group);
        if let ClassColumn::Named(class) = columns.class {
            taken.push(class);
        }
        let unused: Vec<usize> = match &columns.class {
            ClassColumn::OneHot(flags) => {
                let known = self.known(SPLIT, &taken).into_iter();
                known.filter(|column| !flags.contains(column)).collect()
            }
            ClassColumn::Named(_) => self.known(SPLIT, &taken),
        };
        let Some(first) = unused.first() else {
            return String::new();
        };
        let mut values: Vec<String> = self
            .table
            .values(*first, self.first)
            .into_iter()
            .map(String::from)
            .collect();
        values.sort();
        format!(
            "; {} has no influence on the splits, since its values ({}) do not say what is trained on: \
             write train, val or test",
            self.names(&unused),
            enumerate(&values)
        )
    }

    fn class(&self, taken: &[usize], group: Option<usize>) -> Result<ClassColumn, ColumnProblem> {
        let known = self.known(CLASS, taken);
        let is_named = |column: &&usize| {
            let values = self.table.values(**column, self.first);
            values.iter().any(|value| value.parse::<f64>().is_err())
        };
        let named: Vec<usize> = known.iter().filter(is_named).copied().collect();
        let [column] = (match named.as_slice() {
            [] => known.as_slice(),
            // `label,label_name`: names say more than numbers.
            named => named,
        }) else {
            return match known.is_empty() {
                true => self.unknown_class(taken, group),
                false => Err(self.several(&known)),
            };
        };
        Ok(ClassColumn::Named(*column))
    }

    /// The class columns of a list in which none has a known name.
    fn unknown_class(
        &self,
        taken: &[usize],
        group: Option<usize>,
    ) -> Result<ClassColumn, ColumnProblem> {
        let aside = [self.known(FILE, taken), self.known(SPLIT, taken)].concat();
        let others: Vec<usize> = (0..self.table.width())
            .filter(|c| !taken.contains(c) && Some(*c) != group && !aside.contains(c))
            .collect();
        let is_flag = |column: &&usize| {
            let values = self.table.values(**column, self.first);
            values.iter().all(|value| flag(value).is_some())
        };
        let flags: Vec<usize> = others.iter().filter(is_flag).copied().collect();
        let rows = || self.first..self.table.len();
        if self.first == 1
            && flags.len() > 1
            && (flags == others || rows().all(|row| ones(self.table, row, &flags).len() == 1))
        {
            return Ok(ClassColumn::OneHot(flags));
        }
        match (others.as_slice(), group) {
            ([column], _) => Ok(ClassColumn::Named(*column)),
            // `file,plant`
            ([], Some(column)) => Ok(ClassColumn::Named(column)),
            ([], None) => Err(ColumnProblem::List(
                "it has no column of classes beside that of the files; add one".into(),
            )),
            _ => Err(self.several(&others)),
        }
    }

    fn several(&self, columns: &[usize]) -> ColumnProblem {
        ColumnProblem::Setting(
            "data.label_column",
            format!(
                "the label list has several columns that could be the classes: {}; set it to one \
                 of them",
                self.names(columns)
            ),
        )
    }

    /// The columns as a message names them: by header, or by number.
    fn names(&self, columns: &[usize]) -> String {
        match self.first {
            1 => enumerate(&Vec::from_iter(
                columns.iter().map(|c| self.table.cell(0, *c).to_string()),
            )),
            _ => enumerate(&Vec::from_iter(columns.iter().map(|c| (c + 1).to_string()))),
        }
    }

    fn note(&self, columns: &Columns) -> String {
        let names = |columns: &[usize]| self.names(columns);
        let class = match &columns.class {
            ClassColumn::Named(column) => format!("{} the classes", names(&[*column])),
            ClassColumn::OneHot(columns) => {
                format!("{} are the classes ({})", columns.len(), names(columns))
            }
        };
        let mut note = format!(
            "of the label list's columns, {} names the images, {class}",
            names(&[self.file])
        );
        if let Some(split) = columns.split {
            note.push_str(&format!(", {} the splits", names(&[split.place()])));
        }
        if let Some(group) = columns.group {
            note.push_str(&format!(", {} the groups", names(&[group])));
        }
        note
    }
}

/// The columns among `flags` that are 1 in a row.
pub(super) fn ones(table: &Table, row: usize, flags: &[usize]) -> Vec<usize> {
    let is_one = |column: &&usize| flag(table.cell(row, **column)) == Some(true);
    flags.iter().filter(is_one).copied().collect()
}

/// Whether a cell says yes or no.
pub(super) fn flag(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" => Some(true),
        "0" | "0.0" | "false" => Some(false),
        _ => None,
    }
}

/// How many images a column names, by rows from all parts of the list.
fn images_named(table: &Table, index: &Index, column: usize) -> usize {
    let found: HashSet<usize> = (0..table.len())
        .step_by(table.len().div_ceil(SAMPLE).max(1))
        .filter_map(|row| match index.find(table.cell(row, column)) {
            Lookup::Image(image) => Some(image),
            Lookup::Ambiguous(images) => images.first().copied(),
            Lookup::Missing => None,
        })
        .collect();
    found.len()
}

fn has_extension(cell: &str) -> bool {
    let extension = cell.rsplit_once('.').map_or("", |(_, extension)| extension);
    (1..=8).contains(&extension.len())
        && extension.chars().all(char::is_alphanumeric)
        && extension.chars().any(char::is_alphabetic)
}
