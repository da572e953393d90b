//! Images and lists of images, from standard input or files.

use crate::error::CliError;
use receptive_data::{DataError, DecodeLimits};
use receptive_inspect::InputImage;
use receptive_model::InputSpec;
use receptive_train::TrainError;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

/// The path that stands for standard input.
pub(super) const STDIN: &str = "-";

/// Maximum size in bytes of a list of paths.
const LIST_BYTES: u64 = 1 << 30;

/// An image from standard input.
pub(super) fn stdin_image(
    input: &InputSpec,
    limits: &DecodeLimits,
) -> Result<InputImage, TrainError> {
    let name = Path::new("standard input");
    // One byte more than the limit, to detect an image that is too large.
    let limit = limits.file_bytes.saturating_add(1);
    let mut bytes = Vec::new();
    stdin()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| DataError::Io {
            action: "read",
            path: name.into(),
            source,
        })?;
    Ok(InputImage::from_bytes_within(&bytes, name, input, limits)?)
}

/// The paths listed in a file.
pub(super) fn listed_files(list: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut bytes = Vec::new();
    let read = if list.as_os_str() == STDIN {
        stdin().take(LIST_BYTES).read_to_end(&mut bytes)
    } else {
        File::open(list).and_then(|file| file.take(LIST_BYTES).read_to_end(&mut bytes))
    };
    read.map_err(CliError::io(list, "read"))?;
    let paths = paths(&bytes);
    if paths.is_empty() {
        return Err(CliError::argument("--files-from", "the list has no paths"));
    }
    Ok(paths)
}

/// Paths separated by NUL bytes, or one per line if there are none.
fn paths(list: &[u8]) -> Vec<PathBuf> {
    let separator = if list.contains(&0) { 0 } else { b'\n' };
    // Some Windows editors write a byte order mark.
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    list.split(|byte| *byte == separator)
        .map(|path| match path {
            [path @ .., b'\r'] if separator == b'\n' => path,
            path => path,
        })
        .filter(|path| !path.is_empty())
        // In a list, `-` is the name of a file.
        .map(|path| {
            if path == STDIN.as_bytes() {
                b"./-"
            } else {
                path
            }
        })
        .map(path)
        .collect()
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_lines_or_nul_bytes() {
        for (list, expected) in [
            ("a b.png\nc\n", &["a b.png", "c"][..]),
            ("a.png\r\n\r\nc", &["a.png", "c"]),
            ("\u{feff}a.png\r\nc\r\n", &["a.png", "c"]),
            ("a\nb.png\0c\r\0", &["a\nb.png", "c\r"]),
            ("-\n--\n", &["./-", "--"]),
            ("\n\n", &[]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(paths(list.as_bytes()), expected);
        }
    }
}
