//! Photographs and other files that cannot be read: said by kind, never dropped in silence.

use crate::make::{encoded, images, jpeg, open, png, rejection, skipping, uncut, write};
use image::ImageFormat;
use receptive_data::{DataOptions, DecodeLimits, decode_file, image_files};
use std::path::Path;

const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

fn reason(path: &Path) -> String {
    decode_file(path, &DecodeLimits::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_class_of_photos_that_cannot_be_read_is_rejected_by_kind_and_not_dropped() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 3);
    images(&root.path().join("dog"), 3);
    for i in 0..30 {
        write(&root.path().join(format!("owl/IMG_{i:02}.HEIC")), HEIC);
    }
    let text = rejection(root.path());
    assert!(text.contains("30 of 36 images cannot be read"), "{text}");
    assert!(text.contains("30 files: it is a HEIC photo"), "{text}");
    assert!(text.contains("HEIC") && text.contains("magick"), "{text}");

    let text = open(root.path(), &DataOptions { ..skipping() })
        .unwrap_err()
        .to_string();
    assert!(text.contains("class `owl` can be read"), "{text}");

    let listing = DataOptions {
        allow_empty_classes: true,
        ..skipping()
    };
    let data = open(root.path(), &listing).unwrap();
    assert_eq!(data.classes, ["cat", "dog", "owl"]);
    let notes = data.notes.join("\n");
    assert!(notes.contains("more: it is a HEIC photo"), "{notes}");
}

#[test]
fn photos_of_unreadable_formats_among_others_count_as_images_that_cannot_be_read() {
    for name in [
        "a.heic", "a.AVIF", "a.dng", "a.CR3", "a.jxl", "a.jp2", "a.pcx", "a.psd", "a.svg", "a.pdf",
        "a.mov", "a.html", "a.dds", "a.KTX2",
    ] {
        let root = tempfile::tempdir().unwrap();
        images(&root.path().join("cat"), 2);
        images(&root.path().join("dog"), 2);
        write(&root.path().join("cat").join(name), [1, 2, 254, 255, 9, 9]);
        let text = rejection(root.path());
        assert!(text.contains("1 of 5 images"), "{name}: {text}");
        assert!(text.contains(name) && text.contains(": it is a"), "{text}");
        let options = DataOptions {
            val_fraction: 0.0,
            test_fraction: 0.0,
            ..skipping()
        };
        let data = open(root.path(), &options).unwrap();
        assert_eq!(data.train.class_counts(), [2, 2]);
        assert!(data.notes.join("\n").contains(name), "{:?}", data.notes);
    }
}

#[test]
fn a_wrongly_named_file_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (content, word) in [
        (HEIC, "HEIC"),
        (b"\x0a\x05\x01\x08\0\0\0\0", "PCX"),
        (b"\x5d\0\0\x80\0\xff\xff\xff", "an archive"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "AVIF"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
            "git lfs pull",
        ),
        (b"<!DOCTYPE html><html>404</html>", "HTML"),
        (b"%PDF-1.4\n", "PDF"),
        (b"DDS \x7c\0\0\0\x07\x10\0\0", "DDS"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video"),
        (b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0\0\0", "raw"),
        (b"PK\x03\x04\x14\0", "archive"),
        (b"{\"message\": \"Not Found\"}", "JSON"),
        (b"404: Not Found", "text"),
        (&[0; 100], "zero"),
    ] {
        let path = folder.path().join("a.jpg");
        write(&path, content);
        let text = reason(&path);
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_raw_photo_with_a_readable_preview_is_not_read_as_its_preview() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nef");
    write(
        &path,
        encoded(&crate::make::rgb(8, 6, 1), ImageFormat::Tiff),
    );
    assert!(reason(&path).contains("raw photo"), "{}", reason(&path));
}

#[test]
fn photos_without_an_images_extension_are_images_and_copies_are_not() {
    let root = tempfile::tempdir().unwrap();
    for class in ["cat", "dog"] {
        write(&root.path().join(class).join("0001"), jpeg(8, 6, 1));
        write(&root.path().join(class).join("a.jpg_large"), jpeg(8, 6, 2));
        write(&root.path().join(class).join("b.jpg.bak"), jpeg(8, 6, 3));
        write(
            &root.path().join(class).join("LICENSE"),
            "Permission is granted",
        );
    }
    let data = open(root.path(), &uncut()).unwrap();
    assert_eq!(data.train.class_counts(), [2, 2]);
    let notes = data.notes.join("\n");
    for expected in ["skipped 2 files", "`cat` (1 .bak among 2 images)"] {
        assert!(notes.contains(expected), "{notes}");
    }
}

#[test]
fn pages_and_drawings_beside_the_images_to_predict_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.png", png(8, 6, 1)), ("b.heic", HEIC.to_vec())] {
        write(&folder.path().join(name), bytes);
    }
    write(&folder.path().join("index.html"), "<html>");
    write(&folder.path().join("plan.pdf"), "%PDF-1.4");
    let names: Vec<_> = image_files(folder.path()).unwrap();
    assert_eq!(
        names,
        [folder.path().join("a.png"), folder.path().join("b.heic")]
    );
}

#[test]
fn phone_photos_and_strips_are_read_and_keep_their_size() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 1);
    images(&root.path().join("dog"), 1);
    // 46 megapixels, in squares of 100 pixels.
    let squares = image::RgbImage::from_fn(20_000, 2_300, |x, y| {
        let value = (x / 100 * 37 + y / 100 * 101) % 256;
        image::Rgb([value as u8, 255 - value as u8, 90])
    });
    let photo = root.path().join("cat/photo.jpg");
    write(&photo, encoded(&squares.clone().into(), ImageFormat::Jpeg));
    write(&root.path().join("dog/wide.png"), png(20_000, 10, 1));
    write(&root.path().join("dog/high.png"), png(10, 20_000, 1));
    let data = open(root.path(), &uncut()).unwrap();
    let sizes = data.sizes().unwrap();
    assert_eq!((sizes.width.max, sizes.height.max), (20_000, 20_000));

    // Half as wide and high, and the same picture.
    let small = decode_file(&photo, &DecodeLimits::default()).unwrap();
    assert_eq!(
        (small.width, small.height, small.channels),
        (10_000, 1_150, 3)
    );
    for (x, y) in [(25, 25), (5_025, 575), (9_975, 1_125)] {
        let found = &small.pixels[(y * small.width + x) * 3..][..3];
        let wanted = squares.get_pixel(2 * x as u32, 2 * y as u32).0;
        let far = found.iter().zip(wanted).any(|(a, b)| a.abs_diff(b) > 12);
        assert!(!far, "{found:?} for {wanted:?} at {x}, {y}");
    }
}

#[test]
fn an_image_above_the_limit_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    write(&path, png(20, 20, 1));
    let limits = DecodeLimits {
        pixels: 399,
        ..DecodeLimits::default()
    };
    let text = decode_file(&path, &limits).unwrap_err().to_string();
    assert!(text.contains("20 x 20 pixels"), "{text}");
    assert!(text.contains("data.max_pixels allows 399"), "{text}");
}
