//! Predictions as a table in a CSV file.

use crate::error::CliError;
use receptive_core::text::Printable;
use receptive_inspect::Prediction;
use receptive_model::store::write_file;
use std::path::{Path, PathBuf};

/// The rows of a CSV file, which is written once all are known: whole or not at all.
pub(super) struct CsvTable {
    file: PathBuf,
    rows: Vec<Row>,
}

struct Row {
    path: PathBuf,
    answer: Result<Vec<Prediction>, String>,
}

impl CsvTable {
    /// # Errors
    /// If nothing can be written there, which is better known before hours of prediction.
    pub(super) fn new(file: &Path) -> Result<Self, CliError> {
        let parent = file.parent().filter(|parent| *parent != Path::new(""));
        if file.is_dir() || parent.is_some_and(|parent| !parent.is_dir()) {
            return Err(CliError::argument(
                "--csv",
                format!(
                    "{} cannot be written: expected a file in a directory that exists",
                    file.printable()
                ),
            ));
        }
        Ok(Self {
            file: file.into(),
            rows: Vec::new(),
        })
    }

    pub(super) fn answer(&mut self, path: &Path, top: Vec<Prediction>) {
        let (path, answer) = (path.into(), Ok(top));
        self.rows.push(Row { path, answer });
    }

    pub(super) fn failure(&mut self, path: &Path, error: String) {
        let (path, answer) = (path.into(), Err(error));
        self.rows.push(Row { path, answer });
    }

    /// Writes the table with `top` classes in a row; returns where, and how many images it has.
    pub(super) fn write(self, top: usize) -> Result<(PathBuf, usize), CliError> {
        let images = self.rows.len();
        write_file(&self.file, &bytes(&self.rows, top))?;
        Ok((self.file, images))
    }
}

/// Paths are written byte for byte, also those that are not UTF-8.
fn bytes(rows: &[Row], top: usize) -> Vec<u8> {
    let mut head = vec!["path".to_owned()];
    for rank in 1..=top {
        let suffix = if rank == 1 {
            String::new()
        } else {
            format!("_{rank}")
        };
        head.extend([format!("class{suffix}"), format!("probability{suffix}")]);
    }
    head.push("error".into());
    let mut bytes = head.join(",").into_bytes();
    bytes.push(b'\n');
    for Row { path, answer } in rows {
        cell(&mut bytes, path.as_os_str().as_encoded_bytes());
        let (answers, error) = match answer {
            Ok(answers) => (answers.as_slice(), ""),
            Err(error) => (&[][..], error.as_str()),
        };
        for rank in 0..top {
            let (class, probability) = answers.get(rank).map_or_else(Default::default, |one| {
                (one.class.as_str(), one.probability.to_string())
            });
            for value in [class, &probability] {
                bytes.push(b',');
                cell(&mut bytes, value.as_bytes());
            }
        }
        bytes.push(b',');
        cell(&mut bytes, error.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// A value as RFC 4180 has it: in quotes where it needs them.
fn cell(row: &mut Vec<u8>, value: &[u8]) {
    if !value.iter().any(|byte| b",\"\r\n".contains(byte)) {
        row.extend(value);
        return;
    }
    row.push(b'"');
    for byte in value {
        if *byte == b'"' {
            row.push(b'"');
        }
        row.push(*byte);
    }
    row.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_every_row_has_every_column() {
        let one = |class: &str, probability| Prediction {
            class: class.into(),
            probability,
        };
        let rows = [
            Row {
                path: "a, \"b\"\n.png".into(),
                answer: Ok(vec![one("cat, big", 0.75), one("dog", 0.125)]),
            },
            Row {
                path: "c.png".into(),
                answer: Err("it is damaged".into()),
            },
        ];
        let text = String::from_utf8(bytes(&rows, 2)).unwrap();
        assert_eq!(
            text,
            "path,class,probability,class_2,probability_2,error\n\
             \"a, \"\"b\"\"\n.png\",\"cat, big\",0.75,dog,0.125,\n\
             c.png,,,,,it is damaged\n"
        );
    }
}
