//! Image files: every format, every kind of colours, and every kind of damage.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, LumaA, Rgb, RgbImage, Rgba};
use receptive_data::{DataError, DecodeLimits, Picture, decode_file, image_files};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that is removed at the end of the test.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// An RGB image with a pattern that differs by `key`.
fn pattern(width: u32, height: u32, key: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 8) as u8 ^ key, (y * 8) as u8, key.wrapping_mul(37)])
    })
}

/// Writes an image; the format follows the extension. Parent folders are made.
fn put(path: impl AsRef<Path>, image: impl Into<DynamicImage>) -> PathBuf {
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
fn message<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.to_string(),
    }
}

fn decode(path: &Path) -> Result<Picture, DataError> {
    decode_file(path, &DecodeLimits::default())
}

/// The limit stands for four bytes per pixel, which is more than an RGB image takes in any format.
#[test]
fn an_image_just_within_the_limit_of_pixels_is_read_in_every_format() {
    let folder = folder();
    let limits = DecodeLimits {
        pixels: 100_000,
        ..DecodeLimits::default()
    };
    for extension in ["bmp", "png", "ppm", "qoi", "tga", "tiff", "webp", "jpg"] {
        let path = put(
            folder.path().join("a").with_extension(extension),
            pattern(300, 300, 3),
        );
        let picture = decode_file(&path, &limits).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(picture.pixels.len(), 270_000, "{extension}");
    }
}

#[test]
fn every_format_is_read() {
    let folder = folder();
    let rgb = DynamicImage::from(pattern(20, 10, 3));
    let lossless = ["bmp", "png", "ppm", "qoi", "tga", "tiff", "webp"];
    let lossy = ["jpg", "gif"];
    for extension in lossless.iter().chain(&lossy) {
        let path = put(
            folder.path().join("a").with_extension(extension),
            rgb.clone(),
        );
        let picture = decode(&path).unwrap_or_else(|error| panic!("{extension}: {error}"));
        let size = (picture.width, picture.height, picture.channels);
        assert_eq!(size, (20, 10, 3), "{extension}");
        if lossless.contains(extension) {
            assert_eq!(picture.pixels, rgb.as_bytes(), "{extension}");
        }
    }
    for (extension, image) in [
        ("ico", DynamicImage::from(rgb.to_rgba8())),
        ("ff", DynamicImage::from(rgb.to_rgba16())),
        ("exr", DynamicImage::from(rgb.to_rgb32f())),
        ("hdr", DynamicImage::from(rgb.to_rgb32f())),
    ] {
        let path = put(folder.path().join("a").with_extension(extension), image);
        let picture = decode(&path).unwrap_or_else(|error| panic!("{extension}: {error}"));
        assert_eq!((picture.width, picture.channels), (20, 3), "{extension}");
    }
}

#[test]
fn grey_alpha_and_16_bits_are_read() {
    let folder = folder();
    let rgb = DynamicImage::from(pattern(9, 7, 5));
    let kinds = [
        (DynamicImage::from(rgb.to_luma8()), 1),
        (DynamicImage::from(rgb.to_luma16()), 1),
        (DynamicImage::from(rgb.to_luma_alpha8()), 1),
        (DynamicImage::from(rgb.to_luma_alpha16()), 1),
        (DynamicImage::from(rgb.to_rgba8()), 3),
        (DynamicImage::from(rgb.to_rgb16()), 3),
        (DynamicImage::from(rgb.to_rgba16()), 3),
    ];
    for (number, (image, channels)) in kinds.into_iter().enumerate() {
        let path = put(folder.path().join(format!("{number}.png")), image);
        let picture = decode(&path).expect("readable");
        let expected = if channels == 1 {
            rgb.to_luma8().into_raw()
        } else {
            rgb.to_rgb8().into_raw()
        };
        assert_eq!(
            (picture.channels, picture.pixels),
            (channels, expected),
            "{number}"
        );
    }
}

