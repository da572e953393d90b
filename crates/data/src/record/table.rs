//! The record as a table: written to a run directory and read back.

use super::{Member, Role, SplitRecord};
use crate::error::DataError;
use crate::image::equal::{ImageIdentity, PixelHash};
use receptive_core::csv;
use receptive_core::hash::ContentHash;
use receptive_core::text::Printable;

/// Runs of earlier versions lack the last.
const COLUMNS: [&str; 6] = ["split", "class", "path", "sha256", "group", "pixels"];
/// The columns that every version has.
const NEEDED: usize = 5;
/// Marks the last row, which has the number of preceding rows and their hash.
const END: &str = "end";

impl SplitRecord {
    /// The record as CSV with the columns `split`, `class`, `path`, `sha256`, `group` and `pixels`. `pixels` is
    /// the hash of the decoded pixels as displayed, followed by the hash as stored if EXIF data rotates the
    /// image.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut table = Vec::new();
        csv::push_row(&mut table, COLUMNS);
        for member in self.members() {
            let Member {
                role,
                class,
                path,
                identity,
                group,
            } = member;
            let content = identity.content.to_string();
            let pixels = pixels_cell(identity);
            let row = [role.name(), class, path, &content, group, &pixels];
            csv::push_row(&mut table, row);
        }
        let (rows, hash) = (
            self.members().len().to_string(),
            ContentHash::of(&table).to_string(),
        );
        csv::push_row(&mut table, [END, "", &rows, &hash, "", ""]);
        table
    }

    /// Reads what [`to_csv`](Self::to_csv) wrote. `file` is the name used in messages.
    ///
    /// # Errors
    /// [`DataError::Format`] with the line.
    pub fn from_csv(text: &str, file: &str) -> Result<Self, DataError> {
        let damaged = |problem: String| {
            let remedy = "restore it from a copy; without it, results may include training images";
            DataError::format(file, format!("{problem}; {remedy}"))
        };
        let mut rows = csv::Rows::new(text, b',');
        let is_header = |row: &csv::Row| (0..NEEDED).all(|at| row.cell(at) == COLUMNS[at]);
        if !rows.next().is_some_and(|row| is_header(&row)) {
            let columns = COLUMNS.join(",");
            return Err(damaged(format!("its first line must be `{columns}`")));
        }
        let mut members: Vec<Member> = Vec::new();
        let mut is_whole = false;
        for row in rows {
            let line = row.line;
            if row.cell(0) == END {
                let before = text.rfind("\nend,").map_or(text, |at| &text[..=at]);
                is_whole = row.cell(3) == ContentHash::of(before.as_bytes()).to_string();
                break;
            }
            let Some(role) = Role::named(row.cell(0)) else {
                return Err(damaged(format!(
                    "line {line}: `{}` is not a split; expected train, val, test, before, \
                     val_before or test_before",
                    row.cell(0).printable()
                )));
            };
            let wrong = |reason| damaged(format!("line {line}: {reason}"));
            let mut pixels = row.cell(5).split_whitespace().map(str::parse::<PixelHash>);
            let mut look = || pixels.next().transpose().map(Option::unwrap_or_default);
            members.push(Member {
                role,
                class: row.cell(1).into(),
                path: row.cell(2).into(),
                group: row.cell(4).into(),
                identity: ImageIdentity {
                    content: row.cell(3).parse().map_err(wrong)?,
                    pixels: look().map_err(wrong)?,
                    stored: look().map_err(wrong)?,
                },
            });
        }
        if !is_whole {
            return Err(damaged(
                "its last row does not match the rows before it, so it was truncated or edited, \
                 and the training images are not known"
                    .into(),
            ));
        }
        Ok(Self::new(members))
    }
}

fn pixels_cell(identity: &ImageIdentity) -> String {
    let looks = [identity.pixels, identity.stored];
    let known = looks.iter().filter(|look| look.is_known());
    let known: Vec<String> = known.map(PixelHash::to_string).collect();
    known.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pixels: &[&[u8]]) -> SplitRecord {
        let look = |at: usize| {
            let of = |pixels: &&[u8]| PixelHash::of([pixels.len(), 1, 1], pixels);
            pixels.get(at).map(of).unwrap_or_default()
        };
        SplitRecord::new(vec![Member {
            role: Role::Test,
            class: "cat".into(),
            path: "cat/1.png".into(),
            identity: ImageIdentity {
                content: ContentHash::of(b"a file"),
                pixels: look(0),
                stored: look(1),
            },
            group: String::new(),
        }])
    }

    #[test]
    fn pixels_read_back_and_a_wrong_hash_is_rejected_by_line() {
        for pixels in [&[][..], &[&[1, 2][..]], &[&[1, 2], &[2, 1]]] {
            let text = String::from_utf8(record(pixels).to_csv()).unwrap();
            assert_eq!(
                SplitRecord::from_csv(&text, "split.csv").unwrap(),
                record(pixels)
            );
        }
        let text = String::from_utf8(record(&[&[1]]).to_csv()).unwrap();
        let pixels = PixelHash::of([1, 1, 1], &[1]).to_string();
        let error = SplitRecord::from_csv(&text.replace(&pixels, "half"), "split.csv").unwrap_err();
        assert!(error.to_string().contains("line 2: `half`"), "{error}");
    }

    /// It has no column of pixels.
    #[test]
    fn the_record_of_an_earlier_version_is_read() {
        let mut text = b"split,class,path,sha256,group\n".to_vec();
        let content = ContentHash::of(b"a file").to_string();
        csv::push_row(&mut text, ["test", "cat", "cat/1.png", &content, ""]);
        let hash = ContentHash::of(&text).to_string();
        csv::push_row(&mut text, [END, "", "1", &hash, ""]);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            SplitRecord::from_csv(&text, "split.csv").unwrap(),
            record(&[])
        );
    }
}
