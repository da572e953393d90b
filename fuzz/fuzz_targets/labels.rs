//! Any bytes as the label list of a folder of images.
#![no_main]

use libfuzzer_sys::fuzz_target;
use receptive_data::{BadImages, DataOptions, NoProgress, open};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A grey image of one pixel.
const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\
    \x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\
    \x54\x78\x9c\x63\xa8\x07\x00\x00\x81\x00\x80\xd3\x94\x53\x4a\x00\x00\x00\x00\x49\
    \x45\x4e\x44\xae\x42\x60\x82";

/// A folder with a few images, some of the same name.
fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for images");
        for name in ["a.png", "b.png", "cat/1.png", "dog/1.png", "dog/2 x.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a class folder");
            std::fs::write(path, PNG).expect("an image");
        }
        folder
    })
}

fuzz_target!(init: receptive_core::panic::silence_caught(), |bytes: &[u8]| {
    let list = folder().path().join("labels.csv");
    if std::fs::write(&list, bytes).is_err() {
        return;
    }
    for group in [None, Some("group".to_string()), Some("^([a-z]+)/".to_string())] {
        let options = DataOptions {
            labels: Some(list.clone()),
            group,
            bad_images: BadImages::Skip,
            ..DataOptions::default()
        };
        let _ = open(&folder().path().to_string_lossy(), &options, &NoProgress);
    }
});
