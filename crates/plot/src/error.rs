//! Errors of drawing and writing figures.

use receptive_core::text::Printable;
use std::io;
use std::path::PathBuf;

/// Why a figure could not be drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The file name ends in neither `.png` nor `.svg`.
    #[error(
        "{} cannot be written: expected a name ending in .png or .svg, found {found}; rename the \
         file",
        path.printable()
    )]
    Extension {
        /// The file.
        path: PathBuf,
        /// Its extension, or `no extension`.
        found: String,
    },
    /// The number of values does not match the size.
    #[error(
        "{what}: expected {expected} values ({rule}), found {found}; pass one value per cell, row \
         by row"
    )]
    Shape {
        /// The figure concerned, with its title.
        what: String,
        /// How the expected number is computed, such as `11 x 11`.
        rule: String,
        /// Expected number of values.
        expected: usize,
        /// Number of values passed.
        found: usize,
    },
    /// There is nothing to draw.
    #[error("{what} has no {missing}; add at least one before drawing it")]
    Empty {
        /// The figure concerned, with its title.
        what: String,
        /// What it lacks, such as `panels`.
        missing: &'static str,
    },
    /// An invalid setting.
    #[error("{what}: `{setting}`: {problem}")]
    Setting {
        /// The figure concerned, with its title.
        what: String,
        /// The name of the field.
        setting: &'static str,
        /// What was expected, what was found, what to do.
        problem: String,
    },
    /// The figure is too large.
    #[error(
        "{what} is too large: expected at most {limit} {unit}, found {found}; draw fewer, or \
         average them first"
    )]
    TooLarge {
        /// The figure concerned, with its title.
        what: String,
        /// The unit of the numbers.
        unit: &'static str,
        /// The maximum.
        limit: u64,
        /// The actual number.
        found: u64,
    },
    /// The encoder of PNG files failed.
    #[error("the PNG encoder failed: {source}; this is a bug, please report it")]
    Encode {
        /// The encoder's own error.
        source: png::EncodingError,
    },
    /// The bundled font cannot be read: the crate was built from damaged files.
    #[error(
        "the bundled font {file} is damaged: expected a TrueType font; restore it from the source \
         of receptive-plot"
    )]
    Font {
        /// The font's file name in the crate's `assets`.
        file: &'static str,
    },
    /// I/O error.
    #[error("could not write {}: {source}", path.printable())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
}

impl PlotError {
    /// An invalid range of an axis or of a colour map.
    pub(crate) fn range(what: String, setting: &'static str, (low, high): (f64, f64)) -> Self {
        let problem = format!(
            "expected a range from a low to a higher finite number, found {low} to {high}; \
             correct it or leave it out"
        );
        Self::Setting {
            what,
            setting,
            problem,
        }
    }

    /// Whether a setting or the file name is at fault, not the values.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::Extension { .. } => true,
            Self::Shape { .. }
            | Self::Empty { .. }
            | Self::TooLarge { .. }
            | Self::Encode { .. }
            | Self::Font { .. }
            | Self::Io { .. } => false,
        }
    }
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
            "heat map \"ERF\": expected 121 values (11 x 11), found 100; pass one value per cell, row by row"
        );
    }
}
