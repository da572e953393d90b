use crate::make::{encoded, images, jpeg, open, png, rejection, rgb, skipping, uncut, write};
use image::{DynamicImage, ImageFormat};
use receptive_data::{DataError, DecodeLimits, ImageSize, Resize, Samples, decode_file};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Images of every kind of colours and of differing sizes, all readable: 10 in two classes.
fn every_kind(root: &Path) {
    let source = rgb(40, 30, 1);
    for (name, image, format) in [
        (
            "a/grey.png",
            DynamicImage::from(source.to_luma8()),
            ImageFormat::Png,
        ),
        ("a/grey.jpg", source.to_luma8().into(), ImageFormat::Jpeg),
        (
            "a/grey_alpha.png",
            source.to_luma_alpha8().into(),
            ImageFormat::Png,
        ),
        ("a/grey16.png", source.to_luma16().into(), ImageFormat::Png),
        ("b/rgb.png", source.clone(), ImageFormat::Png),
        ("b/rgba.png", source.to_rgba8().into(), ImageFormat::Png),
        ("b/rgb16.png", source.to_rgb16().into(), ImageFormat::Png),
        ("b/rgba16.png", source.to_rgba16().into(), ImageFormat::Png),
        ("a/wide.jpg", rgb(97, 5, 2), ImageFormat::Jpeg),
        ("b/tall.JPEG", rgb(3, 71, 3), ImageFormat::Jpeg),
    ] {
        write(&root.join(name), encoded(&image, format));
    }
}

/// Adds three damaged files; returns their paths in order.
fn spoil(root: &Path) -> [PathBuf; 3] {
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let paths = ["a/cut.jpg", "a/text.jpg", "b/cut.png"].map(|name| root.join(name));
    write(&paths[0], half(jpeg(64, 64, 7)));
    write(&paths[1], "this is no picture\n");
    write(&paths[2], half(png(64, 64, 7)));
    paths
}

#[test]
fn every_kind_of_image_opens_and_is_8_bit_grey_or_rgb() {
    let root = tempfile::tempdir().unwrap();
    every_kind(root.path());
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.train.class_counts(), [5, 5]);
    for i in 0..data.train.len() {
        let picture = data.train.read(i).unwrap();
        let grey = data.train.path(i).contains("grey");
        assert_eq!(
            picture.channels,
            if grey { 1 } else { 3 },
            "{}",
            data.train.path(i)
        );
        assert_eq!(
            picture.pixels.len(),
            picture.width * picture.height * picture.channels
        );
    }
    let sizes = data.sizes().unwrap();
    assert_eq!(
        (sizes.width.min, sizes.width.median, sizes.width.max),
        (3, 40, 97)
    );
    assert_eq!(
        (sizes.height.min, sizes.height.median, sizes.height.max),
        (5, 30, 71)
    );
    let kinds: usize = sizes.colours.iter().map(|(_, count)| count).sum();
    assert_eq!((sizes.colours.len(), kinds), (7, 10));
    assert_eq!(data.natural_size(), None);
}

#[test]
fn by_default_damaged_files_are_an_error_that_names_each() {
    let root = tempfile::tempdir().unwrap();
    every_kind(root.path());
    let damaged = spoil(root.path());
    let error = open(root.path(), &uncut()).unwrap_err();
    assert!(matches!(
        error,
        DataError::BadImages {
            count: 3,
            total: 13,
            ..
        }
    ));
    let text = error.to_string();
    for path in damaged {
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    assert!(text.contains("data.bad_images"), "{text}");
}

#[test]
fn skipping_lists_exactly_the_damaged_files_and_opens_the_others() {
    let root = tempfile::tempdir().unwrap();
    every_kind(root.path());
    let damaged = spoil(root.path());
    let options = receptive_data::DataOptions {
        val_fraction: 0.0,
        test_fraction: 0.0,
        ..skipping()
    };
    let data = open(root.path(), &options).unwrap();
    let listed: Vec<_> = data.damaged.iter().map(|d| d.path.clone()).collect();
    assert_eq!(listed, damaged);
    assert!(data.damaged.iter().all(|d| !d.reason.is_empty()));
    assert_eq!(data.train.class_counts(), [5, 5]);
    for i in 0..data.train.len() {
        data.train.read(i).unwrap();
    }
}

#[test]
fn the_error_names_more_than_20_damaged_files_too() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("b/good.png"), png(8, 6, 1));
    let damaged: Vec<PathBuf> = (0..60)
        .map(|i| root.path().join(format!("a/{i}.png")))
        .collect();
    for path in &damaged {
        write(path, "text");
    }
    let text = rejection(root.path());
    for path in damaged {
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
}

