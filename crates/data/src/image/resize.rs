//! Resizing an image to a given size.

use crate::error::DataError;
use crate::image::Picture;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use receptive_core::{Fit, ImageSize, Interpolation, Resize};

/// Maximum input side: as large as the largest image decoded by default.
const MAX_SIDE: usize = 16_384;
/// Maximum number of pixels of an image resized before the centre crop.
const MAX_RESIZED: usize = 1 << 26;

/// Checks that images can have this size: 1 or 3 channels and sides of 1 to 16384 pixels.
pub fn check_size(size: &ImageSize) -> Result<(), DataError> {
    let reject = |problem| Err(DataError::setting("input size", problem));
    if size.channels != 1 && size.channels != 3 {
        return reject(format!(
            "it has {} channels; use 1 (grey) or 3 (RGB)",
            size.channels
        ));
    }
    for (side, value) in [("height", size.height), ("width", size.width)] {
        if !(1..=MAX_SIDE).contains(&value) {
            return reject(format!("its {side} is {value} pixels; use 1 to {MAX_SIDE}"));
        }
    }
    Ok(())
}

/// Resizes an image to exactly `size`: `[height, width, channels]`, 0 to 255.
///
/// Grey becomes RGB by repetition, RGB becomes grey by the luma weights of ITU-R 601 (as in Pillow). Resizing
/// is antialiased and computed in integers, so the result does not depend on the processor; it differs from
/// Pillow's by at most 1 of 255. An image that already has the size is unchanged, unless there is a crop
/// fraction.
///
/// # Errors
/// The size or the crop fraction is invalid, or the image has missing bytes.
pub fn fit(picture: &Picture, size: &ImageSize, fit: impl Into<Fit>) -> Result<Vec<u8>, DataError> {
    let fit = fit.into();
    check_size(size)?;
    fit.check()
        .map_err(|problem| DataError::setting("crop fraction", problem))?;
    let (width, height, channels) = (picture.width, picture.height, picture.channels);
    let whole = width
        .checked_mul(height)
        .and_then(|area| area.checked_mul(channels));
    if width == 0 || height == 0 || whole != Some(picture.pixels.len()) {
        return Err(DataError::format(
            format!("an image of {width} x {height} with {channels} channels"),
            format!(
                "it has {} bytes; expected width x height x channels",
                picture.pixels.len()
            ),
        ));
    }
    // Channels are reduced before resizing and added after it, so that fewer values are resized.
    let grey;
    let (source, source_channels) = if channels == 3 && size.channels == 1 {
        grey = to_grey(&picture.pixels);
        (&grey, 1)
    } else {
        (&picture.pixels, channels)
    };
    let (from, to) = ((width, height), (size.width, size.height));
    let resized = if is_unchanged(from, to, fit) {
        source.clone()
    } else {
        scale(source, from, source_channels, to, fit)?
    };
    Ok(if source_channels == 1 && size.channels == 3 {
        to_rgb(&resized)
    } else {
        resized
    })
}

/// Whether an image of this width and height needs no resizing.
pub(crate) fn is_unchanged(from: (usize, usize), to: (usize, usize), fit: Fit) -> bool {
    from == to && fit.crop_fraction.is_none_or(|fraction| fraction == 1.0)
}

fn to_grey(rgb: &[u8]) -> Vec<u8> {
    let luma = |p: &[u8]| {
        (19_595 * u32::from(p[0]) + 38_470 * u32::from(p[1]) + 7_471 * u32::from(p[2]) + 0x8000)
            >> 16
    };
    rgb.chunks_exact(3).map(|pixel| luma(pixel) as u8).collect()
}

fn to_rgb(grey: &[u8]) -> Vec<u8> {
    grey.iter().flat_map(|&value| [value; 3]).collect()
}

