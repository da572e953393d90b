//! Decoding an image file to 8-bit pixels, within limits.

use crate::error::DataError;
use crate::image::equal::{ImageIdentity, PixelHash};
use crate::image::foreign::{self, Foreign};
use crate::image::{Picture, ico, jpeg, reduce, spare_bytes, tiff};
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage,
};
use receptive_core::ImageSize;
use receptive_core::file::ReadError;
use receptive_core::hash::ContentHash;
use receptive_core::{file, panic};
use std::io::Cursor;
use std::path::Path;

/// Limits on decoding an image file; exceeding one is an error, found before memory is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The largest file, in bytes. Default 1 GiB.
    pub file_bytes: u64,
    /// Maximum number of pixels of an image, width times height. Default 2^28 (268 megapixels). The decoded
    /// image may have up to four bytes per pixel.
    pub pixels: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 30,
            pixels: Self::DEFAULT_PIXELS,
        }
    }
}

impl DecodeLimits {
    /// The default of `pixels`.
    pub const DEFAULT_PIXELS: u64 = 1 << 28;
}

/// Reads and decodes one image file.
///
/// The format is detected by content, not by extension (except TGA, which has no signature). EXIF orientation
/// is applied, 16-bit and float channels become 8-bit, grey keeps one channel, and transparency is composited
/// on white. Of an animation, only the first frame is used. Images of more than 44.7
/// megapixels (128 MiB in RGB) are halved until they are not larger.
///
/// # Errors
/// The file is not regular (or a link to a regular file), exceeds a limit, or is damaged. A JPEG that ends
/// before its end marker counts as damaged, although most decoders accept it.
pub fn decode_file(path: &Path, limits: &DecodeLimits) -> Result<Picture, DataError> {
    Ok(read_image(path, limits)?.picture)
}

/// Like [`decode_file`], with the image's identity.
///
/// # Errors
/// As [`decode_file`].
pub fn identify_file(
    path: &Path,
    limits: &DecodeLimits,
) -> Result<(Picture, ImageIdentity), DataError> {
    Ok(read_image(path, limits)?.identified())
}

/// Like [`decode_file`], for bytes in memory. `name` stands for the file in messages; its extension matters
/// only for TGA.
///
/// # Errors
/// As [`decode_file`].
pub fn decode(bytes: &[u8], name: &Path, limits: &DecodeLimits) -> Result<Picture, DataError> {
    Ok(identify(bytes, name, limits)?.0)
}

/// Like [`decode`], with the image's identity.
///
/// # Errors
/// As [`decode_file`].
pub fn identify(
    bytes: &[u8],
    name: &Path,
    limits: &DecodeLimits,
) -> Result<(Picture, ImageIdentity), DataError> {
    if bytes.len() as u64 > limits.file_bytes {
        return Err(DataError::TooLarge {
            path: name.to_path_buf(),
            found: format!("{} bytes", bytes.len()),
            limit: format!("{} bytes", limits.file_bytes),
        });
    }
    Ok(decode_named(bytes, name, limits)?.identified())
}

/// A decoded file and what only the decoder knows about it.
pub(crate) struct ImageFile {
    pub(crate) picture: Picture,
    /// The size of the image in the file; `picture` may be reduced.
    pub(crate) size: ImageSize,
    /// How the file stores its colours, such as `RGB with alpha`.
    pub(crate) colours: &'static str,
    /// The hash of the file.
    pub(crate) content: ContentHash,
    /// The EXIF orientation, already applied to `picture`.
    orientation: Orientation,
}

impl ImageFile {
    /// The image's identity.
    pub(crate) fn identity(&self) -> ImageIdentity {
        let stored = match inverse(self.orientation) {
            Orientation::NoTransforms => PixelHash::default(),
            back => PixelHash::of_picture(&orient(self.picture.clone(), back)),
        };
        ImageIdentity {
            content: self.content,
            pixels: PixelHash::of_picture(&self.picture),
            stored,
        }
    }

