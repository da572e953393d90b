//! Augmentation of single training images, a pure function of (seed, epoch, index).

use super::affine::{Affine, Outside, warp};
use super::bilinear::{Between, push};
use super::changes::{Fill, RandomAffine};
use super::crop::{Window, crop};
use super::policy::Space;
use super::settings::Augment;
use super::{color, filter, tones};
use crate::random::{Purpose, Random};
use receptive_core::ImageSize;

impl Augment {
    /// Augments one image in place.
    ///
    /// The result depends only on the arguments. `fill` is the mean colour, one byte per channel: it fills
    /// erased pixels and, with [`Fill::Mean`], pixels from outside the image.
    ///
    /// # Shapes
    /// `pixels` is `[height, width, channels]` of `size`; an image of another length is left unchanged.
    pub fn apply(
        &self,
        pixels: &mut Vec<u8>,
        size: &ImageSize,
        fill: &[u8],
        (seed, epoch, index): (u64, u64, u64),
    ) {
        if pixels.len() != size.len() || pixels.is_empty() || self.is_off() {
            return;
        }
        // Augmentations added later have streams of their own, so that they do not affect the earlier ones.
        let stream = |purpose| Random::new(purpose, seed, epoch, index);
        let mut random = stream(Purpose::Augment);
        // Every number is drawn whether it is used or not, so that disabling one change does not affect the
        // others.
        let flip = random.next() >> 63 == 1;
        // A larger shift would show only the edge.
        let shift = self.shift.min(size.width.max(size.height));
        let span = shift as u64 * 2 + 1;
        let dx = random.below(span) as isize - shift as isize;
        let dy = random.below(span) as isize - shift as isize;
        let angle = random.signed() * self.rotation;
        let brightness = 1.0 + random.signed() * self.brightness;
        let contrast = 1.0 + random.signed() * self.contrast;

        if self.crop > 0.0 {
            let mut random = stream(Purpose::Crop);
            *pixels = crop(pixels, size, &Window::random(size, self.crop, &mut random));
        }
        if self.flip && flip {
            mirror(pixels, size);
        }
        if self.vertical_flip && stream(Purpose::VerticalFlip).next() >> 63 == 1 {
            mirror_rows(pixels, size);
        }
        let black = vec![0; size.channels];
        let outside = match self.fill {
            Fill::Black => Outside::Color(&black),
            // `fill` of another length does not fit the pixels.
            Fill::Mean if fill.len() == size.channels => Outside::Color(fill),
            Fill::Edge | Fill::Mean => Outside::Edge,
        };
        if self.fill != Fill::Edge && (self.rotation > 0.0 || (dx, dy) != (0, 0)) {
            let degrees = f64::from(if self.rotation > 0.0 { angle } else { 0.0 });
            let translate = [dx as f64, dy as f64];
            let affine = Affine {
                degrees,
                translate,
                ..Affine::IDENTITY
            };
            *pixels = warp(pixels, size, affine.centred(size), outside);
        } else if self.rotation > 0.0 {
            *pixels = turn_and_move(pixels, size, angle, dx, dy);
        } else if (dx, dy) != (0, 0) {
            *pixels = translate(pixels, size, dx, dy);
        }
        if let Some(affine) = &self.affine {
            let matrix = affine
                .draw(size, &mut stream(Purpose::Affine))
                .centred(size);
            *pixels = warp(pixels, size, matrix, outside);
        }
        self.apply_policy(pixels, size, outside, stream(Purpose::Policy));
        if self.brightness > 0.0 || self.contrast > 0.0 {
            relight(pixels, brightness, contrast);
        }
        self.retouch(pixels, size, stream);
        if random.unit() < self.erase {
            erase(pixels, size, fill, &mut random);
        }
    }