#[test]
fn a_class_of_which_nothing_can_be_read_is_an_error_that_names_its_files_even_when_skipping() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("a/good.png"), png(8, 6, 1));
    write(&root.path().join("a/bad.png"), "text");
    for i in 0..30 {
        write(&root.path().join(format!("b/{i}.png")), "text");
    }
    let text = open(root.path(), &skipping()).unwrap_err().to_string();
    assert!(text.contains("`b`") && text.contains("none of"), "{text}");
    for i in 0..30 {
        assert!(text.contains(&format!("b/{i}.png")), "{text}");
    }
    assert!(!text.contains("a/bad.png"), "{text}");
}

#[test]
fn empty_classes_can_be_allowed_to_list_all_that_is_damaged() {
    let listing = receptive_data::DataOptions {
        allow_empty_classes: true,
        ..skipping()
    };
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("a/good.png"), png(8, 6, 1));
    for i in 0..30 {
        write(&root.path().join(format!("b/{i}.png")), "text");
    }
    let data = open(root.path(), &listing).unwrap();
    assert_eq!((data.damaged.len(), data.train.len()), (30, 1));
    assert_eq!(data.classes, ["a", "b"]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("the class `b` can be read"), "{notes}");

    // Even if there is nothing else.
    write(&root.path().join("a/good.png"), "text");
    let data = open(root.path(), &listing).unwrap();
    assert_eq!((data.damaged.len(), data.train.len()), (31, 0));
    assert_eq!((data.sizes(), data.natural_size()), (None, None));
}

#[test]
fn if_no_image_is_left_the_damaged_ones_are_named() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("test/a/bad.png");
    write(&path, "text");
    let options = receptive_data::DataOptions {
        classes: Some(vec!["a".into(), "b".into()]),
        ..skipping()
    };
    let text = open(root.path(), &options).unwrap_err().to_string();
    assert!(text.contains("no images are left"), "{text}");
    assert!(text.contains(path.to_str().unwrap()), "{text}");
}

#[test]
fn jpegs_truncated_at_50_lengths_are_all_noticed() {
    let root = tempfile::tempdir().unwrap();
    let whole = jpeg(120, 90, 3);
    write(&root.path().join("a/whole.jpg"), &whole);
    write(&root.path().join("b/whole.jpg"), &whole);
    for i in 0..50 {
        // from 0 bytes to all but one
        let length = (whole.len() - 1) * i / 49;
        let path = root
            .path()
            .join(["a", "b"][i % 2])
            .join(format!("{i:02}.jpg"));
        write(&path, &whole[..length]);
    }
    let data = open(
        root.path(),
        &receptive_data::DataOptions {
            val_fraction: 0.0,
            test_fraction: 0.0,
            ..skipping()
        },
    )
    .unwrap();
    assert_eq!((data.damaged.len(), data.train.len()), (50, 2));
}

#[test]
fn a_hundred_clean_jpegs_raise_no_alarm_even_with_bytes_after_the_end() {
    let root = tempfile::tempdir().unwrap();
    for i in 0..100 {
        let mut bytes = jpeg(16 + i % 7 * 9, 16 + i % 5 * 13, i);
        if i == 50 {
            bytes.extend(b"appended by a phone \xff\xd8\xff");
        }
        write(
            &root
                .path()
                .join(format!("{}/{i}.jpg", ["a", "b"][i as usize % 2])),
            bytes,
        );
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!((data.train.len(), data.damaged.len()), (100, 0));
}

/// A JPEG with a minimal EXIF segment: one entry, the orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [
        &b"MM\0\x2a\0\0\0\x08"[..],          // big-endian, first directory at 8
        &[0, 1],                             // one entry
        &[0x01, 0x12, 0, 3, 0, 0, 0, 1],     // Orientation, SHORT, one value
        &[0, orientation, 0, 0, 0, 0, 0, 0], // the value; no further directory
    ]
    .concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [
        &jpeg[..2],
        &[0xff, 0xe1],
        &length.to_be_bytes(),
        b"Exif\0\0",
        &tiff,
        &jpeg[2..],
    ]
    .concat()
}

