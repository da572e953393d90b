//! TIFF files with colours that the decoder does not convert: palettes and YCbCr.
//!
//! Such a file is relabelled as plain grey or RGB, so that the decoder returns its samples unchanged, and the
//! colours are converted here.

use crate::image::Picture;

const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const SAMPLES: u16 = 277;
const COLOR_MAP: u16 = 320;
const SAMPLE_FORMAT: u16 = 339;

/// A file relabelled with a colour type that the decoder supports, and its real colours.
pub(super) struct PlainTiff {
    pub(super) bytes: Vec<u8>,
    colours: Colours,
}

enum Colours {
    /// Red, green and blue of each grey value.
    Palette(Vec<[u8; 3]>),
    YCbCr,
}

impl PlainTiff {
    /// How the file stores its colours.
    pub(super) fn name(&self) -> &'static str {
        match self.colours {
            Colours::Palette(_) => "palette",
            Colours::YCbCr => "YCbCr",
        }
    }

    /// Converts decoded samples to the image's real colours.
    pub(super) fn colour(&self, picture: &Picture) -> Picture {
        let pixels = match &self.colours {
            Colours::Palette(palette) => picture
                .pixels
                .iter()
                .flat_map(|index| {
                    palette
                        .get(usize::from(*index))
                        .copied()
                        .unwrap_or_default()
                })
                .collect(),
            Colours::YCbCr => picture
                .pixels
                .chunks_exact(3)
                .flat_map(|pixel| rgb(pixel[0], pixel[1], pixel[2]))
                .collect(),
        };
        Picture {
            channels: 3,
            pixels,
            ..*picture
        }
    }
}

/// ITU-R BT.601 with the full range, as in JPEG.
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let [y, cb, cr] = [f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0];
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

/// A decodable replacement for a TIFF with a palette or YCbCr; `None` if none is needed.
///
/// # Errors
/// An unsupported kind of TIFF.
pub(super) fn without_colours(bytes: &[u8]) -> Result<Option<PlainTiff>, String> {
    // Other kinds of files, such as BigTIFF, are left to the decoder.
    let Some(tags) = Directory::find(bytes) else {
        return Ok(None);
    };
    let bits = tags.number(BITS).unwrap_or(1);
    let photometric = tags.number(PHOTOMETRIC).unwrap_or(1);
    let convert = "convert it to a PNG of 8-bit colours";
    match (photometric, tags.number(SAMPLE_FORMAT).unwrap_or(1)) {
        (3, 1) if matches!(bits, 1 | 8) => {
            let palette = tags
                .palette(bits)
                .ok_or("it is a TIFF with a damaged palette")?;
            Ok(tags.with_photometric(1, Colours::Palette(palette)))
        }
        (3, _) => Err(format!(
            "it is a TIFF with a palette of {bits}-bit indices, which cannot be read; {convert}, \
             for example with `magick IN.tif OUT.png`"
        )),
        (6, 1) if bits == 8 && tags.number(COMPRESSION) == Some(7) => {
            Ok(tags.with_photometric(2, Colours::YCbCr))
        }
        (6, _) => Err(format!(
            "it is a TIFF with YCbCr colours without JPEG compression, which cannot be read; \
             {convert}, for example with `magick IN.tif OUT.png`"
        )),
        (8..=10, _) => Err(format!(
            "it is a TIFF with CIE L*a*b* colours, which cannot be read; {convert}, for example \
             with `magick IN.tif -colorspace sRGB OUT.png`"
        )),
        (0 | 1, format) if format > 1 || bits > 16 => Err(format!(
            "it is a TIFF of {bits}-bit {}, whose value range is unknown; scale them to grey \
             values of 8 or 16 bits, for example with `magick IN.tif -auto-level -depth 8 \
             OUT.png` or ImageJ's Image > Type > 8-bit",
            match format {
                2 => "signed integers",
                3 => "floating-point numbers",
                _ => "numbers",
            }
        )),
        _ if tags.number(SAMPLES).is_some_and(|samples| samples > 5) => Err(format!(
            "it is a TIFF of {} channels, which cannot be read; save its colour channels as a PNG",
            tags.number(SAMPLES).unwrap_or_default()
        )),
        _ => Ok(None),
    }
}

