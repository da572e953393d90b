//! Decoding an image file to 8-bit pixels, within limits.

use crate::error::DataError;
use crate::image::{Picture, jpeg, spare_bytes};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use receptive_core::file::ReadError;
use receptive_core::hash::ContentHash;
use receptive_core::{file, panic};
use std::io::Cursor;
use std::path::Path;

/// Limits on decoding an image file; exceeding one is an error, found before memory is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The largest file, in bytes. Default 64 MiB.
    pub file_bytes: u64,
    /// The largest width and height, in pixels. Default 16384.
    pub side: u32,
    /// The largest decoded image, in bytes. Default 128 MiB (a 44 megapixel RGB photo).
    pub alloc: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            side: 16_384,
            alloc: 128 << 20,
        }
    }
}

/// Reads and decodes one image file.
///
/// The format is found by content, not by extension (except TGA, which has no signature). EXIF
/// orientation is applied, 16-bit and float channels become 8-bit, grey stays one channel, and what
/// is transparent is laid over white. Of an animation the first frame is taken.
///
/// # Errors
/// A file that is not a regular file (or a link to one), exceeds a limit, or is damaged. A JPEG
/// that ends before its end marker is damaged although most decoders accept it.
pub fn decode_file(path: &Path, limits: &DecodeLimits) -> Result<Picture, DataError> {
    Ok(read_image(path, limits)?.picture)
}

/// The same of bytes that are in memory already. `name` stands for the file in messages; its
/// extension says nothing but for TGA.
///
/// # Errors
/// As [`decode_file`].
pub fn decode(bytes: &[u8], name: &Path, limits: &DecodeLimits) -> Result<Picture, DataError> {
    if bytes.len() as u64 > limits.file_bytes {
        return Err(DataError::TooLarge {
            path: name.to_path_buf(),
            found: format!("{} bytes", bytes.len()),
            limit: format!("{} bytes", limits.file_bytes),
        });
    }
    Ok(decode_named(bytes, name, limits)?.picture)
}

/// A decoded file and what only the decoder knows about it.
pub(crate) struct ImageFile {
    pub(crate) picture: Picture,
    /// How the file stores its colours, such as `RGB with alpha`.
    pub(crate) colours: &'static str,
    /// The file's size.
    pub(crate) bytes: u64,
    /// The hash of the file.
    pub(crate) content: ContentHash,
}

pub(crate) fn read_image(path: &Path, limits: &DecodeLimits) -> Result<ImageFile, DataError> {
    decode_named(&read_capped(path, limits.file_bytes)?, path, limits)
}

pub(crate) fn decode_named(
    bytes: &[u8],
    path: &Path,
    limits: &DecodeLimits,
) -> Result<ImageFile, DataError> {
    let damaged = |reason: String| DataError::Image {
        path: path.to_path_buf(),
        reason,
    };
    if bytes.is_empty() {
        return Err(damaged("the file is empty".into()));
    }
    // Decoders are other people's code and the files may come from anywhere: a panic is an error of
    // this file, not the end of the run.
    let decoded = panic::catch(|| decode_bytes(bytes, path, limits))
        .unwrap_or_else(|_| Err("its decoder failed on it".into()));
    let (picture, colours) = decoded.map_err(damaged)?;
    Ok(ImageFile {
        picture,
        colours,
        bytes: bytes.len() as u64,
        content: ContentHash::of(bytes),
    })
}

/// Reads a whole regular file of at most `limit` bytes.
pub(crate) fn read_capped(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    file::read_capped(path, limit).map_err(|error| match error {
        ReadError::Io(source) => DataError::io("read", path)(source),
        ReadError::NotAFile { found } => DataError::NotAFile {
            path: path.to_path_buf(),
            found,
        },
        other => DataError::TooLarge {
            path: path.to_path_buf(),
            found: match &other {
                ReadError::TooLarge { found, .. } => format!("{found} bytes"),
                _ => other.to_string(),
            },
            limit: format!("{limit} bytes"),
        },
    })
}

