//! Any bytes as an archive of images: the first byte chooses zip, tar or gzipped tar.
#![no_main]

use libfuzzer_sys::fuzz_target;
use receptive_data::{BadImages, DataOptions, DecodeLimits, NoProgress, open};
use std::sync::OnceLock;
use tempfile::TempDir;

fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for archives"))
}

fuzz_target!(init: receptive_core::panic::silence_caught(), |bytes: &[u8]| {
    let Some((kind, archive)) = bytes.split_first() else {
        return;
    };
    let name = ["a.zip", "a.tar", "a.tar.gz"][usize::from(*kind) % 3];
    let path = folder().path().join(name);
    if std::fs::write(&path, archive).is_err() {
        return;
    }
    let options = DataOptions {
        bad_images: BadImages::Skip,
        allow_empty_classes: true,
        decode: DecodeLimits {
            pixels: 1 << 16,
            ..DecodeLimits::default()
        },
        ..DataOptions::default()
    };
    let _ = open(&path.to_string_lossy(), &options, &NoProgress);
});
