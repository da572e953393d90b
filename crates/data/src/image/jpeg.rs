//! Whether a JPEG is complete, and decoding a large one at a fraction of its size.

use crate::image::Picture;
use jpeg_decoder::{Decoder, PixelFormat};
use memchr::memchr;
use std::io::Cursor;

/// Whether a JPEG file has an end-of-image marker after the start of its scan.
///
/// The decoder fills the missing part of a truncated file with grey and reports no error, so this is the only
/// way to tell. Checking that the last two bytes are FF D9 would be wrong: phones append data after the image.
/// Header segments are skipped by their length, so an embedded thumbnail's end marker does not count.
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2; // after the start-of-image marker
    let mut in_scan = false;
    while let Some(&byte) = bytes.get(at) {
        if byte != 0xff {
            // Outside a scan this is a damaged header, which is left to the decoder.
            match memchr(0xff, &bytes[at..]) {
                Some(next) => at += next,
                None => return false,
            }
        }
        match bytes.get(at + 1) {
            None => return false,
            Some(0xff) => at += 1, // fill byte
            // An escaped FF in the scan, a restart marker, or a marker without a body.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 2,
            Some(0xd9) if in_scan => return true,
            Some(0xd9) => return false,
            Some(&marker) => {
                in_scan |= marker == 0xda;
                let (Some(&high), Some(&low)) = (bytes.get(at + 2), bytes.get(at + 3)) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
    false
}

/// Decodes a grey or RGB JPEG with its sides divided by `factor`, at most 8; `None` for other colours. Only the
/// reduced pixels are computed.
pub(super) fn decode_reduced(bytes: &[u8], factor: usize) -> Result<Option<Picture>, String> {
    let text = |_: jpeg_decoder::Error| "the JPEG is damaged: its content is invalid".to_string();
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.read_info().map_err(text)?;
    let Some(info) = decoder.info() else {
        return Ok(None);
    };
    let channels = match info.pixel_format {
        PixelFormat::L8 => 1,
        PixelFormat::RGB24 => 3,
        PixelFormat::L16 | PixelFormat::CMYK32 => return Ok(None),
    };
    let factor = u16::try_from(factor.min(8)).unwrap_or(8);
    let (width, height) = decoder
        .scale(info.width.div_ceil(factor), info.height.div_ceil(factor))
        .map_err(text)?;
    Ok(Some(Picture {
        pixels: decoder.decode().map_err(text)?,
        width: width.into(),
        height: height.into(),
        channels,
    }))
}

#[cfg(test)]
mod tests {
    use super::has_end;

    const SCAN: [u8; 8] = [0xff, 0xda, 0, 2, 1, 0xff, 0, 2];

    #[test]
    fn an_end_marker_counts_only_after_the_scan_began() {
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xda, 0xff, 0xd9];
        let whole = [
            &[0xff, 0xd8][..],
            &thumbnail,
            &SCAN,
            &[0xff, 0xd9],
            b"appended",
        ]
        .concat();
        assert!(has_end(&whole));
        let cut = [&[0xff, 0xd8][..], &thumbnail, &SCAN].concat();
        assert!(!has_end(&cut));
    }

    #[test]
    fn end_bytes_inside_a_table_between_scans_do_not_count() {
        let table = [0xff, 0xc4, 0, 4, 0xff, 0xd9];
        assert!(!has_end(
            &[&[0xff, 0xd8][..], &SCAN, &table, &SCAN].concat()
        ));
    }

    #[test]
    fn no_prefix_makes_it_panic() {
        let bytes = [&[0xff, 0xd8][..], &SCAN, &[0xff, 0xff, 0xd9]].concat();
        for len in 0..bytes.len() {
            assert!(!has_end(&bytes[..len]));
        }
        assert!(has_end(&bytes));
    }
}