    /// RandAugment or TrivialAugment.
    fn apply_policy(
        &self,
        pixels: &mut Vec<u8>,
        size: &ImageSize,
        outside: Outside<'_>,
        mut random: Random,
    ) {
        let strength =
            |step: usize, bins: usize| step as f32 / bins.saturating_sub(1).max(1) as f32;
        if let Some(policy) = &self.randaugment {
            let space = Space::rand_augment(size);
            let strength = strength(policy.magnitude, policy.num_magnitude_bins);
            for _ in 0..policy.num_ops {
                let operation = space.draw(strength, &mut random);
                operation.apply(pixels, size, outside);
            }
        }
        if let Some(policy) = &self.trivialaugment {
            let bins = policy.num_magnitude_bins;
            let step = random.below(bins as u64) as usize;
            let operation = Space::trivial_augment_wide().draw(strength(step, bins), &mut random);
            operation.apply(pixels, size, outside);
        }
    }

    /// Changes of values only, among those added after brightness and contrast.
    fn retouch(&self, pixels: &mut [u8], size: &ImageSize, stream: impl Fn(Purpose) -> Random) {
        if self.saturation > 0.0 {
            let factor = 1.0 + stream(Purpose::Saturation).signed() * self.saturation;
            color::saturate(pixels, size, factor);
        }
        if self.hue > 0.0 {
            let turn = stream(Purpose::Hue).signed() * self.hue;
            color::turn_hue(pixels, size, turn);
        }
        let happens = |purpose, p| p > 0.0 && stream(purpose).unit() < p;
        if happens(Purpose::Autocontrast, self.autocontrast) {
            tones::autocontrast(pixels, size);
        }
        if happens(Purpose::Equalize, self.equalize) {
            tones::equalize(pixels, size);
        }
        if happens(Purpose::Invert, self.invert) {
            tones::invert(pixels);
        }
        if let Some(posterize) = &self.posterize
            && happens(Purpose::Posterize, posterize.p)
        {
            tones::posterize(pixels, posterize.bits);
        }
        if let Some(solarize) = &self.solarize
            && happens(Purpose::Solarize, solarize.p)
        {
            tones::solarize(pixels, solarize.threshold);
        }
        if happens(Purpose::Grayscale, self.grayscale) {
            color::saturate(pixels, size, 0.0);
        }
        if let Some(sharpness) = &self.sharpness
            && happens(Purpose::Sharpness, sharpness.p)
        {
            filter::sharpness(pixels, size, sharpness.sharpness_factor);
        }
        if let Some(blur) = &self.blur {
            let mut random = stream(Purpose::Blur);
            let [low, high] = blur.sigma;
            if random.unit() < blur.p {
                let sigma = low + (high - low) * random.unit();
                filter::blur(pixels, size, blur.kernel_size, sigma);
            }
        }
    }
}

impl RandomAffine {
    fn draw(&self, size: &ImageSize, random: &mut Random) -> Affine {
        let degrees = random.signed() * self.degrees;
        let mut moved = |share: f32, side: usize| (random.signed() * share * side as f32).round();
        let translate = [
            moved(self.translate[0], size.width),
            moved(self.translate[1], size.height),
        ];
        let [low, high] = self.scale;
        let scale = low + (high - low) * random.unit();
        let shear = random.signed() * self.shear;
        Affine {
            degrees: degrees.into(),
            translate: translate.map(f64::from),
            scale: scale.into(),
            shear: [shear.into(), 0.0],
        }
    }
}

pub(super) fn mirror(pixels: &mut [u8], size: &ImageSize) {
    for row in pixels.chunks_exact_mut(size.width * size.channels) {
        if size.channels == 1 {
            row.reverse();
        } else {
            // Reversing all bytes also reverses the channels of each pixel, which is undone here.
            row.reverse();
            row.chunks_exact_mut(size.channels)
                .for_each(<[u8]>::reverse);
        }
    }
}

pub(super) fn mirror_rows(pixels: &mut [u8], size: &ImageSize) {
    let row = size.width * size.channels;
    for top in 0..size.height / 2 {
        let (above, below) = pixels.split_at_mut((size.height - 1 - top) * row);
        above[top * row..][..row].swap_with_slice(&mut below[..row]);
    }
}

/// `at - by`, clamped to `0..len`.
fn source(at: usize, by: isize, len: usize) -> usize {
    (at as isize).saturating_sub(by).clamp(0, len as isize - 1) as usize
}

