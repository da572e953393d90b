//! Random resized crops.

use super::bilinear::{Between, push};
use crate::random::Random;
use receptive_core::ImageSize;

/// A part of an image, in pixels.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Window {
    /// A random crop with `min_area` to all of the image's area and 3/4 to 4/3 of its aspect ratio,
    /// log-uniform; the whole image if ten draws do not fit.
    pub(super) fn random(size: &ImageSize, min_area: f32, random: &mut Random) -> Self {
        let (w, h) = (size.width, size.height);
        for _ in 0..10 {
            let area = min_area + (1.0 - min_area) * random.unit();
            let ratio = (random.signed() * (4.0f32 / 3.0).ln()).exp();
            let width = (w as f32 * (area * ratio).sqrt()).round() as usize;
            let height = (h as f32 * (area / ratio).sqrt()).round() as usize;
            if (1..=w).contains(&width) && (1..=h).contains(&height) {
                return Self {
                    left: random.below((w - width + 1) as u64) as usize,
                    top: random.below((h - height + 1) as u64) as usize,
                    width,
                    height,
                };
            }
        }
        Self {
            left: 0,
            top: 0,
            width: w,
            height: h,
        }
    }
}

/// Scales the window up to the size of the image, bilinearly. Pixel centres are at half-integers, as in Pillow
/// and torchvision.
pub(super) fn crop(pixels: &[u8], size: &ImageSize, window: &Window) -> Vec<u8> {
    // Clamped to the window: pixels outside it do not contribute.
    let along = |at: usize, from: usize, part: usize, whole: usize| {
        let place = (at as f32 + 0.5) * part as f32 / whole as f32 - 0.5;
        Between::new(place, part).moved(from)
    };
    let columns: Vec<Between> = (0..size.width)
        .map(|x| along(x, window.left, window.width, size.width))
        .collect();
    let mut cropped = Vec::with_capacity(pixels.len());
    for y in 0..size.height {
        let y = along(y, window.top, window.height, size.height);
        for &x in &columns {
            push(&mut cropped, pixels, size, x, y);
        }
    }
    cropped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn a_window_is_resized_as_pillow_does() {
        let size = ImageSize::new(1, 1, 4);
        let window = |left, width| Window {
            left,
            top: 0,
            width,
            height: 1,
        };
        let row = [0, 100, 200, 40];
        assert_eq!(crop(&row, &size, &window(0, 4)), row);
        // Computed with Pillow: Image.crop(...).resize((4, 1), BILINEAR), which is torchvision's resized_crop.
        assert_eq!(crop(&row, &size, &window(1, 2)), [100, 125, 175, 200]);
        assert_eq!(crop(&row, &size, &window(3, 1)), [40; 4]);
    }

    #[test]
    fn windows_lie_in_the_image_and_have_the_promised_area_and_proportions() {
        let size = ImageSize::new(3, 60, 90);
        for index in 0..2000 {
            let mut random = Random::new(Purpose::Crop, 0, 0, index);
            let window = Window::random(&size, 0.5, &mut random);
            assert!(window.left + window.width <= 90 && window.top + window.height <= 60);
            let area = (window.width * window.height) as f32 / 5400.0;
            assert!((0.48..=1.0).contains(&area), "{window:?}");
            let ratio = window.width as f32 / window.height as f32 / 1.5;
            assert!((0.73..=1.37).contains(&ratio), "{window:?}");
        }
    }
}
