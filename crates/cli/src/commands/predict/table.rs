//! Predictions as a table in a CSV file.

use crate::error::CliError;
use receptive_core::csv;
use receptive_core::file::read_head;
use receptive_core::text::{Printable, printable_lines};
use receptive_data::Role;
use receptive_inspect::Prediction;
use receptive_model::store::write_file;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What a table's first line begins and ends with.
const TITLES: [&[u8]; 2] = [b"path,class,probability", b",split,error"];

/// The bytes of a file that are read to know its first line.
const HEAD_BYTES: usize = 1 << 16;

/// Whether a file that begins so is a table of predictions.
fn is_table(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(TITLES[0]) && line.ends_with(TITLES[1])
}

/// The path for standard output.
const STDOUT: &str = "-";

/// The rows of a CSV file, which is written atomically once all are known.
pub(super) struct CsvTable {
    file: PathBuf,
    rows: Vec<Row>,
}

struct Row {
    path: PathBuf,
    answer: Result<Vec<Prediction>, String>,
    /// The run's use of an image with the same content.
    split: Option<Role>,
}

impl CsvTable {
    /// # Errors
    /// If the file cannot be written; checked before hours of prediction.
    pub(super) fn new(file: &Path) -> Result<Self, CliError> {
        if file.as_os_str() == STDOUT {
            return Ok(Self {
                file: file.into(),
                rows: Vec::new(),
            });
        }
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
        if file.exists() && !read_head(file, HEAD_BYTES).is_ok_and(|head| is_table(&head)) {
            return Err(CliError::argument(
                "--csv",
                format!(
                    "{} is not a table of predictions and would be overwritten; choose another \
                     name",
                    file.printable()
                ),
            ));
        }
        Ok(Self {
            file: file.into(),
            rows: Vec::new(),
        })
    }

    pub(super) fn answer(&mut self, path: &Path, top: Vec<Prediction>, split: Option<Role>) {
        self.rows.push(Row {
            path: path.into(),
            answer: Ok(top),
            split,
        });
    }

    pub(super) fn failure(&mut self, path: &Path, error: String) {
        self.rows.push(Row {
            path: path.into(),
            answer: Err(error),
            split: None,
        });
    }

    /// Writes the table with `top` classes per row; returns its path and number of images, unless
    /// it was standard output.
    pub(super) fn write(self, top: usize) -> Result<Option<(PathBuf, usize)>, CliError> {
        let images = self.rows.len();
        let bytes = bytes(&self.rows, top);
        if self.file.as_os_str() == STDOUT {
            let mut out = std::io::stdout().lock();
            match out.is_terminal() {
                // Names may hold what a terminal takes for commands.
                true => {
                    out.write_all(printable_lines(&String::from_utf8_lossy(&bytes)).as_bytes())?
                }
                false => out.write_all(&bytes)?,
            }
            out.flush()?;
            return Ok(None);
        }
        write_file(&self.file, &bytes)?;
        Ok(Some((self.file, images)))
    }
}

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
    head.extend(["split".into(), "error".into()]);
    let mut table = Vec::new();
    csv::push_row(&mut table, &head);
    for Row {
        path,
        answer,
        split,
    } in rows
    {
        let (answers, error) = match answer {
            Ok(answers) => (answers.as_slice(), ""),
            Err(error) => (&[][..], error.as_str()),
        };
        // As in JSON: a table is text, though a name of a file need not be.
        let mut cells = vec![path.to_string_lossy().into_owned().into_bytes()];
        for rank in 0..top {
            let (class, probability) = answers.get(rank).map_or_else(Default::default, |one| {
                (one.class.clone(), one.probability.to_string())
            });
            cells.extend([class.into_bytes(), probability.into_bytes()]);
        }
        cells.extend([split.map_or("", Role::name), error].map(|cell| cell.as_bytes().to_vec()));
        csv::push_row(&mut table, cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_leaves_the_table_text() {
        use std::os::unix::ffi::OsStrExt;
        let row = Row {
            path: std::ffi::OsStr::from_bytes(b"\xff.png").into(),
            answer: Ok(Vec::new()),
            split: None,
        };
        let text = String::from_utf8(bytes(&[row], 0)).unwrap();
        assert_eq!(text, "path,split,error\n\u{fffd}.png,,\n");
    }

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
                split: Some(Role::Train),
            },
            Row {
                path: "c.png".into(),
                answer: Err("it is damaged".into()),
                split: None,
            },
        ];
        let text = String::from_utf8(bytes(&rows, 2)).unwrap();
        assert_eq!(
            text,
            "path,class,probability,class_2,probability_2,split,error\n\
             \"a, \"\"b\"\"\n.png\",\"cat, big\",0.75,dog,0.125,train,\n\
             c.png,,,,,,it is damaged\n"
        );
    }
}
