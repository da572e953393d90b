//! Folders and files for tests.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use receptive_data::DataError;
use std::fs;
use std::path::{Path, PathBuf};
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

/// The message of an error that must occur.
pub(crate) fn message<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.to_string(),
    }
}
