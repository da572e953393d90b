//! The columns of a label list that say which split an image is in.

use crate::names::enumerate;
use crate::sources::labels::table::Table;
use crate::sources::labels::words::{CLASS, FLAGS, PLAIN_FLAGS, SPLIT, flag, plain};
use crate::sources::split_names::split_named;

/// Where the splits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SplitColumns {
    /// In one column: `train`, `val` or `test`.
    Named(usize),
    /// A column for training, validation and test images each, of which one at least is there: true or 1
    /// for its images.
    Flags([Option<usize>; 3]),
}

impl SplitColumns {
    pub(super) fn places(&self) -> Vec<usize> {
        match self {
            Self::Named(column) => vec![*column],
            Self::Flags(columns) => columns.iter().flatten().copied().collect(),
        }
    }

    /// The split of a row's image: training, validation or test, 0, 1 or 2. `None` if the row gives none,
    /// or several.
    pub(super) fn of_row(&self, table: &Table, row: usize) -> Option<usize> {
        let columns = match self {
            Self::Named(column) => return split_of(table.cell(row, *column)),
            Self::Flags(columns) => columns,
        };
        let mut chosen = None;
        for (split, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if flag(table.cell(row, *column))? && chosen.replace(split).is_some() {
                return None;
            }
        }
        // `is_test` says which are tested, the others are trained on; `is_train` says the opposite.
        chosen.or_else(|| {
            [0, 2, 1]
                .into_iter()
                .find(|split| columns[*split].is_none())
        })
    }
}

/// The split that a cell names, also as lists of competitions do.
fn split_of(cell: &str) -> Option<usize> {
    split_named(cell.as_ref()).or_else(|| match plain(cell).as_str() {
        "publictest" => Some(1),
        "privatetest" => Some(2),
        _ => None,
    })
}

/// Finds the columns of the splits. `first` is the first row after the header; `taken` are the
/// columns whose meaning is known; `has_class` says whether one of these are the classes.
pub(super) fn find(
    table: &Table,
    first: usize,
    taken: &[usize],
    has_class: bool,
) -> Option<SplitColumns> {
    let names_splits = |column: &usize, least: usize| {
        let values = table.values(*column, first);
        let filled = values.iter().filter(|value| !value.is_empty());
        let splits = values.iter().filter(|value| split_of(value).is_some());
        let splits = splits.count();
        splits >= least && splits == filled.count()
    };
    let known = table.named(first, SPLIT, taken);
    // Folds and sets may be numbered, which says nothing about what is trained on.
    let strict = |column: &&usize| plain(table.cell(0, **column)) == "split";
    let named = known.iter().find(|column| names_splits(column, 1));
    if let Some(column) = named.or_else(|| known.iter().find(strict)) {
        return Some(SplitColumns::Named(*column));
    }
    let flags = flags(table, first, taken, has_class);
    if flags.iter().any(Option::is_some) {
        return Some(SplitColumns::Flags(flags));
    }
    let others = (0..table.width()).filter(|column| !taken.contains(column));
    let by_content: Vec<usize> = others.clone().filter(|c| names_splits(c, 2)).collect();
    match by_content.as_slice() {
        // A class may be called `train`, but then there is no other column for the classes.
        [column] if others.count() > 1 => Some(SplitColumns::Named(*column)),
        _ => None,
    }
}

/// The columns that are true for the images of a split.
fn flags(table: &Table, first: usize, taken: &[usize], has_class: bool) -> [Option<usize>; 3] {
    let is_flag = |column: &usize| {
        let values = table.values(*column, first);
        values.iter().all(|value| flag(value).is_some())
    };
    let of =
        |names: &[&[&str]; 3]| names.map(|names| table.named(first, names, taken).first().copied());
    let certain = of(&FLAGS);
    // `train` and `test` alone may also be classes, of which each has a column of its own.
    let plain = of(&PLAIN_FLAGS).map(|column| column.filter(is_flag));
    let found: Vec<usize> = plain.iter().flatten().copied().collect();
    let others: Vec<usize> = (0..table.width())
        .filter(|column| !taken.contains(column) && !found.contains(column))
        .collect();
    let is_one_hot = |columns: &[usize]| {
        let is_one = |row: usize, column: usize| flag(table.cell(row, column)) == Some(true);
        (first..table.len()).all(|row| {
            columns
                .iter()
                .filter(|column| is_one(row, **column))
                .count()
                == 1
        })
    };
    let classes: Vec<usize> = others.iter().copied().filter(is_flag).collect();
    let with_plain = [&classes[..], &found].concat();
    let has_class = has_class || !table.named(first, CLASS, taken).is_empty();
    let are_splits = has_class
        || classes.len() > 1 && is_one_hot(&classes)
        || classes.len() < others.len() && (classes.is_empty() || !is_one_hot(&with_plain));
    let mut columns = certain;
    for (column, plain) in columns.iter_mut().zip(plain) {
        *column = column.or(plain.filter(|_| are_splits));
    }
    columns
}

/// A sentence on columns that are called as columns of splits are, but are not used as these, such as the
/// numbers of a `fold`; `taken` are those of another meaning.
pub(super) fn unused(
    table: &Table,
    first: usize,
    split: Option<&SplitColumns>,
    taken: &[usize],
) -> String {
    let mut taken = taken.to_vec();
    taken.extend(split.iter().flat_map(|split| split.places()));
    let names = [SPLIT, FLAGS[0], FLAGS[1], FLAGS[2]].concat();
    let unused = table.named(first, &names, &taken);
    let Some(column) = unused.first() else {
        return String::new();
    };
    let unused = table.header_names(first, &unused);
    if let Some(split) = split {
        let used = table.header_names(first, &split.places());
        return format!("; {unused} is ignored, since {used} gives the splits");
    }
    let mut values: Vec<String> = table
        .values(*column, first)
        .into_iter()
        .map(String::from)
        .collect();
    values.sort();
    format!(
        "; {unused} is ignored, since its values ({}) are not splits: write train, val or test",
        enumerate(&values)
    )
}
