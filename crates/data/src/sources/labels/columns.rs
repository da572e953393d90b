//! Which columns of a label list name files, classes, splits and groups.

use crate::names::enumerate;
use crate::sources::labels::index::{Index, Lookup};
use crate::sources::labels::loose::Loose;
use crate::sources::labels::splits::{self, SplitColumns};
use crate::sources::labels::table::Table;
use crate::sources::labels::words::{CLASS, FILE, FLAGS, GROUP, SPLIT, flag, plain};
use std::collections::HashSet;

/// Number of rows used to find the column of files.
const SAMPLE: usize = 1000;

/// The meaning of a list's columns, by index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// The first row that is not a header.
    pub(super) first: usize,
    pub(super) file: usize,
    pub(super) class: ClassColumn,
    pub(super) split: Option<SplitColumns>,
    pub(super) group: Option<usize>,
    /// A sentence saying which columns are used.
    pub(super) note: String,
}

/// Where the classes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClassColumn {
    /// In one column, by name.
    Named(usize),
    /// One column per class, named in the header, with a 1 for each image of the class.
    OneHot(Vec<usize>),
}

/// Why the columns were not found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ColumnProblem {
    /// A sentence about the list.
    List(String),
    /// The name of a setting, and a sentence about it.
    Setting(&'static str, String),
}

/// What the settings say about the columns.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings<'a> {
    /// The column of the classes.
    pub(super) class: Option<&'a str>,
    /// The column of the groups.
    pub(super) group: Option<&'a str>,
    /// Whether the groups come from a pattern instead.
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
        let aside = [&taken[..], &Vec::from_iter(group)].concat();
        let split = splits::find(table, finder.first, &aside, given.is_some());
        taken.extend(split.iter().flat_map(SplitColumns::places));
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
        let mut used = vec![columns.file];
        used.extend(columns.group);
        match &columns.class {
            ClassColumn::Named(class) => used.push(*class),
            ClassColumn::OneHot(classes) => used.extend(classes),
        }
        columns.note += &splits::unused(table, finder.first, columns.split.as_ref(), &used);
        Ok(columns)
    }
}

impl Columns {
    /// A note on class columns without any image.
    pub(super) fn empty_note(&self, table: &Table) -> Option<String> {
        let ClassColumn::OneHot(classes) = &self.class else {
            return None;
        };
        let is_empty = |column: &usize| !has_one(table, *column, self.first);
        let empty: Vec<usize> = classes.iter().copied().filter(is_empty).collect();
        (!empty.is_empty()).then(|| {
            format!(
                "no row of the label list has a 1 in the {} {}, so {} not used",
                if empty.len() == 1 {
                    "column"
                } else {
                    "columns"
                },
                table.header_names(self.first, &empty),
                if empty.len() == 1 {
                    "it is"
                } else {
                    "they are"
                },
            )
        })
    }
}

/// Whether a column names images, even if none can be told to have their classes.
pub(super) fn names_images(table: &Table, index: &Index) -> bool {
    Finder::new(table, index).is_ok()
}

fn has_one(table: &Table, column: usize, first: usize) -> bool {
    let values = table.values(column, first);
    values.iter().any(|value| flag(value) == Some(true))
}