/// The picture, and how the file stores its colours.
fn decode_bytes(
    bytes: &[u8],
    path: &Path,
    limits: &DecodeLimits,
) -> Result<(Picture, &'static str), String> {
    let format = match image::guess_format(bytes) {
        Ok(format) => format,
        Err(_) if is_tga(path) => ImageFormat::Tga,
        Err(_) => return Err("its content is of no known image format".into()),
    };
    if format == ImageFormat::Jpeg && !jpeg::has_end(bytes) {
        return Err("the JPEG is truncated: its end marker (FF D9) is missing".into());
    }
    let mut caps = Limits::default();
    caps.max_image_width = Some(limits.side);
    caps.max_image_height = Some(limits.side);
    caps.max_alloc = Some(limits.alloc);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(caps.clone());
    let text = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => format!(
            "it is larger than the limits of {0} x {0} pixels and {1} MiB decoded",
            limits.side,
            limits.alloc >> 20
        ),
        other => other.to_string(),
    };
    let mut decoder = reader.into_decoder().map_err(text)?;
    let (width, height) = decoder.dimensions();
    caps.check_dimensions(width, height).map_err(text)?;
    caps.reserve(decoder.total_bytes()).map_err(text)?;
    if width == 0 || height == 0 {
        return Err(format!("it has no pixels: {width} x {height}"));
    }
    // Unreadable EXIF data says nothing about the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    decoder.set_limits(caps).map_err(text)?;
    let colours = colour_name(decoder.color_type());
    let plain = match decoder.color_type() {
        ColorType::L8 => Some(1),
        ColorType::Rgb8 => Some(3),
        _ => None,
    };
    // Most photographs need no more than their pixels: into memory that the thread has already.
    if let (Some(channels), Orientation::NoTransforms) = (plain, orientation) {
        let (width, height) = (width as usize, height as usize);
        let mut pixels = spare_bytes(width * height * channels);
        decoder.read_image(&mut pixels).map_err(text)?;
        let picture = Picture {
            width,
            height,
            channels,
            pixels,
        };
        return Ok((picture, colours));
    }
    let mut image = DynamicImage::from_decoder(decoder).map_err(text)?;
    image.apply_orientation(orientation);
    Ok((to_picture(image), colours))
}

fn is_tga(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("tga"))
}

fn colour_name(colours: ColorType) -> &'static str {
    match colours {
        ColorType::L8 => "grey",
        ColorType::La8 => "grey with alpha",
        ColorType::Rgb8 => "RGB",
        ColorType::Rgba8 => "RGB with alpha",
        ColorType::L16 => "grey, 16 bit",
        ColorType::La16 => "grey with alpha, 16 bit",
        ColorType::Rgb16 => "RGB, 16 bit",
        ColorType::Rgba16 => "RGB with alpha, 16 bit",
        ColorType::Rgb32F => "RGB, float",
        ColorType::Rgba32F => "RGB with alpha, float",
        _ => "other",
    }
}

fn to_picture(image: DynamicImage) -> Picture {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let alpha = image.color().has_alpha();
    let (channels, pixels) = match (image.color().has_color(), alpha) {
        (false, false) => (1, image.into_luma8().into_raw()),
        (false, true) => (1, over_white::<1>(&image.into_luma_alpha8().into_raw())),
        (true, false) => (3, image.into_rgb8().into_raw()),
        (true, true) => (3, over_white::<3>(&image.into_rgba8().into_raw())),
    };
    Picture {
        width,
        height,
        channels,
        pixels,
    }
}

/// Lays pixels of `C` colours and an alpha over white.
fn over_white<const C: usize>(pixels: &[u8]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(pixels.len() / (C + 1) * C);
    for pixel in pixels.chunks_exact(C + 1) {
        let alpha = u32::from(pixel[C]);
        for &colour in &pixel[..C] {
            flat.push(((u32::from(colour) * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::over_white;

    #[test]
    fn transparency_is_laid_over_white() {
        assert_eq!(
            over_white::<3>(&[10, 20, 30, 255, 10, 20, 30, 0]),
            [10, 20, 30, 255, 255, 255]
        );
        assert_eq!(over_white::<1>(&[0, 127, 100, 255]), [128, 100]);
    }
}