    fn identified(self) -> (Picture, ImageIdentity) {
        let identity = self.identity();
        (self.picture, identity)
    }
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
    // Decoders are third-party code, and files may come from anywhere: a panic must be an error of this file,
    // not the end of the run.
    let decoded = panic::catch(|| decode_bytes(bytes, path, limits))
        .unwrap_or_else(|_| Err("decoding failed".into()));
    let decoded = decoded.map_err(damaged)?;
    Ok(ImageFile {
        picture: decoded.picture,
        size: decoded.size,
        colours: decoded.colours,
        content: ContentHash::of(bytes),
        orientation: decoded.orientation,
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

struct DecodedImage {
    picture: Picture,
    size: ImageSize,
    colours: &'static str,
    orientation: Orientation,
}

/// The format of the bytes, and the embedded file if the image is inside one.
fn find_format<'a>(bytes: &'a [u8], path: &Path) -> Result<(ImageFormat, &'a [u8]), String> {
    let foreign = || {
        let content = Foreign::from_content(&bytes[..bytes.len().min(HEAD_BYTES)]);
        content.or_else(|| Foreign::from_name(path))
    };
    match image::guess_format(bytes) {
        Ok(ImageFormat::Tiff) if foreign::is_raw_in_tiff(bytes, path) => Err(Foreign::Raw.reason()),
        Ok(ImageFormat::Ico) => Ok(match ico::inner_png(bytes) {
            Some(png) => (ImageFormat::Png, png),
            None => (ImageFormat::Ico, bytes),
        }),
        Ok(format) if format.reading_enabled() => Ok((format, bytes)),
        _ => match foreign() {
            Some(foreign) => Err(foreign.reason()),
            None if is_tga(path) => Ok((ImageFormat::Tga, bytes)),
            None => Err("its content is not in a known image format".into()),
        },
    }
}

/// Number of a file's first bytes used to detect its format.
const HEAD_BYTES: usize = 1024;

fn decode_bytes(bytes: &[u8], path: &Path, limits: &DecodeLimits) -> Result<DecodedImage, String> {
    let (format, bytes) = find_format(bytes, path)?;
    if format == ImageFormat::Jpeg && !jpeg::has_end(bytes) {
        return Err("the JPEG is truncated: its end marker (FF D9) is missing".into());
    }
    let plain_tiff = match format {
        ImageFormat::Tiff => tiff::without_colours(bytes)?,
        _ => None,
    };
    let bytes = plain_tiff.as_ref().map_or(bytes, |plain| &plain.bytes);
    let text = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => too_large(limits, "decoding it takes more memory"),
        image::ImageError::Unsupported(_) => format!(
            "this variant of {} is not supported; save it as an 8-bit PNG, for example with \
             `magick`",
            format!("{format:?}").to_uppercase()
        ),
        other => damage(&other, format),
    };
    let mut caps = Limits::default();
    caps.max_image_width = None;
    caps.max_image_height = None;
    caps.max_alloc = Some(limits.pixels.saturating_mul(4));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(caps.clone());
    let mut decoder = reader.into_decoder().map_err(text)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(too_large(
            limits,
            &format!("it has {width} x {height} pixels"),
        ));
    }
    let mut left = caps.clone();
    left.reserve(decoder.total_bytes()).map_err(text)?;
    caps = match format {
        // This decoder counts the pixels against the limit itself, and compressed data may need as much memory
        // again.
        ImageFormat::Tiff => {
            caps.max_alloc = Some(limits.pixels.saturating_mul(8));
            caps
        }
        _ => left,
    };
    if width == 0 || height == 0 {
        return Err(format!("it has no pixels: {width} x {height}"));
    }
    // Unreadable EXIF data does not mean that the pixels are damaged.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    decoder.set_limits(caps).map_err(text)?;
    let colours = match &plain_tiff {
        Some(plain) => plain.name(),
        None => colour_name(decoder.color_type()),
    };
    let plain = match decoder.color_type() {
        ColorType::L8 => Some(1),
        ColorType::Rgb8 => Some(3),
        _ => None,
    };
    let size = (width as usize, height as usize);
    let factor = reduce::factor(size.0, size.1);
    // Large images are decoded one at a time, so that memory does not grow with the threads.
    let is_large = factor > 1 || decoder.total_bytes() > reduce::MAX_BYTES;
    let _turn = is_large.then(reduce::turn);
    let reduced = match format {
        ImageFormat::Jpeg if factor > 1 => jpeg::decode_reduced(bytes, factor)?,
        _ => None,
    };
    // Most photographs need no conversion: they are decoded straight into memory that the thread reuses.
    let picture = match (reduced, plain) {
        (Some(picture), _) => picture,
        (None, Some(channels)) => {
            let mut pixels = spare_bytes(size.0 * size.1 * channels);
            decoder.read_image(&mut pixels).map_err(text)?;
            Picture {
                width: size.0,
                height: size.1,
                channels,
                pixels,
            }
        }
        (None, None) => to_picture(DynamicImage::from_decoder(decoder).map_err(text)?),
    };
    let picture = match &plain_tiff {
        Some(plain) => plain.colour(&picture),
        None => picture,
    };
    // A JPEG may have been reduced by only part of the factor.
    let left = reduce::factor_between(size.0, picture.width, factor);
    let picture = orient(reduce::reduce(picture, left), orientation);
    let swapped = (picture.width > picture.height) != (size.0 > size.1) && size.0 != size.1;
    let (width, height) = if swapped { (size.1, size.0) } else { size };
    Ok(DecodedImage {
        size: ImageSize::new(picture.channels, height, width),
        picture,
        colours,
        orientation,
    })
}

/// The reason for a damaged file: truncated, or invalid content. The decoders' own messages use the terms of
/// their formats.
fn damage(error: &image::ImageError, format: ImageFormat) -> String {
    let words = error.to_string().to_lowercase();
    let ends = [
        "end of file",
        "eof",
        "unexpected end",
        "not enough data",
        "enough data",
        "failed to fill whole buffer",
        "truncated",
        "incomplete",
        "exhausted",
    ];
    let is_short = match error {
        image::ImageError::IoError(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    let name = format!("{format:?}").to_uppercase();
    match is_short || ends.iter().any(|end| words.contains(end)) {
        true => format!("the {name} is truncated: it ends before the image does"),
        false => format!("the {name} is damaged: its content is invalid"),
    }
}

fn too_large(limits: &DecodeLimits, what: &str) -> String {
    format!(
        "{what}, and data.max_pixels allows {} pixels; increase it, or make the image smaller",
        limits.pixels
    )
}

/// The transform that undoes an orientation.
fn inverse(orientation: Orientation) -> Orientation {
    match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        mirrored => mirrored,
    }
}

fn orient(picture: Picture, orientation: Orientation) -> Picture {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let (width, height) = (picture.width as u32, picture.height as u32);
    let image = match picture.channels {
        1 => GrayImage::from_raw(width, height, picture.pixels).map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, picture.pixels).map(DynamicImage::from),
    };
    let mut image = image.unwrap_or_default(); // sides and pixels match, so this never fails
    image.apply_orientation(orientation);
    to_picture(image)
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

/// Composites pixels of `C` colours and an alpha on white.
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
