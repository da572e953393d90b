//! Changes of values by lookup table, with Pillow's results: brightness, contrast, autocontrast, equalisation
//! and so on.

use super::color::{blend, grey};
use receptive_core::ImageSize;

fn map(pixels: &mut [u8], table: impl Fn(u8) -> u8) {
    let table: [u8; 256] = std::array::from_fn(|value| table(value as u8));
    for value in pixels {
        *value = table[usize::from(*value)];
    }
}

/// Maps each channel by its own table, made from its histogram.
fn map_channels(pixels: &mut [u8], size: &ImageSize, table: impl Fn(&[usize; 256]) -> [u8; 256]) {
    for channel in 0..size.channels {
        let mut counts = [0; 256];
        for pixel in pixels.chunks_exact(size.channels) {
            counts[usize::from(pixel[channel])] += 1;
        }
        let table = table(&counts);
        for pixel in pixels.chunks_exact_mut(size.channels) {
            pixel[channel] = table[usize::from(pixel[channel])];
        }
    }
}

/// Multiplies all values.
pub(super) fn brightness(pixels: &mut [u8], factor: f32) {
    map(pixels, |value| blend(0, value, factor));
}

/// Multiplies the differences from the mean grey.
pub(super) fn contrast(pixels: &mut [u8], size: &ImageSize, factor: f32) {
    let greys = pixels.chunks_exact(size.channels).map(grey);
    let sum: u64 = greys.map(u64::from).sum();
    let count = (size.width * size.height) as u64;
    let mean = ((2 * sum + count) / (2 * count)) as u8; // rounded
    map(pixels, |value| blend(mean, value, factor));
}

/// Autocontrast: stretches each channel's range of values to the full range.
pub(super) fn autocontrast(pixels: &mut [u8], size: &ImageSize) {
    map_channels(pixels, size, |counts| {
        let low = counts.iter().position(|count| *count > 0).unwrap_or(0);
        let high = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        std::array::from_fn(|value| {
            if high <= low {
                return value as u8;
            }
            let scale = 255.0 / (high - low) as f64;
            (value as f64 * scale - low as f64 * scale) as u8
        })
    });
}

/// Histogram equalisation, per channel.
pub(super) fn equalize(pixels: &mut [u8], size: &ImageSize) {
    map_channels(pixels, size, |counts| {
        let last = counts.iter().rfind(|count| **count > 0).unwrap_or(&0);
        let step = (counts.iter().sum::<usize>() - last) / 255;
        let mut sum = step / 2;
        std::array::from_fn(|value| {
            if step == 0 {
                return value as u8;
            }
            let level = (sum / step).min(255);
            sum += counts[value];
            level as u8
        })
    });
}

/// Keeps this many of the upper bits.
pub(super) fn posterize(pixels: &mut [u8], bits: u8) {
    let kept = !(0xff_u16 >> bits.min(8)) as u8;
    map(pixels, |value| value & kept);
}

/// Inverts all values from the threshold on.
pub(super) fn solarize(pixels: &mut [u8], threshold: f32) {
    map(pixels, |value| match f32::from(value) < threshold {
        true => value,
        false => 255 - value,
    });
}

/// Inverts all values.
pub(super) fn invert(pixels: &mut [u8]) {
    map(pixels, |value| 255 - value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_one_value_has_no_contrast_to_change() {
        let size = ImageSize::new(1, 20, 20);
        for change in [autocontrast, equalize] {
            let mut pixels = vec![70; 400];
            change(&mut pixels, &size);
            assert_eq!(pixels, [70; 400]);
        }
        let mut pixels = vec![70; 400];
        contrast(&mut pixels, &size, 5.0);
        assert_eq!(pixels, [70; 400]);
    }

    #[test]
    fn the_ends_of_each_range_change_nothing_or_all() {
        let all: Vec<u8> = (0..=255).collect();
        let changed = |change: &dyn Fn(&mut [u8])| {
            let mut pixels = all.clone();
            change(&mut pixels);
            pixels
        };
        let negative: Vec<u8> = (0..=255).rev().collect();
        assert_eq!(changed(&|pixels| posterize(pixels, 8)), all);
        assert_eq!(changed(&|pixels| posterize(pixels, 0)), [0; 256]);
        assert_eq!(changed(&|pixels| solarize(pixels, 256.0)), all);
        assert_eq!(changed(&|pixels| solarize(pixels, 0.0)), negative);
        assert_eq!(changed(&invert), negative);
        assert_eq!(changed(&|pixels| brightness(pixels, 1.0)), all);
    }
}