fn translate(pixels: &[u8], size: &ImageSize, dx: isize, dy: isize) -> Vec<u8> {
    let (c, w) = (size.channels, size.width);
    let mut moved = Vec::with_capacity(pixels.len());
    // Columns that are copied; the others repeat an edge.
    let left = dx.clamp(0, w as isize) as usize;
    let right = (w as isize).saturating_add(dx).clamp(0, w as isize) as usize;
    for y in 0..size.height {
        let start = source(y, dy, size.height) * w * c;
        let row = &pixels[start..start + w * c];
        let (first, last) = (&row[..c], &row[(w - 1) * c..]);
        for _ in 0..left {
            moved.extend_from_slice(first);
        }
        if right > left {
            let from = source(left, dx, w) * c;
            moved.extend_from_slice(&row[from..from + (right - left) * c]);
        }
        for _ in right.max(left)..w {
            moved.extend_from_slice(last);
        }
    }
    moved
}

/// Rotates around the centre, then translates; bilinear.
fn turn_and_move(pixels: &[u8], size: &ImageSize, degrees: f32, dx: isize, dy: isize) -> Vec<u8> {
    let (w, h) = (size.width, size.height);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (centre_x, centre_y) = ((w - 1) as f32 / 2.0, (h - 1) as f32 / 2.0);
    let mut turned = Vec::with_capacity(pixels.len());
    for y in 0..h {
        for x in 0..w {
            // The source of this pixel: the inverse of rotation and translation.
            let (u, v) = (
                x as f32 - centre_x - dx as f32,
                y as f32 - centre_y - dy as f32,
            );
            let from_x = Between::new(cos * u + sin * v + centre_x, w);
            let from_y = Between::new(cos * v - sin * u + centre_y, h);
            push(&mut turned, pixels, size, from_x, from_y);
        }
    }
    turned
}

fn relight(pixels: &mut [u8], brightness: f32, contrast: f32) {
    let sum: u64 = pixels.iter().map(|&value| u64::from(value)).sum();
    let mean = sum as f32 / pixels.len() as f32 * brightness;
    let table: [u8; 256] = std::array::from_fn(|value| {
        let bright = value as f32 * brightness;
        ((bright - mean) * contrast + mean)
            .round()
            .clamp(0.0, 255.0) as u8
    });
    for value in pixels {
        *value = table[usize::from(*value)];
    }
}

