//! Compares every augmentation with torchvision 0.29 and Pillow 13.0, for the same images and parameters.
//!
//! `torchvision.json` contains their results. It is written by `tests/python/augment_values.py`, which
//! documents where Pillow is followed. Bytes must be equal, except after interpolation, blur and hue changes,
//! where a difference of 1 of 255 is allowed.

use super::affine::{Affine, Outside, warp};
use super::policy::Operation;
use super::{color, filter, tones};
use receptive_core::ImageSize;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    change: Change,
    channels: usize,
    tolerance: u8,
    values: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Operation(Operation),
    Invert,
    Grayscale,
    Hue(f32),
    Blur(usize, f32),
    /// Degrees, pixels to the right and down, scale, degrees of shear.
    Affine(f64, f64, f64, f64, f64),
}

impl Change {
    fn apply(&self, pixels: &mut Vec<u8>, size: &ImageSize) {
        let black = vec![0; size.channels];
        let outside = Outside::Color(&black);
        match *self {
            Self::Operation(operation) => operation.apply(pixels, size, outside),
            Self::Invert => tones::invert(pixels),
            Self::Grayscale => color::saturate(pixels, size, 0.0),
            Self::Hue(turn) => color::turn_hue(pixels, size, turn),
            Self::Blur(kernel_size, sigma) => filter::blur(pixels, size, kernel_size, sigma),
            Self::Affine(degrees, right, down, scale, shear) => {
                let affine = Affine {
                    degrees,
                    translate: [right, down],
                    scale,
                    shear: [shear, 0.0],
                };
                *pixels = warp(pixels, size, affine.centred(size), outside);
            }
        }
    }
}

/// The same image as in the script.
fn image(size: &ImageSize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(size.len());
    for y in 0..size.height {
        for x in 0..size.width {
            pixels.extend((0..size.channels).map(|c| {
                let value = match (x / 5 + y / 4) % 2 {
                    0 => x * 5 + y * 3 + c * 40,
                    _ => x * x * 3 + y * 7 * (c + 1),
                };
                (20 + value % 256 * 200 / 255) as u8
            }));
        }
    }
    pixels
}

#[test]
fn every_change_gives_torchvision_s_values() {
    let answers: Vec<Answer> = serde_json::from_str(include_str!("torchvision.json")).unwrap();
    assert!(answers.len() >= 54, "{}", answers.len());
    for answer in answers {
        let size = ImageSize::new(answer.channels, 25, 33);
        let mut pixels = image(&size);
        answer.change.apply(&mut pixels, &size);
        let ours: Vec<u8> = pixels.into_iter().step_by(13).collect();
        assert_eq!(ours.len(), answer.values.len());
        let wrong = ours
            .iter()
            .zip(&answer.values)
            .position(|(ours, theirs)| ours.abs_diff(*theirs) > answer.tolerance);
        if let Some(at) = wrong {
            panic!(
                "{:?}, {} channels, value {at}: {}, torchvision {}\n{ours:?}\n{:?}",
                answer.change, answer.channels, ours[at], answer.values[at], answer.values
            );
        }
    }
}
