//! The columns of a label list that define splits.

use crate::names::enumerate;
use crate::sources::labels::table::Table;
use crate::sources::labels::words::{CLASS, FLAGS, PLAIN_FLAGS, SPLIT, flag, plain};
use crate::sources::split_names::split_named;

/// Where the splits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SplitColumns {
    /// In one column: `train`, `val` or `test`.
    Named(usize),
    /// Separate columns for training, validation and test images, of which at least one exists, with true or 1
    /// for the images of the split.
    Flags([Option<usize>; 3]),
}

impl SplitColumns {
    pub(super) fn places(&self) -> Vec<usize> {
        match self {
            Self::Named(column) => vec![*column],
            Self::Flags(columns) => columns.iter().flatten().copied().collect(),
        }
    }

    /// The split of a row's image, 0 for training, 1 for validation, 2 for test; `None` if the row names none
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
        // With `is_test` alone, all other images are training images; with `is_train` alone, test images.
        chosen.or_else(|| {
            [0, 2, 1]
                .into_iter()
                .find(|split| columns[*split].is_none())
        })
    }
}

/// The split named by a cell, including the names used in competitions.
fn split_of(cell: &str) -> Option<usize> {
    split_named(cell.as_ref()).or_else(|| match plain(cell).as_str() {
        "publictest" => Some(1),
        "privatetest" => Some(2),
        _ => None,
    })
}

/// Finds the columns of the splits. `first` is the first row after the header; `taken` are the columns with a
/// known meaning; `has_class` tells whether the classes are among them.
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
    // Folds and sets may be numbered, which does not tell what to train on.
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
        // A class may be named `train`, but only if there is no other column for the classes.
        [column] if others.count() > 1 => Some(SplitColumns::Named(*column)),
        _ => None,
    }
}

/// The columns that mark the images of a split.
fn flags(table: &Table, first: usize, taken: &[usize], has_class: bool) -> [Option<usize>; 3] {
    let is_flag = |column: &usize| {
        let values = table.values(*column, first);
        values.iter().all(|value| flag(value).is_some())
    };
    let of =
        |names: &[&[&str]; 3]| names.map(|names| table.named(first, names, taken).first().copied());
    let certain = of(&FLAGS);
    // Columns named only `train` and `test` may also be classes, if each class has a column.
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

/// A note on columns that have names of split columns but are not used as such, for example the numbers of a
/// `fold`; `taken` are the columns with another meaning.
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