fn scale(
    pixels: &[u8],
    from: (usize, usize),
    channels: usize,
    to: (usize, usize),
    fit: Fit,
) -> Result<Vec<u8>, DataError> {
    let filter = match fit.interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
    };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let resample = |to: (usize, usize)| match fit.interpolation {
        Interpolation::Bilinear => convolve(pixels, from, channels, to, &options),
        // Bicubic values may exceed 0 and 255 and are clipped after each pass, so the order of the passes
        // matters: Pillow resizes rows first, the library columns.
        Interpolation::Bicubic => {
            let rows = (to.0, from.1);
            let wide = convolve(pixels, from, channels, rows, &options)?;
            convolve(&wide, rows, channels, to, &options)
        }
    };
    match (fit.resize, fit.crop_fraction) {
        (Resize::Stretch, _) => resample(to),
        (Resize::Crop, None) => {
            let options = options.fit_into_destination(Some((0.5, 0.5)));
            convolve(pixels, from, channels, to, &options)
        }
        (Resize::Crop, Some(fraction)) => {
            let whole = around(from, to, fraction)?;
            let resized = if whole == from {
                pixels.to_vec()
            } else {
                resample(whole)?
            };
            Ok(middle(&resized, whole, to, channels))
        }
        (Resize::Pad, _) => {
            let inner = within(from, to);
            let resized = resample(inner)?;
            let (left, top) = ((to.0 - inner.0) / 2, (to.1 - inner.1) / 2);
            let mut padded = vec![0; to.0 * to.1 * channels];
            let rows = padded.chunks_exact_mut(to.0 * channels).skip(top);
            for (row, inner) in rows.zip(resized.chunks_exact(inner.0 * channels)) {
                row[left * channels..][..inner.len()].copy_from_slice(inner);
            }
            Ok(padded)
        }
    }
}

/// The width and height to which an image is resized before the centre crop. For a square crop, the shorter
/// side becomes `floor(side / fraction)` and the longer one is scaled in proportion, rounded down, as in
/// torchvision's `Resize`. Otherwise it is the smallest size that covers `floor(side / fraction)` on both
/// sides, rounded, as in timm's `ResizeKeepRatio`.
fn around(
    from: (usize, usize),
    to: (usize, usize),
    fraction: f64,
) -> Result<(usize, usize), DataError> {
    let target = |side: usize| ((side as f64 / fraction).floor() as usize).max(side);
    let (width, height) = (target(to.0), target(to.1));
    let size = if width == height {
        let longer = |short: usize, long: usize| {
            (width as f64 * long as f64 / short as f64).floor() as usize
        };
        match from.0 <= from.1 {
            true => (width, longer(from.0, from.1)),
            false => (longer(from.1, from.0), height),
        }
    } else {
        let ratio = (from.0 as f64 / width as f64).min(from.1 as f64 / height as f64);
        let side = |from: usize| (from as f64 / ratio).round_ties_even() as usize;
        (side(from.0), side(from.1))
    };
    let size = (size.0.max(to.0), size.1.max(to.1));
    // An image one pixel high or wide would otherwise become enormous.
    if size.0.saturating_mul(size.1) > MAX_RESIZED.max(to.0 * to.1) {
        return Err(DataError::format(
            format!("an image of {} x {}", from.0, from.1),
            format!(
                "its shorter side cannot be resized to {}: the longer one would be {} pixels",
                size.0.min(size.1),
                size.0.max(size.1)
            ),
        ));
    }
    Ok(size)
}

/// The centre crop at whole pixels; half a pixel is rounded to even, as in Python.
fn middle(pixels: &[u8], from: (usize, usize), to: (usize, usize), channels: usize) -> Vec<u8> {
    let offset = |from: usize, to: usize| ((from - to) as f64 / 2.0).round_ties_even() as usize;
    let (left, top) = (offset(from.0, to.0), offset(from.1, to.1));
    let rows = pixels.chunks_exact(from.0 * channels).skip(top).take(to.1);
    rows.flat_map(|row| &row[left * channels..][..to.0 * channels])
        .copied()
        .collect()
}

/// The largest size within `to` with the aspect ratio of `from`; at least one pixel.
fn within(from: (usize, usize), to: (usize, usize)) -> (usize, usize) {
    let ratio = (to.0 as f64 / from.0 as f64).min(to.1 as f64 / from.1 as f64);
    let side = |from: usize, to: usize| ((from as f64 * ratio).round() as usize).clamp(1, to);
    (side(from.0, to.0), side(from.1, to.1))
}

