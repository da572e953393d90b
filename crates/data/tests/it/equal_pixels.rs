//! Images of equal pixels are equal, whatever the bytes of their files.

use crate::make::{open, png, write};
use receptive_data::DataOptions;
use std::io::Cursor;

/// The same pixels in another format.
fn bmp(png: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = image::load_from_memory(png).unwrap();
    image.write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
    bytes.into_inner()
}

#[test]
fn a_copy_in_another_format_is_not_tested_and_in_another_class_not_unsaid() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (at, split) in ["train", "val", "test"].iter().enumerate() {
        for (label, class) in ["cat", "dog"].iter().enumerate() {
            for i in 0..4 {
                let seed = (100 * at + 10 * label + i) as u32;
                let name = format!("{split}/{class}/{i}.png");
                write(&root.join(name), png(8, 6, seed));
            }
        }
    }
    let trained_on = png(8, 6, 0);
    assert_ne!(bmp(&trained_on), trained_on);
    write(&root.join("test/cat/copy.bmp"), bmp(&trained_on));
    write(&root.join("val/cat/copy.bmp"), bmp(&png(8, 6, 201)));
    write(&root.join("train/dog/wrong.bmp"), bmp(&png(8, 6, 1)));
    let data = open(root, &DataOptions::default()).unwrap();
    assert_eq!(data.test.as_ref().unwrap().len(), 8);
    assert_eq!(data.val.len(), 8);
    assert_eq!(data.train.len(), 9);
    assert_eq!(data.duplicates.between_splits, 2);
    assert_eq!(data.duplicates.between_classes, 2);
    let notes = data.notes.join("\n");
    assert!(notes.contains("pixel for pixel"), "{notes}");
    assert!(notes.contains("train/dog/wrong.bmp"), "{notes}");
}
