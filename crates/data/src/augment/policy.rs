//! RandAugment and TrivialAugment: operations drawn at random, as in torchvision.

use super::affine::{Affine, Outside, warp};
use super::{color, filter, tones};
use crate::random::Random;
use receptive_core::ImageSize;

/// One operation on an image, with its magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) enum Operation {
    Identity,
    /// Pixels to the left per row downwards.
    ShearX(f32),
    /// Pixels upwards per column to the right.
    ShearY(f32),
    /// In whole pixels.
    TranslateX(f32),
    TranslateY(f32),
    /// In degrees, counter-clockwise.
    Rotate(f32),
    /// The factor minus one, as in the next three.
    Brightness(f32),
    Color(f32),
    Contrast(f32),
    Sharpness(f32),
    /// The number of bits kept.
    Posterize(u8),
    /// Values from this one on are inverted.
    Solarize(f32),
    AutoContrast,
    Equalize,
}

/// The number of kinds of operations.
pub(super) const KINDS: u64 = 14;

/// The maximum magnitudes of a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    shear: f32,
    /// In pixels, horizontally and vertically.
    translate: [f32; 2],
    rotate: f32,
    /// Maximum change of the factor of brightness, colour, contrast and sharpness.
    enhance: f32,
    /// Maximum number of bits removed.
    bits: f32,
}

impl Space {
    /// For RandAugment (Cubuk et al. 2020).
    pub(super) fn rand_augment(size: &ImageSize) -> Self {
        Self {
            shear: 0.3,
            translate: [size.width, size.height].map(|side| 150.0 / 331.0 * side as f32),
            rotate: 30.0,
            enhance: 0.9,
            bits: 4.0,
        }
    }

    /// For TrivialAugment with the wide range (Müller and Hutter 2021).
    pub(super) fn trivial_augment_wide() -> Self {
        Self {
            shear: 0.99,
            translate: [32.0; 2],
            rotate: 135.0,
            enhance: 0.99,
            bits: 6.0,
        }
    }

    /// Draws an operation, with the fraction `strength` (0 to 1) of its maximum magnitude and, if it is signed,
    /// a random sign.
    pub(super) fn draw(&self, strength: f32, random: &mut Random) -> Operation {
        let kind = random.below(KINDS);
        let direction = if random.next() >> 63 == 1 { -1.0 } else { 1.0 };
        self.operation(kind, strength, direction)
    }

    /// The operation of this number, below [`KINDS`].
    pub(super) fn operation(&self, kind: u64, strength: f32, direction: f32) -> Operation {
        let signed = |max: f32| direction * strength * max;
        let [across, down] = self.translate.map(|most| signed(most).trunc());
        match kind {
            0 => Operation::Identity,
            1 => Operation::ShearX(signed(self.shear)),
            2 => Operation::ShearY(signed(self.shear)),
            3 => Operation::TranslateX(across),
            4 => Operation::TranslateY(down),
            5 => Operation::Rotate(signed(self.rotate)),
            6 => Operation::Brightness(signed(self.enhance)),
            7 => Operation::Color(signed(self.enhance)),
            8 => Operation::Contrast(signed(self.enhance)),
            9 => Operation::Sharpness(signed(self.enhance)),
            10 => Operation::Posterize((8.0 - strength * self.bits).round_ties_even() as u8),
            11 => Operation::Solarize(255.0 * (1.0 - strength)),
            12 => Operation::AutoContrast,
            _ => Operation::Equalize,
        }
    }
}

impl Operation {
    pub(super) fn apply(self, pixels: &mut Vec<u8>, size: &ImageSize, outside: Outside<'_>) {
        let still = Affine::IDENTITY;
        let degrees = |slope: f32| f64::from(slope).atan().to_degrees();
        let affine = match self {
            // Around the upper left corner.
            Self::ShearX(slope) => Affine {
                shear: [degrees(slope), 0.0],
                ..still
            }
            .matrix([0.0; 2]),
            Self::ShearY(slope) => Affine {
                shear: [0.0, degrees(slope)],
                ..still
            }
            .matrix([0.0; 2]),
            Self::TranslateX(by) => Affine {
                translate: [f64::from(by), 0.0],
                ..still
            }
            .centred(size),
            Self::TranslateY(by) => Affine {
                translate: [0.0, f64::from(by)],
                ..still
            }
            .centred(size),
            Self::Rotate(degrees) => Affine {
                degrees: f64::from(-degrees),
                ..still
            }
            .centred(size),
            _ => return self.retouch(pixels, size),
        };
        *pixels = warp(pixels, size, affine, outside);
    }

    /// The operations that only change values.
    fn retouch(self, pixels: &mut [u8], size: &ImageSize) {
        match self {
            Self::Brightness(by) => tones::brightness(pixels, 1.0 + by),
            Self::Color(by) => color::saturate(pixels, size, 1.0 + by),
            Self::Contrast(by) => tones::contrast(pixels, size, 1.0 + by),
            Self::Sharpness(by) => filter::sharpness(pixels, size, 1.0 + by),
            Self::Posterize(bits) => tones::posterize(pixels, bits),
            Self::Solarize(threshold) => tones::solarize(pixels, threshold),
            Self::AutoContrast => tones::autocontrast(pixels, size),
            Self::Equalize => tones::equalize(pixels, size),
            _ => {}
        }
    }
}