/// The first directory of a TIFF.
struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    /// Where its entries begin.
    start: usize,
    entries: usize,
}

impl<'a> Directory<'a> {
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let mut found = Self {
            bytes,
            little: bytes.starts_with(b"II*\0"),
            start: 0,
            entries: 0,
        };
        if !found.little && !bytes.starts_with(b"MM\0*") {
            return None;
        }
        let start = found.read(4, 4)?;
        found.entries = found.read(start, 2)?;
        found.start = start.checked_add(2)?;
        Some(found)
    }

    fn read(&self, at: usize, length: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(match self.little {
            true => bytes.rev().fold(0, add),
            false => bytes.fold(0, add),
        })
    }

    /// The offset of a tag's entry.
    fn entry(&self, tag: u16) -> Option<usize> {
        let mut places = (0..self.entries).map(|entry| self.start + 12 * entry);
        places.find(|at| self.read(*at, 2) == Some(usize::from(tag)))
    }

    /// The first value of a tag with 16-bit or 32-bit values.
    fn number(&self, tag: u16) -> Option<usize> {
        let at = self.entry(tag)?;
        let (kind, count) = (self.read(at + 2, 2)?, self.read(at + 4, 4)?);
        match (kind, count) {
            (3, 1 | 2) => self.read(at + 8, 2),
            (3, _) => self.read(self.read(at + 8, 4)?, 2),
            (4, 1) => self.read(at + 8, 4),
            _ => None,
        }
    }

    fn palette(&self, bits: usize) -> Option<Vec<[u8; 3]>> {
        let at = self.entry(COLOR_MAP)?;
        let colours = 1 << bits;
        if (self.read(at + 2, 2)?, self.read(at + 4, 4)?) != (3, 3 * colours) {
            return None;
        }
        let start = self.read(at + 8, 4)?;
        // All reds, then all greens, then all blues, 16 bits each.
        let value = |place: usize| self.read(start.checked_add(2 * place)?, 2);
        let colour = |at: usize| -> Option<[u8; 3]> {
            let parts = [at, colours + at, 2 * colours + at].map(value);
            let [Some(red), Some(green), Some(blue)] = parts else {
                return None;
            };
            Some([red, green, blue].map(|value| (value >> 8) as u8))
        };
        let palette: Option<Vec<[u8; 3]>> = (0..colours).map(colour).collect();
        // The decoder expands one bit to 0 or 255.
        palette.map(|palette| match palette[..] {
            [off, on] => [vec![off; 255], vec![on]].concat(),
            _ => palette,
        })
    }

    /// The file with another photometric interpretation, so that the decoder returns its samples unchanged.
    fn with_photometric(&self, value: u16, colours: Colours) -> Option<PlainTiff> {
        let at = self.entry(PHOTOMETRIC)? + 8;
        let mut bytes = self.bytes.to_vec();
        let value = match self.little {
            true => value.to_le_bytes(),
            false => value.to_be_bytes(),
        };
        bytes.get_mut(at..at + 2)?.copy_from_slice(&value);
        Some(PlainTiff { bytes, colours })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ycbcr_of_known_colours() {
        assert_eq!(rgb(255, 128, 128), [255, 255, 255]);
        assert_eq!(rgb(76, 85, 255), [254, 0, 0]); // red, rounded to 8 bits
        assert_eq!(rgb(29, 255, 107), [0, 0, 254]);
    }

    #[test]
    fn no_prefix_of_a_tiff_makes_it_panic() {
        let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend([2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0]); // 8 bits
        tiff.extend([6, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0]); // a palette, which is missing
        assert!(without_colours(&tiff).is_err_and(|text| text.contains("palette")));
        for length in 0..tiff.len() {
            let _ = without_colours(&tiff[..length]);
        }
    }
}
