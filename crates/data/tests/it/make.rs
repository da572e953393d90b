//! Small data sets, made by each test in a folder of its own.

use image::{DynamicImage, ImageFormat, RgbImage};
use receptive_core::hash::ContentHash;
use receptive_data::{BadImages, DataError, DataOptions, DataSet, NoProgress};
use std::fs;
use std::io::Write;
use std::path::Path;

/// A picture whose pixels all differ from those of another `seed`.
pub(crate) fn rgb(width: u32, height: u32, seed: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        let value = |factor| ((x * 7 + y * factor + seed * 29) % 251) as u8;
        image::Rgb([value(3), value(11), value(19)])
    })
    .into()
}

pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&rgb(width, height, seed), ImageFormat::Jpeg)
}

pub(crate) fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&rgb(width, height, seed), ImageFormat::Png)
}

/// A figure that this program drew: a PNG whose text says so.
pub(crate) fn figure() -> Vec<u8> {
    let mut bytes = png(8, 6, 0);
    let text = b"\0\0\0\x12tEXtSoftware\0receptive\0\0\0\0";
    bytes.splice(33..33, text.iter().copied()); // after the header
    bytes
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Writes `n` images of 8x6 pixels into `folder`: `0.png`, `1.png` ... No image equals one of another
/// folder.
pub(crate) fn images(folder: &Path, n: u32) {
    // The name of a temporary folder is another in every run.
    let names: Vec<_> = folder
        .iter()
        .rev()
        .map(|name| name.to_string_lossy())
        .collect();
    let names = names.iter().take_while(|name| !name.starts_with(".tmp"));
    let name: String = names.flat_map(|name| [name, "/"]).collect();
    let name = ContentHash::of(name.as_bytes()).key()[0].to_le_bytes();
    for i in 0..n {
        let mut image = rgb(8, 6, i).into_rgb8();
        image.put_pixel(0, 0, image::Rgb([name[0], name[1], name[2]]));
        image.put_pixel(1, 0, image::Rgb([name[3], name[4], name[5]]));
        let path = folder.join(format!("{i}.png"));
        write(&path, encoded(&image.into(), ImageFormat::Png));
    }
}

/// This many images in each of these folders.
pub(crate) fn images_in_each(n: u32, root: &Path, folders: &[&str]) {
    for folder in folders {
        images(&root.join(folder), n);
    }
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn open(path: &Path, options: &DataOptions) -> Result<DataSet, DataError> {
    receptive_data::open(path.to_str().unwrap(), options, &NoProgress)
}

/// The text of the error that opening with default options gives.
pub(crate) fn rejection(path: &Path) -> String {
    match open(path, &DataOptions::default()) {
        Ok(data) => panic!("{} was opened: {data:?}", path.display()),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn skipping() -> DataOptions {
    DataOptions {
        bad_images: BadImages::Skip,
        ..DataOptions::default()
    }
}

/// No split is cut, so that all images stay in the training split.
pub(crate) fn uncut() -> DataOptions {
    DataOptions {
        val_fraction: 0.0,
        test_fraction: 0.0,
        ..DataOptions::default()
    }
}
