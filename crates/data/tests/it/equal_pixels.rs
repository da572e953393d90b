//! Images of equal pixels are equal, whatever the bytes of their files.

use crate::formats::{jpeg_turned, png_turned};
use crate::make::{encoded, images, open, png, rgb, write};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use receptive_data::{DataOptions, DecodeLimits, Fold, Member, Role, SplitRecord, identify};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

/// The same pixels in another format.
fn bmp(png: &[u8]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = image::load_from_memory(png).unwrap();
    image.write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
    bytes.into_inner()
}

fn seeded(seed: u64) -> DataOptions {
    DataOptions {
        seed,
        ..DataOptions::default()
    }
}

/// The split of each image, by its path below the folder.
fn split_of(root: &Path, options: &DataOptions) -> BTreeMap<String, String> {
    let data = open(root, options).unwrap();
    let mut splits = BTreeMap::new();
    for split in data.splits() {
        for i in 0..split.len() {
            let path = split.path(i);
            let name = Path::new(&path).strip_prefix(root).unwrap();
            splits.insert(name.display().to_string(), split.name().to_string());
        }
    }
    splits
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

#[test]
fn copies_in_one_split_and_class_are_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (at, split) in ["train", "val", "test"].iter().enumerate() {
        for (label, class) in ["cat", "dog"].iter().enumerate() {
            for i in 0..4 {
                let name = format!("{split}/{class}/{i}.png");
                write(
                    &root.join(name),
                    png(8, 6, (100 * at + 10 * label + i) as u32),
                );
            }
        }
    }
    let said = |data: &receptive_data::DataSet| data.notes.join("\n").contains("another one");
    let data = open(root, &DataOptions::default()).unwrap();
    assert!(data.duplicates.within_splits == 0 && !said(&data));
    write(&root.join("test/cat/4.bmp"), bmp(&png(8, 6, 201)));
    write(&root.join("test/cat/5.png"), png(8, 6, 201));
    write(&root.join("train/dog/4.png"), png(8, 6, 12));
    let data = open(root, &DataOptions::default()).unwrap();
    assert_eq!(data.duplicates.within_splits, 3);
    let note =
        "3 images equal another one of the same split and class, pixel for pixel (train 1, test 2)";
    assert!(data.notes.join("\n").contains(note), "{:?}", data.notes);
    assert_eq!(data.test.unwrap().len(), 10); // none is left out
}

/// A run's record knows a photo whose EXIF data turn it after these were removed, and after its pixels were
/// turned for good.
#[test]
fn a_turned_photo_is_recognized_without_the_data_that_turn_it() {
    let limits = DecodeLimits::default();
    let look = |bytes: &[u8]| identify(bytes, Path::new("photo"), &limits).unwrap();
    let photo = rgb(16, 8, 3);
    let whole = jpeg_turned(&photo, 1);
    let end = 4 + usize::from(u16::from_be_bytes([whole[4], whole[5]]));
    let stripped = [&whole[..2], &whole[end..]].concat();
    for turn in 2..=8 {
        let (shown, turned) = look(&jpeg_turned(&photo, turn));
        let member = Member {
            role: Role::Train,
            class: "cat".into(),
            path: "cat/photo.png".into(),
            identity: turned,
            group: String::new(),
        };
        let record = SplitRecord::new(vec![member]);
        let role = |bytes: &[u8]| record.role(&record.content(&look(bytes).1));
        assert_eq!(role(&stripped), Some(Role::Train), "{turn}");
        let size = [shown.width, shown.height].map(|side| side as u32);
        let pixels = image::RgbImage::from_raw(size[0], size[1], shown.pixels).unwrap();
        let baked = encoded(&pixels.into(), ImageFormat::Png);
        assert_eq!(role(&baked), Some(Role::Train), "{turn}");
        assert_eq!(role(&png(8, 6, 4)), None);
        // And the other way round: what was removed is there again.
        let member = Member {
            identity: look(&stripped).1,
            ..record.members()[0].clone()
        };
        let record = SplitRecord::new(vec![member]);
        let again = look(&jpeg_turned(&photo, turn)).1;
        assert_eq!(record.role(&record.content(&again)), Some(Role::Train));
    }
}

/// In a cross-validation a copy in another format is tested with its original, and trained on with it.
#[test]
fn a_copy_in_another_format_is_in_the_fold_of_its_original() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for i in 0..24u32 {
        let class = ["cat", "dog"][i as usize % 2];
        let original = png(8, 6, i);
        write(
            &root.join(format!("{class}/p{:02}_{i}.png", i / 4)),
            original.clone(),
        );
        write(&root.join(format!("{class}/copy_{i}.bmp")), bmp(&original));
    }
    // Alone, and where the originals are in groups and the copies are not.
    for group in [None, Some(r"^(p\d+)_")] {
        let mut tested: BTreeMap<String, usize> = BTreeMap::new();
        for number in 1..=3 {
            let options = DataOptions {
                fold: Some(Fold { number, of: 3 }),
                group: group.map(String::from),
                ..DataOptions::default()
            };
            let data = open(root, &options).unwrap();
            assert_eq!(
                data.duplicates.between_splits, 0,
                "{group:?}, {:?}",
                data.notes
            );
            let pixels: Vec<BTreeSet<String>> = data
                .splits()
                .map(|split| {
                    (0..split.len())
                        .map(|i| split.identity(i).pixels.to_string())
                        .collect()
                })
                .collect();
            let [train, val, test] = &pixels[..] else {
                panic!("{pixels:?}")
            };
            assert!(train.is_disjoint(val) && train.is_disjoint(test) && val.is_disjoint(test));
            let split = data.test.as_ref().unwrap();
            assert_eq!(split.len(), 2 * test.len(), "each with its copy");
            for one in test {
                *tested.entry(one.clone()).or_default() += 1;
            }
        }
        assert_eq!(tested.len(), 24, "{group:?}");
        assert!(tested.values().all(|times| *times == 1), "{group:?}");
    }
}

