//! The augmentation settings.

use super::changes::{
    Fill, GaussianBlur, Posterize, RandAugment, RandomAffine, Sharpness, Solarize, TrivialAugment,
    up_to,
};
use super::mix::Mix;
use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Maximum alpha of mixup and CutMix.
pub(super) const MAX_ALPHA: f32 = 1e3;

/// Augmentation of training images, in the order of application; `mixup` and `cutmix` are applied
/// to whole batches after that. By default everything is off.
///
/// Pixels that a shift or a rotation moves in from outside repeat the nearest edge pixel by default (see
/// `fill`): photos are extended, a black background stays black, and no artificial edge appears.
///
/// Every augmentation has its own random numbers, so that none depends on which others are enabled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Random resized crop (Szegedy et al. 2015): the minimum fraction of the area, 0 to 1, with an
    /// aspect ratio of 3:4 to 4:3 of the image's; 0 disables it. In torchvision it is the lower
    /// bound of `scale`, by default 0.08.
    #[serde(skip_serializing_if = "is_default")]
    pub crop: f32,
    /// Horizontal flip with probability 0.5.
    pub flip: bool,
    /// Vertical flip with probability 0.5.
    #[serde(skip_serializing_if = "is_default")]
    pub vertical_flip: bool,
    /// Shift by up to this many pixels in each direction (also known as pad and crop).
    pub shift: usize,
    /// Rotate by up to this many degrees in both directions, 0 to 180.
    pub rotation: f32,
    /// Random affine transform.
    #[serde(skip_serializing_if = "is_default")]
    pub affine: Option<RandomAffine>,
    /// RandAugment: random operations of one magnitude per image.
    #[serde(skip_serializing_if = "is_default")]
    pub randaugment: Option<RandAugment>,
    /// TrivialAugment: one random operation of random magnitude per image.
    #[serde(skip_serializing_if = "is_default")]
    pub trivialaugment: Option<TrivialAugment>,
    /// Multiply all values by `1 - brightness` to `1 + brightness`; 0 to 1.
    pub brightness: f32,
    /// Multiply the distance from the image's mean by `1 - contrast` to `1 + contrast`; 0 to 1.
    pub contrast: f32,
    /// Multiply the distance of every colour from its grey by `1 - saturation` to `1 + saturation`;
    /// 0 to 1. No effect on grey images.
    #[serde(skip_serializing_if = "is_default")]
    pub saturation: f32,
    /// Rotate all hues by up to this fraction of the colour circle in both directions; 0 to 0.5. No effect on
    /// grey images.
    #[serde(skip_serializing_if = "is_default")]
    pub hue: f32,
    /// The probability of autocontrast, 0 to 1.
    #[serde(skip_serializing_if = "is_default")]
    pub autocontrast: f32,
    /// The probability of histogram equalisation, 0 to 1.
    #[serde(skip_serializing_if = "is_default")]
    pub equalize: f32,
    /// The probability of inversion, 0 to 1.
    #[serde(skip_serializing_if = "is_default")]
    pub invert: f32,
    /// Posterise: remove lower bits.
    #[serde(skip_serializing_if = "is_default")]
    pub posterize: Option<Posterize>,
    /// Solarise: invert the values above a threshold.
    #[serde(skip_serializing_if = "is_default")]
    pub solarize: Option<Solarize>,
    /// The probability of conversion to grey, 0 to 1. No effect on grey images.
    #[serde(skip_serializing_if = "is_default")]
    pub grayscale: f32,
    /// Sharpen or smooth.
    #[serde(skip_serializing_if = "is_default")]
    pub sharpness: Option<Sharpness>,
    /// Gaussian blur.
    #[serde(skip_serializing_if = "is_default")]
    pub blur: Option<GaussianBlur>,
    /// The probability, 0 to 1, of filling a rectangle of 2 to 33 % of the area with the mean of the data set
    /// (random erasing).
    pub erase: f32,
    /// How pixels from outside the image are filled.
    #[serde(skip_serializing_if = "is_default")]
    pub fill: Fill,
    /// Alpha of mixup, which mixes the images and labels of a batch; 0 disables it.
    #[serde(skip_serializing_if = "is_default")]
    pub mixup: f32,
    /// Alpha of CutMix, which pastes a rectangle of another image of the batch into each and mixes
    /// the labels in proportion; 0 disables it. With both enabled, each batch gets one of the two.
    #[serde(skip_serializing_if = "is_default")]
    pub cutmix: f32,
    /// Classes excluded from augmentations, by the name of the setting: `flip = ["b", "d"]`.
    #[serde(skip_serializing_if = "is_default")]
    pub exclude: BTreeMap<String, Vec<String>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Augment {
    /// Whether all augmentations are off.
    pub fn is_off(&self) -> bool {
        *self == Augment::default()
    }

    /// The batch augmentation, if any.
    pub fn mix(&self) -> Option<Mix> {
        let mix = Mix {
            mixup: self.mixup,
            cutmix: self.cutmix,
        };
        (mix != Mix::default()).then_some(mix)
    }

    /// Checks that every value is in its documented range.
    pub fn check(&self) -> Result<(), DataError> {
        for (setting, value, max) in [
            ("train.augment.crop", self.crop, 1.0),
            ("train.augment.rotation", self.rotation, 180.0),
            ("train.augment.brightness", self.brightness, 1.0),
            ("train.augment.contrast", self.contrast, 1.0),
            ("train.augment.saturation", self.saturation, 1.0),
            ("train.augment.hue", self.hue, 0.5),
            ("train.augment.autocontrast", self.autocontrast, 1.0),
            ("train.augment.equalize", self.equalize, 1.0),
            ("train.augment.invert", self.invert, 1.0),
            ("train.augment.grayscale", self.grayscale, 1.0),
            ("train.augment.erase", self.erase, 1.0),
        ] {
            up_to(setting, value, max)?;
        }
        for (setting, alpha) in [
            ("train.augment.mixup", self.mixup),
            ("train.augment.cutmix", self.cutmix),
        ] {
            if !(0.0..=MAX_ALPHA).contains(&alpha) {
                let problem = format!(
                    "it is {alpha}; use an alpha above 0, such as 0.2 or 1, or 0 to disable it"
                );
                return Err(DataError::setting(setting, problem));
            }
        }
        self.affine.map_or(Ok(()), |change| change.check())?;
        self.randaugment.map_or(Ok(()), |change| change.check())?;
        self.trivialaugment
            .map_or(Ok(()), |change| change.check())?;
        self.posterize.map_or(Ok(()), |change| change.check())?;
        self.solarize.map_or(Ok(()), |change| change.check())?;
        self.sharpness.map_or(Ok(()), |change| change.check())?;
        self.blur.map_or(Ok(()), |change| change.check())?;
        if self.randaugment.is_some() && self.trivialaugment.is_some() {
            let problem = "it is set together with train.augment.trivialaugment, which replaces \
                           it; remove one of them";
            return Err(DataError::setting("train.augment.randaugment", problem));
        }
        self.check_exclude()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// All augmentations on.
    pub(in super::super) fn all() -> Augment {
        Augment {
            crop: 0.5,
            flip: true,
            vertical_flip: true,
            shift: 2,
            rotation: 20.0,
            affine: Some(RandomAffine {
                degrees: 10.0,
                translate: [0.2, 0.1],
                scale: [0.8, 1.2],
                shear: 5.0,
            }),
            randaugment: Some(RandAugment::default()),
            trivialaugment: Some(TrivialAugment::default()),
            brightness: 0.3,
            contrast: 0.3,
            saturation: 0.3,
            hue: 0.1,
            autocontrast: 0.5,
            equalize: 0.5,
            invert: 0.5,
            posterize: Some(Posterize::default()),
            solarize: Some(Solarize::default()),
            grayscale: 0.5,
            sharpness: Some(Sharpness::default()),
            blur: Some(GaussianBlur::default()),
            erase: 0.5,
            fill: Fill::Mean,
            mixup: 0.2,
            cutmix: 1.0,
            exclude: [("flip".to_string(), vec!["b".to_string()])].into(),
        }
    }

    #[test]
    fn numbers_out_of_range_are_rejected_by_the_name_with_which_they_are_set() {
        let mut valid = all();
        valid.trivialaugment = None;
        valid.check().unwrap();
        type Change = fn(&mut Augment);
        let wrong: [(&str, Change); 24] = [
            ("crop", |a| a.crop = 1.5),
            ("rotation", |a| a.rotation = 181.0),
            ("brightness", |a| a.brightness = -0.1),
            ("contrast", |a| a.contrast = f32::NAN),
            ("saturation", |a| a.saturation = 1.1),
            ("hue", |a| a.hue = 0.6),
            ("autocontrast", |a| a.autocontrast = -1.0),
            ("equalize", |a| a.equalize = 2.0),
            ("invert", |a| a.invert = 2.0),
            ("grayscale", |a| a.grayscale = 2.0),
            ("erase", |a| a.erase = 1.1),
            ("mixup", |a| a.mixup = -0.2),
            ("cutmix", |a| a.cutmix = f32::INFINITY),
            ("affine.degrees", |a| {
                a.affine = Some(RandomAffine {
                    degrees: 200.0,
                    ..RandomAffine::default()
                });
            }),
            ("affine.translate", |a| {
                a.affine = Some(RandomAffine {
                    translate: [0.0, 1.5],
                    ..RandomAffine::default()
                });
            }),
            ("affine.scale", |a| {
                a.affine = Some(RandomAffine {
                    scale: [0.0, 1.0],
                    ..RandomAffine::default()
                });
            }),
            ("affine.shear", |a| {
                a.affine = Some(RandomAffine {
                    shear: 90.0,
                    ..RandomAffine::default()
                });
            }),
            ("randaugment.magnitude", |a| {
                a.randaugment = Some(RandAugment {
                    magnitude: 31,
                    ..RandAugment::default()
                });
            }),
            ("randaugment.num_ops", |a| {
                a.randaugment = Some(RandAugment {
                    num_ops: 0,
                    ..RandAugment::default()
                });
            }),
            ("trivialaugment.num_magnitude_bins", |a| {
                a.trivialaugment = Some(TrivialAugment {
                    num_magnitude_bins: 1,
                });
            }),
            ("randaugment", |a| {
                a.trivialaugment = Some(TrivialAugment::default());
            }),
            ("posterize.bits", |a| {
                a.posterize = Some(Posterize { bits: 9, p: 0.5 });
            }),
            ("blur.kernel_size", |a| {
                a.blur = Some(GaussianBlur {
                    kernel_size: 4,
                    ..GaussianBlur::default()
                });
            }),
            ("blur.sigma", |a| {
                a.blur = Some(GaussianBlur {
                    sigma: [2.0, 1.0],
                    ..GaussianBlur::default()
                });
            }),
        ];
        for (name, change) in wrong {
            let mut augment = valid.clone();
            change(&mut augment);
            let text = augment.check().unwrap_err().to_string();
            assert!(
                text.starts_with(&format!("train.augment.{name}: ")),
                "{text}"
            );
        }
    }
}
