//! Predictions as a CSV table.

use crate::error::CliError;
use receptive_core::csv::{self, Rows};
use receptive_core::file::read_capped;
use receptive_core::text::{Printable, printable_lines};
use receptive_data::Role;
use receptive_inspect::Prediction;
use receptive_model::store::write_file;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Maximum size in bytes of a table that is replaced.
const MAX_TABLE_BYTES: u64 = 1 << 30;

/// Whether every row of a file is a row of predictions; otherwise somebody has added to it.
fn is_table(file: &[u8]) -> bool {
    let text = String::from_utf8_lossy(file);
    let mut rows = Rows::new(&text, b',');
    let Some(head) = rows.next() else {
        return false;
    };
    let top = head.cells().saturating_sub(3) / 2;
    let is_head = (0..head.cells())
        .map(|column| head.cell(column))
        .eq(titles(top).iter().map(String::as_str));
    is_head && rows.all(|row| is_own_row(&row, top))
}

/// Whether a row has predictions with probabilities, or the reason why there are none.
fn is_own_row(row: &csv::Row, top: usize) -> bool {
    let [split, error] = [1 + 2 * top, 2 + 2 * top].map(|column| row.cell(column));
    let mut is_past = false;
    let are_classes = (0..top).all(|rank| {
        let [class, probability] = [1, 2].map(|column| row.cell(2 * rank + column));
        is_past |= class.is_empty() && probability.is_empty();
        is_past
            || probability
                .parse()
                .is_ok_and(|p: f32| (0.0..=1.0).contains(&p))
    });
    let is_answered = !row.cell(1).is_empty() || !error.is_empty() || top == 0;
    let is_split = split.is_empty() || Role::named(split).is_some();
    row.cells() == 3 + 2 * top && are_classes && is_answered && is_split
}

/// The path that stands for standard output.
const STDOUT: &str = "-";

/// The rows of a CSV file, which is written atomically at the end.
pub(super) struct CsvTable {
    file: PathBuf,
    rows: Vec<Row>,
}

struct Row {
    path: PathBuf,
    answer: Result<Vec<Prediction>, String>,
    /// What the run used an image with the same content for.
    split: Option<Role>,
}

impl CsvTable {
    /// # Errors
    /// The file cannot be written; checked before what may be hours of prediction.
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
        let has_content = file
            .metadata()
            .is_ok_and(|data| data.is_file() && data.len() > 0);
        if has_content && !read_capped(file, MAX_TABLE_BYTES).is_ok_and(|table| is_table(&table)) {
            return Err(CliError::argument(
                "--csv",
                format!(
                    "{} is not a table of predictions as receptive writes it, and would be overwritten; choose \
                     another name",
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

    /// Writes the table with `top` classes per row; returns its path and number of images, or `None` for
    /// standard output.
    pub(super) fn write(self, top: usize) -> Result<Option<(PathBuf, usize)>, CliError> {
        let images = self.rows.len();
        let bytes = bytes(&self.rows, top);
        if self.file.as_os_str() == STDOUT {
            let mut out = std::io::stdout().lock();
            match out.is_terminal() {
                // Names may contain terminal escape sequences.
                true => {
                    out.write_all(printable_lines(&String::from_utf8_lossy(&bytes)).as_bytes())?
                }
                false => out.write_all(&bytes)?,
            }
            out.flush()?;
            return Ok(None);
        }
        match self.file.exists() && !self.file.is_file() {
            // A pipe or a device cannot be replaced.
            true => {
                std::fs::write(&self.file, &bytes).map_err(CliError::io(&self.file, "write"))?
            }
            false => write_file(&self.file, &bytes)?,
        }
        Ok(Some((self.file, images)))
    }
}

/// The column names.
fn titles(top: usize) -> Vec<String> {
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
    head
}

fn bytes(rows: &[Row], top: usize) -> Vec<u8> {
    let mut table = Vec::new();
    csv::push_row(&mut table, titles(top));
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
        // As in JSON, names are converted to valid text.
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
        assert!(is_table(text.as_bytes()));
        for edited in [
            text.clone() + "checked by me,,,,,,\n",
            text.replace("it is damaged", "it is damaged,mine"),
            text.replace("0.125", "sure"),
            text.replace("train", "mine"),
            text.replace("split", "checked"),
            String::new(),
        ] {
            assert!(!is_table(edited.as_bytes()), "{edited}");
        }
    }
}