#[test]
fn transparent_pixels_become_white() {
    let folder = folder();
    let rgba = image::RgbaImage::from_pixel(2, 2, Rgba([200, 0, 0, 0]));
    assert_eq!(
        decode(&put(folder.path().join("a.png"), rgba))
            .expect("ok")
            .pixels,
        [255; 12]
    );
    let grey = image::GrayAlphaImage::from_pixel(1, 1, LumaA([0, 128]));
    assert_eq!(
        decode(&put(folder.path().join("b.png"), grey))
            .expect("ok")
            .pixels,
        [127]
    );
}

/// EXIF data with an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
    [&b"MM\0*\0\0\0\x08"[..], &entry, &[0; 4]].concat()
}

/// A JPEG with an EXIF orientation tag.
pub(crate) fn jpeg_turned(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    image.write_with_encoder(encoder).expect("encoded");
    let body = [b"Exif\0\0".as_slice(), &exif(orientation)].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

/// A PNG with an EXIF orientation tag.
pub(crate) fn png_turned(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    let exif = exif(orientation);
    encoder.set_exif_metadata(exif).expect("PNG has EXIF data");
    image.write_with_encoder(encoder).expect("encoded");
    png
}

#[test]
fn exif_orientation_is_applied() {
    let folder = folder();
    // Left half black, right half white.
    let image = image::GrayImage::from_fn(16, 8, |x, _| image::Luma([if x < 8 { 0 } else { 255 }]));
    let image = DynamicImage::from(image);
    let path = folder.path().join("turned.jpg");
    let corner =
        |picture: &Picture, x: usize, y: usize| picture.pixels[y * picture.width + x] > 128;
    // Orientation, size, whether the top left and the bottom right are white.
    for (orientation, size, white) in [
        (1, (16, 8), (false, true)),
        (3, (16, 8), (true, false)),
        (6, (8, 16), (false, true)),
        (8, (8, 16), (true, false)),
    ] {
        fs::write(&path, jpeg_turned(&image, orientation)).expect("written");
        let picture = decode(&path).expect("readable");
        assert_eq!((picture.width, picture.height), size, "{orientation}");
        let corners = (
            corner(&picture, 0, 0),
            corner(&picture, size.0 - 1, size.1 - 1),
        );
        assert_eq!(corners, white, "{orientation}");
    }
}

#[test]
fn the_content_decides_the_format_not_the_name() {
    let folder = folder();
    let png = put(folder.path().join("a.png"), pattern(4, 4, 1));
    let lying = folder.path().join("a.jpg");
    fs::copy(&png, &lying).expect("copied");
    assert_eq!(
        decode(&lying).expect("readable"),
        decode(&png).expect("readable")
    );
}

#[test]
fn a_truncated_jpeg_is_flagged() {
    let folder = folder();
    let whole = fs::read(put(folder.path().join("a.jpg"), pattern(64, 64, 9))).expect("read");
    let path = folder.path().join("cut.jpg");
    for length in (1..whole.len()).step_by(whole.len() / 60) {
        fs::write(&path, &whole[..length]).expect("written");
        let text = message(decode(&path));
        assert!(text.contains("cut.jpg"), "{text}");
    }
    // What phones append after the picture is no damage.
    fs::write(&path, [&whole[..], b"appended by a phone"].concat()).expect("written");
    assert!(decode(&path).is_ok());
}

#[test]
fn no_damage_makes_a_decoder_panic_or_hang() {
    let folder = folder();
    let mut state = 12345u64;
    let mut random = move |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    for extension in [
        "png", "jpg", "bmp", "gif", "tiff", "webp", "qoi", "ico", "tga",
    ] {
        let path = folder.path().join("a").with_extension(extension);
        let whole = fs::read(put(&path, pattern(24, 24, 77))).expect("read");
        for round in 0..60 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(random(whole.len())),
                1 => (0..3).for_each(|_| bytes[random(whole.len())] ^= 1 << random(8)),
                _ => {
                    let start = random(whole.len());
                    let end = (start + 40).min(whole.len());
                    bytes[start..end].fill(0);
                }
            }
            fs::write(&path, &bytes).expect("written");
            // Pixels or an error that names the file; anything else fails this test.
            if let Err(error) = decode(&path) {
                assert!(error.to_string().contains(extension));
                assert!(
                    !error.to_string().contains("decoding failed"),
                    "{extension}: {error}"
                );
            }
        }
    }
}

