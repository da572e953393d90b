//! Colour changes with the results of Pillow and torchvision.

use receptive_core::ImageSize;

/// The grey value of a pixel: its only channel, or its luma (ITU-R 601-2, rounded as in Pillow).
pub(super) fn grey(pixel: &[u8]) -> u8 {
    match *pixel {
        [r, g, b] => {
            let [r, g, b] = [r, g, b].map(u32::from);
            ((r * 19_595 + g * 38_470 + b * 7_471 + (1 << 15)) >> 16) as u8
        }
        [value, ..] => value,
        [] => 0,
    }
}

/// Interpolates between two values (factor 0 to 1) or extrapolates; truncates fractions as Pillow's
/// `Image.blend`.
pub(super) fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    (from + factor * (to - from)) as u8 // clamped to 0..255
}

/// Moves every colour away from its grey, or towards it if the factor is below 1 (`adjust_saturation`).
pub(super) fn saturate(pixels: &mut [u8], size: &ImageSize, factor: f32) {
    if size.channels != 3 {
        return;
    }
    for pixel in pixels.chunks_exact_mut(3) {
        let grey = grey(pixel);
        for value in pixel {
            *value = blend(grey, *value, factor);
        }
    }
}

/// Rotates every hue by this fraction of the colour circle, as torchvision's `adjust_hue` for tensors (for PIL
/// images it rounds hues to 256 steps).
pub(super) fn turn_hue(pixels: &mut [u8], size: &ImageSize, turn: f32) {
    if size.channels != 3 {
        return;
    }
    for pixel in pixels.chunks_exact_mut(3) {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let (min, max) = (r.min(g).min(b), r.max(g).max(b));
        let range = max - min;
        if range == 0.0 {
            continue;
        }
        // In sixths of the circle, from red.
        let hue = if max == r {
            (g - b) / range
        } else if max == g {
            2.0 + (b - r) / range
        } else {
            4.0 + (r - g) / range
        };
        let hue = (hue / 6.0 + 1.0 + turn).rem_euclid(1.0) * 6.0;
        let part = hue.fract();
        let (falling, rising) = (max - range * part, max - range * (1.0 - part));
        let colors = match hue as u8 {
            0 | 6 => [max, rising, min],
            1 => [falling, max, min],
            2 => [min, max, rising],
            3 => [min, falling, max],
            4 => [rising, min, max],
            _ => [max, min, falling],
        };
        for (value, color) in pixel.iter_mut().zip(colors) {
            // As torchvision converts 0 to 1 to bytes.
            *value = (color * (255.999 / 255.0)) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: ImageSize = ImageSize::new(3, 1, 3);

    #[test]
    fn saturation_keeps_greys_and_ends_in_grey() {
        let image = [200, 100, 0, 77, 77, 77, 0, 0, 255];
        let changed = |factor| {
            let mut pixels = image;
            saturate(&mut pixels, &COLOR, factor);
            pixels
        };
        assert_eq!(changed(1.0), image);
        assert_eq!(changed(0.0), [118, 118, 118, 77, 77, 77, 29, 29, 29]);
        assert_eq!(changed(2.0), [255, 82, 0, 77, 77, 77, 0, 0, 255]);
    }

    #[test]
    fn a_third_of_the_circle_makes_red_green() {
        let image = [255, 0, 0, 77, 77, 77, 0, 255, 0];
        for (turn, expected) in [
            (0.0, image),
            (1.0 / 3.0, [0, 255, 0, 77, 77, 77, 0, 0, 255]),
            (-1.0 / 3.0, [0, 0, 255, 77, 77, 77, 255, 0, 0]),
            (0.5, [0, 255, 255, 77, 77, 77, 255, 0, 255]),
        ] {
            let mut pixels = image;
            turn_hue(&mut pixels, &COLOR, turn);
            assert_eq!(pixels, expected, "{turn}");
        }
    }

    #[test]
    fn a_grey_image_has_no_colours_to_change() {
        let size = ImageSize::new(1, 1, 3);
        let mut pixels = [1, 100, 255];
        saturate(&mut pixels, &size, 0.0);
        turn_hue(&mut pixels, &size, 0.25);
        assert_eq!(pixels, [1, 100, 255]);
    }
}