#[test]
fn copies_in_other_formats_move_no_image_and_are_where_their_originals_are() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for class in ["cat", "dog"] {
        images(&root.join(class), 30);
    }
    let before: Vec<_> = (0..5).map(|seed| split_of(root, &seeded(seed))).collect();
    for class in ["cat", "dog"] {
        for i in (0..30).step_by(3) {
            let original = std::fs::read(root.join(format!("{class}/{i}.png"))).unwrap();
            write(&root.join(format!("{class}/{i}_copy.bmp")), bmp(&original));
        }
    }
    for (seed, before) in (0..5).zip(before) {
        let after = split_of(root, &seeded(seed));
        assert_eq!(after.len(), 80);
        for (path, split) in before {
            assert_eq!(after[&path], split, "{path}, seed {seed}");
            let copy = path.replace(".png", "_copy.bmp");
            assert!(after.get(&copy).is_none_or(|copy| *copy == split), "{copy}");
        }
    }
}

#[test]
fn files_saved_again_without_loss_are_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for class in ["cat", "dog"] {
        images(&root.join(class), 10);
    }
    let before = open(root, &DataOptions::default()).unwrap();
    let path = root.join("cat/3.png");
    let bytes = bmp(&std::fs::read(&path).unwrap());
    write(&path, bytes);
    let after = open(root, &DataOptions::default()).unwrap();
    assert_eq!(after.fingerprint(), before.fingerprint());
    assert_eq!(after.images, before.images);
    write(&path, png(8, 6, 99));
    let changed = open(root, &DataOptions::default()).unwrap();
    assert_ne!(changed.images, before.images);
}

#[test]
fn an_image_rotated_by_its_file_is_in_one_split_with_its_copy_without_exif_data() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for class in ["cat", "dog"] {
        images(&root.join(class), 12);
    }
    for i in 0..12 {
        let turned = jpeg_turned(&rgb(40, 30, 500 + i), 6);
        write(&root.join(format!("cat/t{i}.jpg")), &turned);
        let stripped = image::load_from_memory(&turned).unwrap();
        let bytes = encoded(&stripped, ImageFormat::Png);
        write(&root.join(format!("cat/t{i}.png")), bytes);
    }
    for seed in 0..4 {
        let splits = split_of(root, &seeded(seed));
        for i in 0..12 {
            let [one, other] = ["jpg", "png"].map(|end| splits.get(&format!("cat/t{i}.{end}")));
            assert!(
                one.is_some() && one == other,
                "{i}, seed {seed}: {one:?}, {other:?}"
            );
        }
    }
}

#[test]
fn an_image_and_its_copy_that_exif_data_turn_are_in_one_split_and_fold() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for class in ["cat", "dog"] {
        images(&root.join(class), 24);
    }
    let cases: Vec<DataOptions> = (0..4)
        .map(seeded)
        .chain((1..=3).map(|number| DataOptions {
            fold: Some(Fold { number, of: 3 }),
            ..DataOptions::default()
        }))
        .collect();
    let alone: Vec<_> = cases
        .iter()
        .map(|options| split_of(root, options))
        .collect();
    // Stored turned to the left, and turned back to the right by EXIF orientation 6.
    for i in 0..24 {
        let image = image::open(root.join(format!("cat/{i}.png"))).unwrap();
        let turned = png_turned(&image.rotate270(), 6);
        write(&root.join(format!("cat/t{i}.png")), turned);
    }
    for (options, alone) in cases.iter().zip(alone) {
        let both = split_of(root, options);
        for (path, split) in &alone {
            assert_eq!(both.get(path), Some(split), "{path} has moved");
        }
        for i in 0..24 {
            let [one, turned] = ["", "t"].map(|kind| both.get(&format!("cat/{kind}{i}.png")));
            assert_eq!(one, turned, "cat/{i}.png");
        }
    }
}

#[test]
fn a_large_image_is_the_same_in_grey_in_colour_and_with_opaque_alpha() {
    // Only the second of each pair takes more than 128 MiB: 36 and 45 megapixels.
    let shades = |side: u32| GrayImage::from_fn(side, side, |x, y| Luma([(x * y / 9_000) as u8]));
    for (first, second) in [
        (
            DynamicImage::ImageLuma8(shades(6_000)).into_rgb8().into(),
            DynamicImage::ImageLuma8(shades(6_000)).into_rgba8().into(),
        ),
        (
            DynamicImage::ImageLuma8(shades(6_750)),
            DynamicImage::ImageLuma8(shades(6_750)).into_rgb8().into(),
        ),
    ] {
        let of = |image: &DynamicImage| {
            let bytes = encoded(image, ImageFormat::Png);
            let found = identify(&bytes, Path::new("a.png"), &DecodeLimits::default());
            found.unwrap().1.pixels
        };
        assert_eq!(of(&first), of(&second));
    }
}