#[test]
fn limits_hold_before_memory_is_taken() {
    let folder = folder();
    // A PNG header that claims 60000 x 60000 pixels.
    let mut png = fs::read(put(folder.path().join("a.png"), pattern(2, 2, 0))).expect("read");
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let bomb = folder.path().join("bomb.png");
    fs::write(&bomb, png).expect("written");
    let text = message(decode(&bomb));
    assert!(
        text.contains("data.max_pixels allows") && text.contains("bomb.png"),
        "{text}"
    );

    // A sparse file of 10 GiB.
    let sparse = folder.path().join("sparse.jpg");
    fs::File::create(&sparse)
        .and_then(|file| file.set_len(10 << 30))
        .expect("made");
    let text = message(decode(&sparse));
    assert!(
        text.contains("too large") && text.contains("1073741824"),
        "{text}"
    );

    let limits = DecodeLimits {
        pixels: 26,
        ..DecodeLimits::default()
    };
    let wide = put(folder.path().join("wide.png"), pattern(9, 3, 1));
    assert!(message(decode_file(&wide, &limits)).contains("9 x 3 pixels, and data.max_pixels"));
    let limits = DecodeLimits {
        pixels: 20,
        ..DecodeLimits::default()
    };
    assert!(decode_file(&wide, &limits).is_err());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn only_regular_files_are_opened() {
    let folder = folder();
    assert!(message(decode(folder.path())).contains("is a folder"));
    assert!(message(decode(&folder.path().join("none.png"))).contains("none.png"));
    let empty = folder.path().join("empty.png");
    fs::write(&empty, "").expect("written");
    assert!(message(decode(&empty)).contains("is empty"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let pipe = folder.path().join("pipe.png");
        let made = std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo runs");
        assert!(made.success());
        // Opening it would wait for ever.
        assert!(message(decode(&pipe)).contains("pipe"));
        let endless = folder.path().join("endless.png");
        symlink("/dev/zero", &endless).expect("linked");
        assert!(message(decode(&endless)).contains("device"));
        let around = folder.path().join("loop.png");
        symlink(&around, &around).expect("linked");
        assert!(message(decode(&around)).contains("loop.png"));
        let real = put(folder.path().join("real.png"), pattern(3, 3, 3));
        let link = folder.path().join("link.png");
        symlink(&real, &link).expect("linked");
        assert!(decode(&link).is_ok());
    }
}

#[test]
fn image_files_walks_in_sorted_order_and_not_through_links_to_folders() {
    let folder = folder();
    let root = folder.path();
    for name in ["b/2.png", "b/10.png", "a/x.JPG", "c.webp"] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, "not looked into").expect("written");
    }
    fs::write(root.join("notes.txt"), "").expect("written");
    fs::write(root.join(".hidden.png"), "").expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(root, root.join("b/again")).expect("linked");
    let found = image_files(root).expect("found");
    let names: Vec<_> = found
        .iter()
        .map(|p| p.strip_prefix(root).expect("below").to_str())
        .collect();
    assert_eq!(
        names,
        ["a/x.JPG", "b/10.png", "b/2.png", "c.webp"].map(Some)
    );
    assert_eq!(
        image_files(&root.join("notes.txt"))
            .expect("given by name")
            .len(),
        1
    );
    let empty = root.join("empty");
    fs::create_dir(&empty).expect("made");
    assert!(message(image_files(&empty)).contains("contain no image"));
    assert!(image_files(&root.join("none")).is_err());
    assert_eq!(
        ImageFormat::from_path("x.JPG").ok(),
        Some(ImageFormat::Jpeg)
    );
}