#[test]
fn exif_orientation_is_honoured() {
    let root = tempfile::tempdir().unwrap();
    // Left half black, right half white.
    let image = image::GrayImage::from_fn(32, 16, |x, _| image::Luma([u8::from(x >= 16) * 255]));
    let plain = encoded(&image.into(), ImageFormat::Jpeg);
    // Where the white half ends up: (orientation, width, height, a white place, a black place).
    for (orientation, width, height, white, black) in [
        (1, 32, 16, (28, 8), (3, 8)),
        (2, 32, 16, (3, 8), (28, 8)),
        (3, 32, 16, (3, 8), (28, 8)),
        (6, 16, 32, (8, 28), (8, 3)),  // a quarter turn to the right
        (8, 16, 32, (8, 3), (8, 28)),  // to the left
        (99, 32, 16, (28, 8), (3, 8)), // no orientation
    ] {
        let path = root.path().join(format!("{orientation}.jpg"));
        write(&path, with_orientation(&plain, orientation));
        let picture = decode_file(&path, &DecodeLimits::default()).unwrap();
        assert_eq!(
            (picture.width, picture.height),
            (width, height),
            "{orientation}"
        );
        let at = |(x, y): (usize, usize)| picture.pixels[y * width + x];
        assert!(at(white) > 200 && at(black) < 50, "{orientation}");
    }
}

/// A PNG whose header claims a size that its few bytes cannot have.
fn bomb(side: u32) -> Vec<u8> {
    let mut bytes = png(8, 6, 1);
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn an_image_bomb_is_rejected_before_memory_is_taken() {
    let root = tempfile::tempdir().unwrap();
    // Far above the limit, and a little.
    for side in [60_000, 17_000] {
        let path = root.path().join("bomb.png");
        write(&path, bomb(side));
        let began = Instant::now();
        let error = decode_file(&path, &DecodeLimits::default()).unwrap_err();
        assert!(
            error.to_string().contains("data.max_pixels allows"),
            "{error}"
        );
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_file_larger_than_the_limit_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.png");
    write(&path, png(64, 64, 1));
    let limits = DecodeLimits {
        file_bytes: fs::metadata(&path).unwrap().len() - 1,
        ..DecodeLimits::default()
    };
    assert!(matches!(
        decode_file(&path, &limits),
        Err(DataError::TooLarge { .. })
    ));
}

/// A record of the split knows what was trained on by its content.
#[test]
fn an_image_that_shows_another_one_since_the_data_were_opened_is_an_error_and_saved_again_it_is_none()
 {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 3);
    images(&root.path().join("dog"), 3);
    let data = open(root.path(), &uncut()).unwrap();
    let samples = Samples::new(
        data.train.clone(),
        ImageSize::new(3, 6, 8),
        Resize::Stretch,
        0,
    );
    let path = root.path().join("cat/0.png");
    let before = samples.get(0).unwrap();
    let same = image::open(&path).unwrap();
    same.save_with_format(&path, ImageFormat::Bmp).unwrap();
    assert_eq!(samples.get(0).unwrap().pixels, before.pixels);
    std::fs::copy(root.path().join("dog/1.png"), &path).unwrap();
    for error in [samples.get(0).unwrap_err(), data.train.read(0).unwrap_err()] {
        let text = error.to_string();
        assert!(
            text.contains("cat/0.png") && text.contains("its image has changed"),
            "{text}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    let text = data.train.read(0).unwrap_err().to_string();
    assert!(
        text.contains("was deleted after the data was opened; restore it"),
        "{text}"
    );
}