fn erase(pixels: &mut [u8], size: &ImageSize, fill: &[u8], random: &mut Random) {
    let (w, h, c) = (size.width, size.height, size.channels);
    // Area 2 to 33 %, aspect ratio 0.3 to 3.3, log-uniform, as in Zhong et al. (2017).
    let area = (0.02 + 0.31 * random.unit()) * (w * h) as f32;
    let ratio = (random.signed() * (3.3f32).ln()).exp();
    let height = ((area * ratio).sqrt().round() as usize).clamp(1, h);
    let width = ((area / ratio).sqrt().round() as usize).clamp(1, w);
    let left = random.below((w - width + 1) as u64) as usize;
    let top = random.below((h - height + 1) as u64) as usize;
    for row in pixels.chunks_exact_mut(w * c).skip(top).take(height) {
        for pixel in row[left * c..(left + width) * c].chunks_exact_mut(c) {
            for (value, fill) in pixel.iter_mut().zip(fill) {
                *value = *fill;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::all;
    use super::*;

    const SIZE: ImageSize = ImageSize::new(3, 5, 4);

    fn image() -> Vec<u8> {
        (0..60).map(|i| i * 4).collect()
    }

    fn apply(augment: &Augment, key: (u64, u64, u64)) -> Vec<u8> {
        let mut pixels = image();
        augment.apply(&mut pixels, &SIZE, &[1, 2, 3], key);
        pixels
    }

    #[test]
    fn the_key_alone_decides() {
        assert_eq!(apply(&all(), (1, 2, 3)), apply(&all(), (1, 2, 3)));
        for other in [(0, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3)] {
            assert_ne!(apply(&all(), (1, 2, 3)), apply(&all(), other), "{other:?}");
        }
    }

    #[test]
    fn off_changes_nothing() {
        for index in 0..50 {
            assert_eq!(apply(&Augment::default(), (0, 0, index)), image());
        }
    }

    #[test]
    fn mirroring_twice_is_nothing_and_keeps_colours_together() {
        let mut pixels = image();
        mirror(&mut pixels, &SIZE);
        assert_eq!(pixels[..3], image()[9..12]);
        mirror(&mut pixels, &SIZE);
        assert_eq!(pixels, image());
    }

    #[test]
    fn a_crop_moves_no_other_change() {
        let flat = |augment: &Augment| {
            let mut pixels = vec![100; 60];
            augment.apply(&mut pixels, &SIZE, &[1, 2, 3], (4, 5, 6));
            pixels
        };
        let without = Augment { crop: 0.0, ..all() };
        assert_eq!(flat(&all()), flat(&without));
        assert_ne!(apply(&all(), (4, 5, 6)), apply(&without, (4, 5, 6)));
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let flip = Augment {
            flip: true,
            ..Augment::default()
        };
        let mirrored = (0..1000)
            .filter(|i| apply(&flip, (9, 0, *i)) != image())
            .count();
        assert!((430..570).contains(&mirrored), "{mirrored}");
    }

    #[test]
    fn a_shift_repeats_the_edge() {
        let size = ImageSize::new(1, 2, 3);
        let pixels = [1, 2, 3, 4, 5, 6];
        assert_eq!(translate(&pixels, &size, 1, 0), [1, 1, 2, 4, 4, 5]);
        assert_eq!(translate(&pixels, &size, -1, 0), [2, 3, 3, 5, 6, 6]);
        assert_eq!(translate(&pixels, &size, 0, 1), [1, 2, 3, 1, 2, 3]);
        assert_eq!(translate(&pixels, &size, 7, -9), [4, 4, 4, 4, 4, 4]);
        assert_eq!(translate(&pixels, &size, -7, 0), [3, 3, 3, 6, 6, 6]);
        assert_eq!(
            translate(&pixels, &size, isize::MIN, isize::MAX),
            [3, 3, 3, 3, 3, 3]
        );
    }

    #[test]
    fn a_turn_of_0_moves_like_a_shift_and_a_quarter_turn_is_exact() {
        for (dx, dy) in [(0, 0), (1, -2), (-3, 1)] {
            let turned = turn_and_move(&image(), &SIZE, 0.0, dx, dy);
            assert_eq!(turned, translate(&image(), &SIZE, dx, dy));
        }
        let square = ImageSize::new(1, 2, 2);
        assert_eq!(
            turn_and_move(&[1, 2, 3, 4], &square, 90.0, 0, 0),
            [3, 1, 4, 2]
        );
    }

    #[test]
    fn brightness_and_contrast_stay_in_range() {
        let mut pixels = vec![0, 100, 200];
        relight(&mut pixels, 1.0, 1.0);
        assert_eq!(pixels, [0, 100, 200]);
        relight(&mut pixels, 2.0, 1.0);
        assert_eq!(pixels, [0, 200, 255]);
        let mut pixels = vec![50, 150];
        relight(&mut pixels, 1.0, 0.0);
        assert_eq!(pixels, [100, 100]);
    }

    #[test]
    fn erasing_fills_one_rectangle_of_the_promised_area() {
        let size = ImageSize::new(1, 40, 40);
        let erase = Augment {
            erase: 1.0,
            ..Augment::default()
        };
        for index in 0..200 {
            let mut pixels = vec![9; 1600];
            erase.apply(&mut pixels, &size, &[77], (1, 0, index));
            let filled = pixels.iter().filter(|value| **value == 77).count();
            assert!((16..=560).contains(&filled), "{filled}");
        }
    }

    #[test]
    fn any_setting_works_on_the_smallest_image() {
        let size = ImageSize::new(3, 1, 1);
        let wild = Augment {
            shift: 1 << 40,
            rotation: 180.0,
            erase: 1.0,
            ..all()
        };
        for index in 0..100 {
            let mut pixels = vec![1, 2, 3];
            wild.apply(&mut pixels, &size, &[4, 5, 6], (0, 0, index));
            assert_eq!(pixels.len(), 3);
        }
    }
}
