use crate::make::uncut;
use flate2::read::GzDecoder;
use receptive_data::{DataOptions, NoProgress, open};
use std::fs;
use std::io::Read;
use std::path::Path;

const FULL: &str = "/usr/share/datasets/fashion-mnist";

fn unzipped(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

#[test]
fn it_has_12_000_images_and_every_class_as_often() {
    let data = open("fashion-mini", &uncut(), &NoProgress).unwrap();
    assert_eq!(data.classes.len(), 10);
    assert_eq!(data.train.class_counts(), [1000; 10]);
    assert_eq!(data.test.unwrap().class_counts(), [200; 10]);

    let data = open("fashion-mini", &DataOptions::default(), &NoProgress).unwrap();
    assert_eq!(data.train.class_counts(), [900; 10]);
    assert_eq!(data.val.class_counts(), [100; 10]);
    let size = data.natural_size().unwrap();
    assert_eq!((size.channels, size.height, size.width), (1, 28, 28));
}

/// The first `each` images of each class, in the order of the file, as IDX files.
#[test]
fn it_is_the_first_images_of_each_class_of_the_full_set() {
    let full = Path::new(FULL);
    if !full.is_dir() {
        eprintln!("skipped: the full Fashion-MNIST is not in {FULL}");
        return;
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for (split, each) in [("train", 1000), ("t10k", 200)] {
        let images_name = format!("{split}-images-idx3-ubyte.gz");
        let labels_name = format!("{split}-labels-idx1-ubyte.gz");
        let images = unzipped(&full.join(&images_name));
        let labels = unzipped(&full.join(&labels_name));
        let mut counts = [0; 10];
        let n = (each * 10u32).to_be_bytes();
        let side = 28u32.to_be_bytes();
        let mut few_images = [[0, 0, 8, 3], n, side, side].concat();
        let mut few_labels = [[0, 0, 8, 1], n].concat();
        for (image, label) in images[16..].chunks_exact(784).zip(&labels[8..]) {
            let count = &mut counts[usize::from(*label)];
            if *count < each {
                *count += 1;
                few_images.extend(image);
                few_labels.push(*label);
            }
        }
        assert!(unzipped(&assets.join(images_name)) == few_images, "{split}");
        assert!(unzipped(&assets.join(labels_name)) == few_labels, "{split}");
    }
}
