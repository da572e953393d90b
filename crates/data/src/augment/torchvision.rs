//! Compares augmentations with torchvision 0.29 and Pillow 13.0, for the same images and parameters: changes of one
//! image, the magnitudes of RandAugment and TrivialAugment, mixup and CutMix. `train.augment.brightness` and `contrast`
//! are not torchvision's (docs/augmentation.md), and what `erase` covers is any rectangle.
//!
//! `torchvision.json` contains their results. It is written by `tests/python/augment_values.py`, which
//! documents where Pillow is followed. Bytes must be equal, except after interpolation, blur and hue changes,
//! where a difference of 1 of 255 is allowed.

use super::affine::{Affine, Outside, warp};
use super::crop::{Window, crop};
use super::image::{mirror, mirror_rows};
use super::mix::{Rectangle, blend, paste};
use super::policy::{KINDS, Operation, Space};
use super::{color, filter, tones};
use receptive_core::ImageSize;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Answers {
    changes: Vec<Answer>,
    /// By policy and name of the operation, the magnitudes from none to the largest.
    spaces: HashMap<String, HashMap<String, Vec<f32>>>,
    /// Images and targets, one row after the other.
    mixes: HashMap<String, [Vec<f32>; 2]>,
}

fn answers() -> Answers {
    serde_json::from_str(include_str!("torchvision.json")).unwrap()
}

const SIZE: [usize; 2] = [25, 33]; // height, width

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
    Flip,
    VerticalFlip,
    /// Left, top, width and height, resized to the size of the image.
    Crop(usize, usize, usize, usize),
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
            Self::Flip => mirror(pixels, size),
            Self::VerticalFlip => mirror_rows(pixels, size),
            Self::Crop(left, top, width, height) => {
                let window = Window {
                    left,
                    top,
                    width,
                    height,
                };
                *pixels = crop(pixels, size, &window);
            }
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
    let answers = answers().changes;
    assert!(answers.len() >= 64, "{}", answers.len());
    for answer in answers {
        let size = ImageSize::new(answer.channels, SIZE[0], SIZE[1]);
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

#[test]
fn policies_have_torchvision_s_operations_and_magnitudes() {
    let size = ImageSize::new(3, SIZE[0], SIZE[1]);
    let spaces = answers().spaces;
    for (policy, space) in [
        ("rand", Space::rand_augment(&size)),
        ("trivial", Space::trivial_augment_wide()),
    ] {
        let theirs = &spaces[policy];
        assert_eq!(theirs.len() as u64, KINDS);
        for kind in 0..KINDS {
            for bin in 0..31 {
                let operation = space.operation(kind, bin as f32 / 30.0, 1.0);
                let (name, ours) = match operation {
                    Operation::Identity => ("Identity", None),
                    Operation::ShearX(by) => ("ShearX", Some(by)),
                    Operation::ShearY(by) => ("ShearY", Some(by)),
                    Operation::TranslateX(by) => ("TranslateX", Some(by)),
                    Operation::TranslateY(by) => ("TranslateY", Some(by)),
                    Operation::Rotate(by) => ("Rotate", Some(by)),
                    Operation::Brightness(by) => ("Brightness", Some(by)),
                    Operation::Color(by) => ("Color", Some(by)),
                    Operation::Contrast(by) => ("Contrast", Some(by)),
                    Operation::Sharpness(by) => ("Sharpness", Some(by)),
                    Operation::Posterize(bits) => ("Posterize", Some(f32::from(bits))),
                    // torchvision gives the fraction of the largest value.
                    Operation::Solarize(from) => ("Solarize", Some(from / 255.0)),
                    Operation::AutoContrast => ("AutoContrast", None),
                    Operation::Equalize => ("Equalize", None),
                };
                let theirs = theirs[name].get(bin).copied();
                // It moves by whole pixels too, cut when it applies the operation. Its steps are rounded, so that half of
                // 32 pixels is 15.999999.
                let theirs = match name.starts_with("Translate") {
                    true => theirs.map(|by| (by + 1e-4).trunc()),
                    false => theirs,
                };
                let is_equal = match (ours, theirs) {
                    (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-5 * theirs.max(1.0),
                    (ours, theirs) => ours == theirs,
                };
                assert!(is_equal, "{policy}: {operation:?}, torchvision {theirs:?}");
            }
        }
    }
}

#[test]
fn mixed_batches_are_torchvision_s() {
    const SHAPE: [usize; 4] = [3, 2, 4, 5];
    let area = Rectangle {
        rows: 0..3,
        columns: 1..4,
    };
    let values: usize = SHAPE.iter().product();
    let mixes = answers().mixes;
    for (name, is_cut) in [("MixUp", false), ("CutMix", true)] {
        let mut images: Vec<f32> = (0..values).map(|at| (at * at % 17) as f32).collect();
        // One row for each of the labels 2, 0 and 1.
        let mut targets = [0., 0., 1., 1., 0., 0., 0., 1., 0.];
        match is_cut {
            true => paste(&mut images, SHAPE, &area),
            false => blend(&mut images, SHAPE[0], 0.3),
        }
        blend(&mut targets, SHAPE[0], 0.3);
        let [their_images, their_targets] = &mixes[name];
        for (ours, theirs) in [(&images[..], their_images), (&targets[..], their_targets)] {
            assert_eq!(ours.len(), theirs.len());
            let mut pairs = ours.iter().zip(theirs);
            assert!(
                pairs.all(|(ours, theirs)| (ours - theirs).abs() < 1e-5),
                "{name}: {ours:?}, torchvision {theirs:?}"
            );
        }
    }
}
