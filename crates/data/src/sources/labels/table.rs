//! A label list as rows of cells: encoding, delimiter and quotation marks.

use crate::names::enumerate;
use crate::sources::labels::words::plain;
use receptive_core::csv::{Row, Rows};
use std::borrow::Cow;
use std::collections::HashSet;

/// Possible delimiters, the most common first. A blank is tried last, because names of files and classes may
/// contain one.
const DELIMITERS: [u8; 3] = *b",\t;";
/// Number of rows used to detect the delimiter.
const SAMPLE: usize = 100;

/// The non-blank rows of a label list, including the header.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Parses a file. The error is a sentence about it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(b"PK\x03\x04") {
            return Err(
                "it is an Excel workbook or another zip archive, not text; save the table as CSV"
                    .into(),
            );
        }
        let text = decode(bytes)?;
        let prologue = Prologue::of(&text);
        let text = prologue.blanked(&text);
        let delimiter = prologue.delimiter.unwrap_or_else(|| delimiter_of(&text));
        let mut rows = Vec::new();
        for row in Rows::new(&text, delimiter) {
            if filled(&row) > 0 {
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return Err("it is empty; write one line per image: its file and its class".into());
        }
        let table = Self { rows };
        table.check_widths()?;
        Ok(table)
    }

    /// Why a table that this program writes is not a list of labels.
    pub(super) fn check_is_not_own(&self) -> Result<(), String> {
        let begins = |titles: &[&str]| {
            let mut columns = titles.iter().enumerate();
            columns.all(|(column, title)| self.cell(0, column) == *title)
        };
        if begins(&["path", "class", "probability"]) {
            return Err(
                "it is a table of predictions, whose classes are a model's, not labels; to use them nevertheless, \
                 delete its columns of probabilities"
                    .into(),
            );
        }
        if begins(&["split", "class", "path", "sha256"]) {
            return Err(
                "it is the split of a run, not a label list; the run's data and its own label list have the labels"
                    .into(),
            );
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of columns: that of the first row, unless it consists only of a file and an empty class cell.
    pub(super) fn width(&self) -> usize {
        let Some(first) = self.rows.first() else {
            return 0;
        };
        match filled(first) {
            1 => {
                let most = self.rows.iter().map(filled).max();
                most.unwrap_or(1).min(first.cells())
            }
            width => width,
        }
    }

    /// A cell without surrounding blanks and quotation marks; empty if the row has fewer cells.
    pub(super) fn cell(&self, row: usize, column: usize) -> &str {
        let cell = self.rows.get(row).map_or("", |row| row.cell(column).trim());
        // The CSV reader does not recognise quotation marks after a blank (`a.png, "cat"`).
        let inner = cell
            .strip_prefix('"')
            .and_then(|cell| cell.strip_suffix('"'));
        inner.map_or(cell, str::trim)
    }

    /// The line number of a row, from 1.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(0, |row| row.line)
    }

    /// The distinct values of a column, from a row on.
    pub(super) fn values(&self, column: usize, from: usize) -> HashSet<&str> {
        (from..self.len())
            .map(|row| self.cell(row, column))
            .collect()
    }

    /// Rejects rows that are longer than the table: a name contains the delimiter, so the cells are shifted.
    fn check_widths(&self) -> Result<(), String> {
        let width = self.width();
        match (0..self.len()).find(|row| filled(&self.rows[*row]) > width) {
            Some(row) => Err(format!(
                "line {} has {} columns, but line {} has {width}; put a name that contains the \
                 delimiter in quotation marks",
                self.line(row),
                filled(&self.rows[row]),
                self.line(0)
            )),
            None => Ok(()),
        }
    }

    /// The columns with one of these names, except the taken ones; empty without a header. `first` is the first
    /// row after the header.
    pub(super) fn named(&self, first: usize, names: &[&str], taken: &[usize]) -> Vec<usize> {
        let is_known =
            |column: &usize| first == 1 && names.contains(&plain(self.cell(0, *column)).as_str());
        (0..self.width())
            .filter(|column| !taken.contains(column) && is_known(column))
            .collect()
    }

    /// The columns as named in messages: by header, or by number.
    pub(super) fn header_names(&self, first: usize, columns: &[usize]) -> String {
        let name = |column: &usize| match first {
            1 => self.cell(0, *column).to_string(),
            _ => (column + 1).to_string(),
        };
        enumerate(&Vec::from_iter(columns.iter().map(name)))
    }
}

/// The number of cells without trailing empty ones.
fn filled(row: &Row) -> usize {
    let last = (0..row.cells()).rposition(|column| !row.cell(column).trim().is_empty());
    last.map_or(0, |last| last + 1)
}

/// The delimiter that splits the first rows into the most columns.
fn delimiter_of(text: &str) -> u8 {
    let columns = |delimiter: u8| {
        let rows = Rows::new(text, delimiter).take(SAMPLE);
        rows.map(|row| row.cells()).min()
    };
    let mut best = (1, DELIMITERS[0]);
    for delimiter in DELIMITERS {
        let columns = columns(delimiter).unwrap_or(0);
        if columns > best.0 {
            best = (columns, delimiter);
        }
    }
    match best.0 {
        1 if columns(b' ') > Some(1) => b' ',
        _ => best.1,
    }
}

/// Lines before the table: `sep=;`, which tells Excel the delimiter, and comments (`# made by ...`).
struct Prologue {
    bytes: usize,
    lines: usize,
    delimiter: Option<u8>,
}

