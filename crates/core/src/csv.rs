//! Tables as text: [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) CSV, read with any delimiter.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The text of all cells, concatenated.
    text: String,
    /// The end of each cell in `text`.
    ends: Vec<usize>,
    /// The line on which it begins, counted from 1.
    pub line: u64,
}

impl Row {
    /// A cell; empty if the row has fewer.
    pub fn cell(&self, column: usize) -> &str {
        let start = column
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let end = self.ends.get(column).copied().unwrap_or(0);
        let start = start.copied().unwrap_or(0);
        self.text.get(start..end).unwrap_or("")
    }

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.ends.len()
    }
}

/// An iterator over the non-empty rows of a text.
#[derive(Debug)]
pub struct Rows<'a> {
    reader: Reader,
    bytes: &'a [u8],
    /// How many bytes of the text have been read.
    read: usize,
    /// The current line, counted from 1.
    line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Rows<'a> {
    /// The rows of `text`, with cells separated by `delimiter`.
    pub fn new(text: &'a str, delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            bytes: text.as_bytes(),
            read: 0,
            line: 1,
            text: vec![0; 1024],
            ends: vec![0; 16],
        }
    }

    /// Advances in the text and counts the line ends passed: `
    /// `, `\r
    /// ` or `\r`.
    fn advance(&mut self, bytes: usize) {
        for at in self.read..self.read + bytes {
            let is_end = match self.bytes[at] {
                b'\n' => true,
                b'\r' => self.bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(is_end);
        }
        self.read += bytes;
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while let Some(b'\n' | b'\r') = self.bytes.get(self.read) {
            self.advance(1);
        }
        let line = self.line;
        let (mut bytes, mut cells) = (0, 0);
        loop {
            let (result, read, written, ended) = self.reader.read_record(
                &self.bytes[self.read..],
                &mut self.text[bytes..],
                &mut self.ends[cells..],
            );
            self.advance(read);
            bytes += written;
            cells += ended;
            match result {
                // There is nothing left to read: the next call ends the last row.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(2 * self.text.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::End => return None,
                ReadRecordResult::Record => {
                    return Some(Row {
                        text: String::from_utf8_lossy(&self.text[..bytes]).into_owned(),
                        ends: self.ends[..cells].to_vec(),
                        line,
                    });
                }
            }
        }
    }
}

/// Appends a row to a table, with quotation marks where a cell needs them. Cells are written byte for byte, so
/// paths need not be UTF-8.
pub fn push_row<T: AsRef<[u8]>>(table: &mut Vec<u8>, cells: impl IntoIterator<Item = T>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            table.push(b',');
        }
        let cell = cell.as_ref();
        let is_special = |byte: &u8| b",\"\r\n".contains(byte);
        let has_blank_end = cell.trim_ascii() != cell;
        if !has_blank_end && !cell.iter().any(is_special) {
            table.extend(cell);
            continue;
        }
        table.push(b'"');
        for byte in cell {
            if *byte == b'"' {
                table.push(b'"');
            }
            table.push(*byte);
        }
        table.push(b'"');
    }
    table.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_back_whatever_its_cells_hold() {
        let rows = [
            ["split", "class", "path"],
            ["train", "a, \"quoted\"\nclass", "b;\t,\r\n.png"],
            ["", " blanks ", "'"],
        ];
        let mut table = Vec::new();
        for row in rows {
            push_row(&mut table, row);
        }
        let table = String::from_utf8(table).unwrap();
        let read: Vec<Row> = Rows::new(&table, b',').collect();
        for (row, expected) in read.iter().zip(rows) {
            assert_eq!(row.cells(), 3);
            assert_eq!([0, 1, 2].map(|column| row.cell(column)), expected);
        }
        let lines: Vec<u64> = read.iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 2, 5]);
    }

    #[test]
    fn a_long_row_is_read_whole() {
        let long = "x".repeat(5_000);
        let mut table = Vec::new();
        push_row(&mut table, std::iter::repeat_n(long.as_str(), 40));
        let table = String::from_utf8(table).unwrap();
        let rows: Vec<Row> = Rows::new(&table, b',').collect();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].cells(), rows[0].cell(39)), (40, long.as_str()));
    }
}
