//! Folders and files for tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use receptive_data::{DataError, DataOptions, DataSet, NoProgress};
use tempfile::TempDir;

/// A folder that is removed at the end of the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// An RGB image with a pattern that differs by `key`.
pub(crate) fn pattern(width: u32, height: u32, key: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 8) as u8 ^ key, (y * 8) as u8, key.wrapping_mul(37)])
    })
}

/// Writes an image; the format follows the extension. Parent folders are made.
pub(crate) fn put(path: impl AsRef<Path>, image: impl Into<DynamicImage>) -> PathBuf {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let format = ImageFormat::from_path(path).expect("a known extension");
    image
        .into()
        .save_with_format(path, format)
        .expect("written");
    path.to_path_buf()
}

/// Writes `n` small PNG images into `root/class`.
pub(crate) fn put_class(root: &Path, class: &str, n: usize) {
    for i in 0..n {
        put(
            root.join(class).join(format!("{i:03}.png")),
            pattern(6, 5, i as u8),
        );
    }
}

pub(crate) fn open(path: &Path) -> Result<DataSet, DataError> {
    open_with(path, |_| {})
}

pub(crate) fn open_with(
    path: &Path,
    change: impl FnOnce(&mut DataOptions),
) -> Result<DataSet, DataError> {
    let mut options = DataOptions {
        download: false,
        ..DataOptions::default()
    };
    change(&mut options);
    receptive_data::open(path.to_str().expect("UTF-8"), &options, &NoProgress)
}

/// The message of an error that must occur.
pub(crate) fn message<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.to_string(),
    }
}