impl Prologue {
    fn of(text: &str) -> Self {
        let mut prologue = Self {
            bytes: 0,
            lines: 0,
            delimiter: None,
        };
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\r', '\n']);
            let named = content.trim_matches('"').to_lowercase();
            match named.strip_prefix("sep=").map(str::as_bytes) {
                Some([delimiter]) if delimiter.is_ascii_punctuation() || *delimiter == b'\t' => {
                    prologue.delimiter = Some(*delimiter);
                }
                _ if is_comment(content, &text[prologue.bytes..]) => {}
                _ => break,
            }
            prologue.bytes += line.len();
            prologue.lines += 1;
        }
        prologue
    }

    /// The text with these lines blanked, so that line numbers stay the same.
    fn blanked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.lines {
            0 => text.into(),
            lines => ("\n".repeat(lines) + &text[self.bytes..]).into(),
        }
    }
}

/// Whether a line is a comment rather than a header like `#file,class`, which has as many columns as the table
/// that follows. `text` begins with the line.
fn is_comment(line: &str, text: &str) -> bool {
    if !line.starts_with('#') || line.starts_with("# ") {
        return line.starts_with("# ");
    }
    let lines = text.split_inclusive('\n');
    let comments: usize = lines
        .take_while(|one| one.starts_with('#'))
        .map(str::len)
        .sum();
    let table = &text[comments..];
    let delimiter = delimiter_of(table);
    let columns = |text: &str| {
        Rows::new(text, delimiter)
            .next()
            .map_or(0, |row| row.cells())
    };
    columns(line) < columns(table)
}

/// Decodes UTF-8, or UTF-16 with a byte order mark, as spreadsheets write it.
fn decode(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        String::from_utf16(&units.collect::<Vec<_>>())
            .map_err(|_| "it is not valid UTF-16; save it as UTF-8".to_string())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not UTF-8; save the list as UTF-8 (in Excel: CSV UTF-8)")
    })?;
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(bytes: impl AsRef<[u8]>) -> Vec<Vec<String>> {
        let table = Table::parse(bytes.as_ref()).unwrap();
        let row = |row| (0..table.width()).map(move |column| (row, column));
        (0..table.len())
            .map(|r| row(r).map(|(r, c)| table.cell(r, c).to_string()).collect())
            .collect()
    }

    #[test]
    fn every_way_in_which_a_spreadsheet_saves_a_list_gives_the_same_cells() {
        let expected = [
            ["file", "class"],
            ["a b.png", "snowy owl"],
            ["c.png", "cat"],
        ];
        let text = "file,class\na b.png,snowy owl\nc.png,cat\n";
        let utf16: Vec<u8> = std::iter::once(0xfeff)
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(cells(utf16), expected);
        for text in [
            text.to_string(),
            format!("\u{feff}{text}"),
            text.replace('\n', "\r\n"),
            text.replace('\n', "\r"),
            text.replace(',', ";"),
            text.replace(',', "\t"),
            text.replace(',', " , "),
            text.replace('\n', "\n\n"),
            text.replace('\n', ",\n"),
            "\"file\",\"class\"\n\"a b.png\",\"snowy owl\"\nc.png, \"cat\"".to_string(),
        ] {
            assert_eq!(cells(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_delimiter_within_quotation_marks_is_part_of_the_name() {
        let rows = cells("a.png,\"owl, snowy\"\nb.png,\"the \"\"cat\"\"\"\n");
        assert_eq!(rows, [["a.png", "owl, snowy"], ["b.png", "the \"cat\""]]);
        // Decimal commas, as in many European countries.
        let rows = cells("a.png;0,5;cat\nb.png;1,5;dog\n");
        assert_eq!(rows, [["a.png", "0,5", "cat"], ["b.png", "1,5", "dog"]]);
    }

    #[test]
    fn a_first_row_without_its_class_does_not_hide_the_column() {
        let rows = cells("a.png,\nb.png,cat\n");
        assert_eq!(rows, [["a.png", ""], ["b.png", "cat"]]);
        // A delimiter at the end of every line does not start a column.
        assert_eq!(cells("a.png,cat,\nb.png,dog,\n")[0].len(), 2);
    }

    #[test]
    fn blanks_separate_where_nothing_else_does() {
        assert_eq!(
            cells("a.png 3\nb.png 4\n"),
            [["a.png", "3"], ["b.png", "4"]]
        );
    }

    #[test]
    fn a_delimiter_that_is_named_and_comments_before_the_header_are_no_rows() {
        let expected = [["file", "class"], ["a,1.png", "cat"]];
        for text in [
            "sep=;\r\nfile;class\r\na,1.png;cat\r\n",
            "\"SEP=|\"\nfile|class\na,1.png|cat\n",
            "# by a tool, 2024\n# second\nfile;class\na,1.png;cat\n",
        ] {
            assert_eq!(cells(text), expected, "{text}");
        }
        // A file name, and a header, that begin with a hash.
        assert_eq!(cells("#1.png,cat\n"), [["#1.png", "cat"]]);
        let table = Table::parse(b"# one\nsep=,\nfile,class\n").unwrap();
        assert_eq!(table.line(0), 3);
    }

    #[test]
    fn what_is_no_list_is_rejected_with_the_line() {
        let problem = |bytes: &[u8]| Table::parse(bytes).unwrap_err();
        assert!(problem(b" \n,\n").contains("empty"));
        assert!(problem(b"PK\x03\x04...").contains("save the table as CSV"));
        assert!(problem(b"a.png,cat\nb.png,\xb0\xed\n").contains("line 2 is not UTF-8"));
        let problem = problem(b"file,class\n\na.png,cat\nb.png,owl, snowy\n");
        assert!(
            problem.contains("line 4 has 3 columns, but line 1 has 2"),
            "{problem}"
        );
    }
}
