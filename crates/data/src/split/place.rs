//! Where an image is in its data set, whatever its format and split.

use crate::sources::split_names::is_split_name;
use std::ffi::OsStr;

/// A path without the folder of its split and without its extension, which stays the same if the image is converted
/// or the classes are moved into a split.
pub(crate) fn place(path: &str) -> &str {
    let inner = match path.split_once('/') {
        Some((folder, inner)) if is_split_name(OsStr::new(folder)) => inner,
        _ => path,
    };
    let name = inner.rfind('/').map_or(0, |slash| slash + 1);
    match inner[name..].rfind('.') {
        Some(dot) if dot > 0 => &inner[..name + dot],
        _ => inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_without_split_and_extension() {
        for (path, wanted) in [
            ("cat/001.jpg", "cat/001"),
            ("Train/cat/001.v2.png", "cat/001.v2"),
            ("test/001.png", "001"),
            ("cat.d/001", "cat.d/001"),
            ("cat/.png", "cat/.png"),
            ("001.png", "001"),
        ] {
            assert_eq!(place(path), wanted);
        }
    }
}