/// The column with this name, or with this number counted from 1; `None` if there is none.
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
    /// Other columns that name equally many images.
    other_files: Vec<usize>,
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
        let find = |name: &str| match index.find(name) {
            Lookup::Image(image) => Some(image),
            Lookup::Ambiguous(images) => images.first().copied(),
            Lookup::Missing => None,
        };
        let mut counts: Vec<usize> = (0..width).map(|c| images_named(table, c, find)).collect();
        if counts.iter().all(|count| *count == 0) {
            let loose = Loose::new(index);
            let find = |name: &str| loose.find(name);
            counts = (0..width).map(|c| images_named(table, c, find)).collect();
        }
        let usual = |column: &usize| is_known(FILE, *column);
        let other = |column: &usize| ![CLASS, SPLIT, GROUP].iter().any(|n| is_known(n, *column));
        let best = |columns: &dyn Fn(&usize) -> bool| {
            (0..width)
                .filter(columns)
                .filter(|column| counts[*column] > 0)
                // The first of equal columns: max_by_key returns the last.
                .rev()
                .max_by_key(|column| counts[*column])
        };
        let Some(file) = best(&usual).or_else(|| best(&other)) else {
            let row = 1.min(table.len() - 1);
            let cells: Vec<String> = (0..width).map(|c| table.cell(row, c).into()).collect();
            return Err(ColumnProblem::List(format!(
                "none of its columns names images of the data set: line {} has {}, but image names \
                 are like `{}`; give paths relative to the data set's folder",
                table.line(row),
                enumerate(&cells),
                index.path(0)
            )));
        };
        let is_equal = |column: &usize| *column != file && counts[*column] == counts[file];
        let other_files = (0..width).filter(is_equal).collect();
        let cell = table.cell(0, file);
        let is_image = index.find(cell) != Lookup::Missing || has_extension(cell);
        let is_known = (0..width).any(|column| {
            let cell = plain(table.cell(0, column));
            [FILE, CLASS, SPLIT, FLAGS[0], FLAGS[1], FLAGS[2], GROUP]
                .concat()
                .contains(&cell.as_str())
        });
        // A header like `id,sort`, but not `a17,cat` for a missing image above other cats.
        let is_new = (0..width).all(|column| {
            let cell = table.cell(0, column);
            column == file || !cell.is_empty() && !table.values(column, 1).contains(cell)
        });
        let is_header = !is_image && table.len() > 1 && (is_known || is_new);
        Ok(Self {
            table,
            file,
            other_files,
            first: usize::from(is_header),
        })
    }

    fn given(&self, setting: &'static str, name: &str) -> Result<usize, ColumnProblem> {
        let column = column_named(self.table, name);
        let is_equal = |other: &usize| {
            let cell = |column| self.table.cell(0, column);
            column.is_some_and(|column| column != *other && cell(column) == cell(*other))
        };
        let is_number = name.parse::<usize>().is_ok();
        let equal: Vec<usize> = (0..self.table.width()).filter(is_equal).collect();
        if let (Some(column), false, false) = (column, equal.is_empty(), is_number) {
            let all = [&[column], equal.as_slice()].concat();
            let numbers: Vec<String> = all.iter().map(|one| (one + 1).to_string()).collect();
            return Err(ColumnProblem::Setting(
                setting,
                format!(
                    "the label list has {} columns {}; give its number, counted from 1: {}",
                    all.len(),
                    enumerate(&[name.to_string()]),
                    numbers.join(" or ")
                ),
            ));
        }
        column.filter(|column| *column != self.file).ok_or_else(|| {
            let columns: Vec<usize> = (0..self.table.width())
                .filter(|c| *c != self.file)
                .collect();
            ColumnProblem::Setting(
                setting,
                format!(
                    "the label list has no column {} besides that of the files; it has {}",
                    enumerate(&[name.to_string()]),
                    self.names(&columns)
                ),
            )
        })
    }

    /// The columns with one of these names.
    fn known(&self, names: &[&str], taken: &[usize]) -> Vec<usize> {
        self.table.named(self.first, names, taken)
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
            // In `label,label_name` the names are preferred to the numbers.
            named => named,
        }) else {
            return match known.is_empty() {
                true => self.unknown_class(taken, group),
                false => Err(self.several(&known)),
            };
        };
        Ok(ClassColumn::Named(*column))
    }

    /// The class columns of a list in which no column has a known name.
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
            // A blank may stand for 0.
            let values = self.table.values(**column, self.first);
            let mut flags = values.iter().filter(|value| !value.is_empty()).peekable();
            flags.peek().is_some() && flags.all(|value| flag(value).is_some())
        };
        let flags: Vec<usize> = others.iter().filter(is_flag).copied().collect();
        let mut rows = self.first..self.table.len();
        let mut has_one_class = |row| ones(self.table, row, &flags).len() == 1;
        if self.first == 1 && flags.len() > 1 && (flags == others || rows.all(&mut has_one_class)) {
            return Ok(ClassColumn::OneHot(flags));
        }
        match (others.as_slice(), group) {
            ([column], _) => Ok(ClassColumn::Named(*column)),
            // For example `file,plant`.
            ([], Some(column)) => Ok(ClassColumn::Named(column)),
            ([], None) => Err(ColumnProblem::List(
                "it has no class column besides the column of the files; add one".into(),
            )),
            _ => Err(self.several(&others)),
        }
    }

    fn several(&self, columns: &[usize]) -> ColumnProblem {
        ColumnProblem::Setting(
            "data.label_column",
            format!(
                "the label list has several columns that could be the classes: {}; set it to one of them, by \
                 name or counted from 1",
                self.names(columns)
            ),
        )
    }

    /// The columns as named in messages.
    fn names(&self, columns: &[usize]) -> String {
        self.table.header_names(self.first, columns)
    }

    fn note(&self, columns: &Columns) -> String {
        let names = |columns: &[usize]| self.names(columns);
        let class = match &columns.class {
            ClassColumn::Named(column) => format!("classes from {}", names(&[*column])),
            ClassColumn::OneHot(columns) => {
                format!("{} classes from {}", columns.len(), names(columns))
            }
        };
        let mut note = format!("label list: images from {}, {class}", names(&[self.file]));
        let mut used = vec![columns.file];
        used.extend(columns.group);
        match &columns.class {
            ClassColumn::Named(column) => used.push(*column),
            ClassColumn::OneHot(columns) => used.extend(columns),
        }
        let others = self.other_files.iter().copied();
        let others: Vec<usize> = others.filter(|column| !used.contains(column)).collect();
        if !others.is_empty() {
            note.push_str(&format!(
                " ({} also {} images and {} ignored)",
                names(&others),
                if others.len() == 1 { "names" } else { "name" },
                if others.len() == 1 { "is" } else { "are" },
            ));
        }
        if let Some(split) = &columns.split {
            note.push_str(&format!(", splits from {}", names(&split.places())));
        }
        if let Some(group) = columns.group {
            note.push_str(&format!(", groups from {}", names(&[group])));
        }
        note
    }
}

/// The columns among `flags` that are 1 in a row.
pub(super) fn ones(table: &Table, row: usize, flags: &[usize]) -> Vec<usize> {
    let is_one = |column: &&usize| flag(table.cell(row, **column)) == Some(true);
    flags.iter().filter(is_one).copied().collect()
}

/// The number of images that a column names, in a sample of rows from the whole list.
fn images_named(table: &Table, column: usize, find: impl Fn(&str) -> Option<usize>) -> usize {
    let found: HashSet<usize> = (0..table.len())
        .step_by(table.len().div_ceil(SAMPLE).max(1))
        .filter_map(|row| find(table.cell(row, column)))
        .collect();
    found.len()
}

fn has_extension(cell: &str) -> bool {
    let extension = cell.rsplit_once('.').map_or("", |(_, extension)| extension);
    (1..=8).contains(&extension.len())
        && extension.chars().all(char::is_alphanumeric)
        && extension.chars().any(char::is_alphabetic)
}
