//! What can go wrong when a picture is made or written.

use std::io;
use std::path::PathBuf;

/// Why a picture could not be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The file name ends in neither `.png` nor `.svg`.
    #[error(
        "{} cannot be written: a name ending in .png or .svg is expected, found {found}; rename the file",
        path.display()
    )]
    Extension {
        /// The file asked for.
        path: PathBuf,
        /// Its extension, or words for "none".
        found: String,
    },
    /// The number of values given does not fit the size given.
    #[error(
        "{what}: {expected} values are expected ({rule}), {found} found; pass one value per cell, row by row"
    )]
    Shape {
        /// The picture concerned, with its title.
        what: String,
        /// How the expected number comes about, such as `11 x 11`.
        rule: String,
        /// How many values were expected.
        expected: usize,
        /// How many values were passed.
        found: usize,
    },
    /// There is nothing to draw.
    #[error("{what} has no {missing}; add at least one before it is drawn")]
    Empty {
        /// The picture concerned, with its title.
        what: String,
        /// What it lacks, such as `panels`.
        missing: &'static str,
    },
    /// A limit that the caller chose makes no sense.
    #[error(
        "{what}: a range from a low to a higher finite number is expected, found {low} to {high}; correct it or leave it out"
    )]
    Range {
        /// The picture concerned, with its title.
        what: String,
        /// The lower limit passed.
        low: f64,
        /// The upper limit passed.
        high: f64,
    },
    /// The picture would be larger than this crate draws.
    #[error(
        "{what} is too large: at most {limit} {unit} are drawn, {found} asked for; draw fewer, or average them first"
    )]
    TooLarge {
        /// The picture concerned, with its title.
        what: String,
        /// What is counted.
        unit: &'static str,
        /// The most that is drawn.
        limit: u64,
        /// What was asked for.
        found: u64,
    },
    /// The encoder of PNG files failed.
    #[error(
        "the PNG encoder stopped: {source}; a bitmap of the size just drawn was expected to encode"
    )]
    Encode {
        /// The encoder's own words.
        source: png::EncodingError,
    },
    /// The bundled font cannot be read: the crate was built from damaged files.
    #[error(
        "the bundled font {file} is damaged: a TrueType font is expected; restore it from the source of receptive-plot"
    )]
    Font {
        /// The font's file name in the crate's `assets`.
        file: &'static str,
    },
    /// The file system refused the file.
    #[error("{} could not be written: {source}; check that its folder exists, is writable and has space left", path.display())]
    Write {
        /// The file asked for.
        path: PathBuf,
        /// The file system's own words.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_expected_found_and_what_to_do() {
        let error = PlotError::Shape {
            what: "heat map \"ERF\"".into(),
            rule: "11 x 11".into(),
            expected: 121,
            found: 100,
        };
        assert_eq!(
            error.to_string(),
            "heat map \"ERF\": 121 values are expected (11 x 11), 100 found; \
             pass one value per cell, row by row"
        );
    }
}
