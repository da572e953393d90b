//! Finding the image for a name that matches no file exactly, because the images or the names were converted.

use crate::sources::kind::is_image_name;
use crate::sources::labels::index::{Index, normalized};
use std::collections::HashMap;
use std::path::Path;

/// The images of a data set by name, without the parts that conversions change: the extension of an image
/// (`a.heic` is now `a.png`), and leading zeros of a number, which spreadsheets remove (`7` for `007.png`).
pub(super) struct Loose<'a> {
    index: &'a Index,
    images: HashMap<String, Vec<usize>>,
}

impl<'a> Loose<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        let mut images: HashMap<String, Vec<usize>> = HashMap::new();
        for image in 0..index.len() {
            let (_, name) = parts(index.path(image));
            images.entry(name).or_default().push(image);
        }
        Self { index, images }
    }

    /// The image that a name refers to, if there is only one. If the name has folders, the image must be in
    /// them.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let (folder, name) = parts(&normalized(name)?);
        let is_in = |image: &usize| {
            let (of_image, _) = parts(self.index.path(*image));
            let above = of_image.strip_suffix(&folder);
            above.is_some_and(|above| folder.is_empty() || above.is_empty() || above.ends_with('/'))
        };
        let images = self.images.get(&name)?;
        let mut images = images.iter().copied().filter(is_in);
        images.next().filter(|_| images.next().is_none())
    }
}

/// A path's folder, and the part of its name that is compared; in lower case.
fn parts(path: &str) -> (String, String) {
    let path = path.to_lowercase();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() && is_image_name(Path::new(name)) => stem,
        _ => name,
    };
    let is_number = stem.bytes().all(|byte| byte.is_ascii_digit());
    let compared = match stem.trim_start_matches('0') {
        "" if is_number => "0",
        number if is_number => number,
        _ => stem,
    };
    (folder.into(), compared.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_and_zeros_in_front_of_numbers_may_differ_if_one_image_is_left() {
        let root = Path::new("/photos");
        let images = [
            "cat/007.png",
            "dog/007.png",
            "dog/8.png",
            "a.png",
            "b.jpg",
            "b.png",
            "000.png",
            "x9.png",
        ];
        let paths: Vec<_> = images.iter().map(|image| root.join(image)).collect();
        let paths = paths.iter().map(|path| path.as_path());
        let index = Index::new(root, paths, Path::new("/labels.csv"));
        let loose = Loose::new(&index);
        for (name, image) in [
            ("cat/7", Some(0)),
            ("DOG\\7.HEIC", Some(1)),
            ("7", None),
            ("fox/7", None),
            ("og/8", None),
            ("0008.jpg", Some(2)),
            ("A.heic", Some(3)),
            ("b.heic", None),
            ("0", Some(6)),
            ("a.small", None),
            ("9", None),
            ("x09", None),
            ("", None),
        ] {
            assert_eq!(loose.find(name), image, "{name}");
        }
    }
}
