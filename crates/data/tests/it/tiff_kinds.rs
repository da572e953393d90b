//! Kinds of TIFF and ICO files that scanners, microscopes and office programs write.

use crate::make::{encoded, jpeg, rgb, write};
use image::ImageFormat;
use receptive_data::{DataError, DecodeLimits, Picture, decode_file};

/// A TIFF of one strip: its tags (number, kind, values), then the strip.
fn tiff(tags: &[(u16, u16, Vec<u32>)], strip: &[u8]) -> Vec<u8> {
    let mut tags = tags.to_vec();
    tags.push((279, 4, vec![strip.len() as u32]));
    tags.push((273, 4, vec![0]));
    tags.sort();
    let directory = 8 + 2 + 12 * tags.len() + 4;
    let mut outside = Vec::new();
    let mut entries = Vec::new();
    // The strip is the last, after all values that do not fit into an entry.
    let lengths = tags.iter().map(|(_, kind, values)| {
        let bytes = values.len() * if *kind == 3 { 2 } else { 4 };
        if bytes > 4 { bytes } else { 0 }
    });
    let strip_at = directory + lengths.sum::<usize>();
    for (number, kind, values) in tags {
        let values = if number == 273 {
            vec![strip_at as u32]
        } else {
            values
        };
        let mut bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| match kind {
                3 => (*value as u16).to_le_bytes().to_vec(),
                _ => value.to_le_bytes().to_vec(),
            })
            .collect();
        entries.extend(number.to_le_bytes());
        entries.extend(kind.to_le_bytes());
        entries.extend((values.len() as u32).to_le_bytes());
        if bytes.len() > 4 {
            entries.extend(((directory + outside.len()) as u32).to_le_bytes());
            outside.extend(bytes);
        } else {
            bytes.resize(4, 0);
            entries.extend(bytes);
        }
    }
    let count = (entries.len() as u16 / 12).to_le_bytes();
    [
        b"II*\0\x08\0\0\0",
        &count[..],
        &entries,
        &[0; 4],
        &outside,
        strip,
    ]
    .concat()
}

fn tags(
    side: [u32; 2],
    bits: Vec<u32>,
    photometric: u32,
    compression: u32,
) -> Vec<(u16, u16, Vec<u32>)> {
    vec![
        (256, 4, vec![side[0]]),
        (257, 4, vec![side[1]]),
        (277, 3, vec![bits.len() as u32]),
        (258, 3, bits),
        (259, 3, vec![compression]),
        (262, 3, vec![photometric]),
        (278, 4, vec![side[1]]),
    ]
}

fn decode(name: &str, bytes: &[u8]) -> Result<Picture, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, bytes);
    decode_file(&path, &DecodeLimits::default())
}

#[test]
fn a_palette_gives_its_colours() {
    let mut tags = tags([2, 2], vec![8], 3, 1);
    let mut map = vec![0u32; 3 * 256];
    for (index, color) in [(0, [255, 0, 0]), (7, [1, 2, 3]), (255, [9, 200, 255])] {
        for (channel, value) in color.into_iter().enumerate() {
            map[channel * 256 + index] = value * 257;
        }
    }
    tags.push((320, 3, map));
    let picture = decode("a.tif", &tiff(&tags, &[0, 7, 255, 0])).unwrap();
    assert_eq!((picture.width, picture.height, picture.channels), (2, 2, 3));
    assert_eq!(picture.pixels, [255, 0, 0, 1, 2, 3, 9, 200, 255, 255, 0, 0]);
    let without_map = &tags[..tags.len() - 1];
    let text = decode("a.tif", &tiff(without_map, &[0; 4]))
        .unwrap_err()
        .to_string();
    assert!(text.contains("damaged palette"), "{text}");
}

#[test]
fn a_jpeg_inside_of_a_tiff_gives_the_colours_of_the_jpeg() {
    let inner = jpeg(32, 24, 3);
    let bytes = tiff(&tags([32, 24], vec![8, 8, 8], 6, 7), &inner);
    let (found, wanted) = (
        decode("a.tif", &bytes).unwrap(),
        decode("a.jpg", &inner).unwrap(),
    );
    assert_eq!((found.width, found.height, found.channels), (32, 24, 3));
    let most = found
        .pixels
        .iter()
        .zip(&wanted.pixels)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(most.unwrap() <= 2, "{most:?}");
}

#[test]
fn a_tiff_that_cannot_be_read_says_what_it_is_and_how_to_convert_it() {
    for (bits, photometric, format, words) in [
        (vec![32], 1, Some(3), "32-bit floating-point numbers"),
        (vec![32], 1, Some(2), "32-bit signed integers"),
        (vec![32], 1, None, "32-bit numbers"),
        (vec![64], 0, Some(3), "64-bit floating-point numbers"),
        (vec![4], 3, None, "palette of 4-bit indices"),
        (vec![8, 8, 8], 6, None, "YCbCr colours"),
        (vec![8, 8, 8], 8, None, "L*a*b*"),
    ] {
        let length = bits.iter().sum::<u32>() as usize / 2;
        let mut tags = tags([2, 2], bits, photometric, 1);
        tags.extend(format.map(|format| (339, 3, vec![format])));
        let text = decode("a.tif", &tiff(&tags, &vec![0; length]))
            .unwrap_err()
            .to_string();
        assert!(text.contains(words), "{words}: {text}");
        assert!(text.contains("magick"), "{text}");
        assert!(!text.contains("Unknown"), "{text}");
    }
}

#[test]
fn an_icon_with_a_png_of_any_colours_is_read() {
    let inner = encoded(&rgb(20, 20, 2), ImageFormat::Png);
    let mut icon = b"\0\0\x01\0\x01\0\x14\x14\0\0\x01\0\x18\0".to_vec();
    icon.extend((inner.len() as u32).to_le_bytes());
    icon.extend(22u32.to_le_bytes());
    icon.extend(&inner);
    assert_eq!(
        decode("a.ico", &icon).unwrap(),
        decode("a.png", &inner).unwrap()
    );
}