fn convolve(
    pixels: &[u8],
    from: (usize, usize),
    channels: usize,
    to: (usize, usize),
    options: &ResizeOptions,
) -> Result<Vec<u8>, DataError> {
    let failed = |error: &dyn std::fmt::Display| {
        DataError::format(
            format!("an image of {} x {}", from.0, from.1),
            format!("it could not be resized to {} x {}: {error}", to.0, to.1),
        )
    };
    let mut resized = vec![0; to.0 * to.1 * channels];
    let done = match channels {
        1 => convolve_typed::<U8>(pixels, from, &mut resized, to, options),
        _ => convolve_typed::<U8x3>(pixels, from, &mut resized, to, options),
    };
    done.map_err(|error| failed(&*error))?;
    Ok(resized)
}

/// Resizes pixels of one static type. The library's dynamic call would compile its convolutions for all pixel
/// types, which takes two minutes.
fn convolve_typed<P: PixelTrait>(
    pixels: &[u8],
    from: (usize, usize),
    resized: &mut [u8],
    to: (usize, usize),
    options: &ResizeOptions,
) -> Result<(), Box<dyn std::error::Error>> {
    let source = TypedImageRef::<P>::from_buffer(from.0 as u32, from.1 as u32, pixels)?;
    let mut target = TypedImage::<P>::from_buffer(to.0 as u32, to.1 as u32, resized)?;
    Ok(Resizer::new().resize_typed(&source, &mut target, options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize, channels: usize) -> Picture {
        let pixels = (0..width * height * channels)
            .map(|i| (i * 7 % 256) as u8)
            .collect();
        Picture {
            width,
            height,
            channels,
            pixels,
        }
    }

    fn flat(width: usize, height: usize, value: u8) -> Picture {
        Picture {
            width,
            height,
            channels: 1,
            pixels: vec![value; width * height],
        }
    }

    fn size(channels: usize, height: usize, width: usize) -> ImageSize {
        ImageSize::new(channels, height, width)
    }

    #[test]
    fn a_picture_of_the_right_size_is_not_touched() {
        let picture = ramp(5, 4, 3);
        for resize in [Resize::Stretch, Resize::Crop, Resize::Pad] {
            assert_eq!(
                fit(&picture, &size(3, 4, 5), resize).expect("fits"),
                picture.pixels
            );
        }
    }

    #[test]
    fn pad_centres_on_black_and_keeps_proportions() {
        // 8 wide and 2 high, padded to 4 x 4: scale 0.5 gives one row, centred.
        let pixels = fit(&flat(8, 2, 200), &size(1, 4, 4), Resize::Pad).expect("fits");
        assert_eq!(pixels, [[0; 4], [200; 4], [0; 4], [0; 4]].concat());
    }

    #[test]
    fn crop_takes_the_middle() {
        let mut picture = flat(8, 2, 10);
        for row in picture.pixels.chunks_exact_mut(8) {
            row[3..5].fill(250);
        }
        assert_eq!(
            fit(&picture, &size(1, 2, 2), Resize::Crop).expect("fits"),
            [250; 4]
        );
    }

    #[test]
    fn grey_and_rgb_convert_both_ways() {
        let rgb = Picture {
            width: 1,
            height: 1,
            channels: 3,
            pixels: vec![255, 0, 0],
        };
        assert_eq!(
            fit(&rgb, &size(1, 1, 1), Resize::Stretch).expect("fits"),
            [76]
        );
        assert_eq!(
            fit(&flat(1, 1, 9), &size(3, 1, 1), Resize::Stretch).expect("fits"),
            [9, 9, 9]
        );
    }

    #[test]
    fn every_shape_fits_into_every_size() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64)] {
            for to in [
                size(1, 1, 1),
                size(3, 9, 2),
                size(1, 2, 90),
                size(3, 28, 28),
            ] {
                for resize in [Resize::Stretch, Resize::Crop, Resize::Pad] {
                    for channels in [1, 3] {
                        let picture = ramp(width, height, channels);
                        let pixels = fit(&picture, &to, resize).expect("fits");
                        assert_eq!(pixels.len(), to.len(), "{width}x{height} {to:?} {resize}");
                    }
                }
            }
        }
    }

    #[test]
    fn impossible_sizes_and_pictures_are_errors() {
        let picture = ramp(2, 2, 3);
        for to in [size(2, 4, 4), size(3, 0, 4), size(3, 4, 1 << 40)] {
            assert!(fit(&picture, &to, Resize::Stretch).is_err());
        }
        let torn = Picture {
            pixels: vec![0; 3],
            ..picture
        };
        assert!(fit(&torn, &size(3, 4, 4), Resize::Pad).is_err());
    }
}
