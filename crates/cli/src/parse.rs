//! Parsers for the values of arguments.

use receptive_core::ImageSize;
use receptive_model::Precision;
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;

/// A whole number.
pub(crate) fn parse_whole<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err = ParseIntError>,
{
    text.parse().map_err(|error| whole_problem(&error, 0))
}

/// A whole number of at least 1.
pub(crate) fn parse_positive<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err = ParseIntError> + PartialOrd + From<u8>,
{
    let number = text.parse().map_err(|error| whole_problem(&error, 1))?;
    if number < T::from(1) {
        return Err("expected a whole number, 1 or more".into());
    }
    Ok(number)
}

fn whole_problem(error: &ParseIntError, min: u8) -> String {
    match error.kind() {
        IntErrorKind::PosOverflow => "expected a smaller whole number".into(),
        _ => format!("expected a whole number, {min} or more"),
    }
}

/// The path of an existing directory.
pub(crate) fn parse_directory(text: &str) -> Result<PathBuf, String> {
    match PathBuf::from(text) {
        directory if directory.is_dir() => Ok(directory),
        _ => Err("expected a directory that exists".into()),
    }
}

/// A number with or without decimals.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| "expected a number, such as 0.01".into())
}

/// A number format, by name.
pub(crate) fn parse_precision(text: &str) -> Result<Precision, String> {
    let known = Precision::ALL.into_iter().find(|one| one.name() == text);
    known.ok_or_else(|| "expected f32, bf16 or f16".into())
}

/// `N` for a square, or `HEIGHTxWIDTH`.
pub(crate) fn parse_size(text: &str) -> Result<[usize; 2], String> {
    match numbers(text, 'x').as_deref() {
        Some(sides) if sides.contains(&0) => Err("expected a side of 1 pixel or more".into()),
        Some([side]) => Ok([*side; 2]),
        Some([height, width]) => Ok([*height, *width]),
        _ => Err("expected N or HEIGHTxWIDTH, such as 64 or 64x48".into()),
    }
}

/// `CHANNELSxHEIGHTxWIDTH`.
pub(crate) fn parse_shape(text: &str) -> Result<ImageSize, String> {
    match numbers(text, 'x').as_deref() {
        Some([channels, height, width]) => Ok(ImageSize::new(*channels, *height, *width)),
        _ => Err("expected CHANNELSxHEIGHTxWIDTH, such as 3x32x32".into()),
    }
}

/// The numbers between the separators; `None` if any part is not a number.
pub(crate) fn numbers(text: &str, separator: char) -> Option<Vec<usize>> {
    let parts = text.split(separator);
    parts.map(|part| part.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_is_told_what_is_expected() {
        assert_eq!(parse_whole::<usize>("0"), Ok(0));
        assert_eq!(parse_positive::<u64>("7"), Ok(7));
        assert_eq!(parse_number("1e-3"), Ok(1e-3));
        for text in ["", "-3", "many", "1.5"] {
            let problem = parse_whole::<u64>(text).unwrap_err();
            assert_eq!(problem, "expected a whole number, 0 or more");
        }
        for text in ["0", "-3", "many"] {
            let problem = parse_positive::<usize>(text).unwrap_err();
            assert_eq!(problem, "expected a whole number, 1 or more");
        }
        let problem = parse_whole::<u64>("18446744073709551616").unwrap_err();
        assert_eq!(problem, "expected a smaller whole number");
        assert!(parse_number("fast").unwrap_err().contains("such as"));
    }
}
