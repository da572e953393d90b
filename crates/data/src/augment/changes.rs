//! Augmentations with settings of their own, named as in torchvision and with its defaults.

use crate::error::DataError;
use serde::{Deserialize, Serialize};

/// Random rotation, translation, scale and shear in one step, as torchvision's `RandomAffine`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAffine {
    /// Maximum rotation in degrees, in both directions; 0 to 180.
    pub degrees: f32,
    /// Maximum translation, as fractions of the width and the height; 0 to 1.
    pub translate: [f32; 2],
    /// Minimum and maximum scale factor.
    pub scale: [f32; 2],
    /// Maximum horizontal shear in degrees, in both directions; below 90.
    pub shear: f32,
}

impl Default for RandomAffine {
    /// No change.
    fn default() -> Self {
        Self {
            degrees: 0.0,
            translate: [0.0; 2],
            scale: [1.0; 2],
            shear: 0.0,
        }
    }
}

/// RandAugment (Cubuk et al. 2020) with torchvision's operations and magnitudes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// Number of operations per image, applied in sequence.
    pub num_ops: usize,
    /// Their magnitude: a bin, from 0.
    pub magnitude: usize,
    /// The number of magnitude bins.
    pub num_magnitude_bins: usize,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self {
            num_ops: 2,
            magnitude: 9,
            num_magnitude_bins: 31,
        }
    }
}

/// TrivialAugment (Müller and Hutter 2021) with the wide range of magnitudes, as torchvision's
/// `TrivialAugmentWide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrivialAugment {
    /// The number of magnitude bins.
    pub num_magnitude_bins: usize,
}

impl Default for TrivialAugment {
    fn default() -> Self {
        Self {
            num_magnitude_bins: 31,
        }
    }
}

/// Reduces the number of bits, as torchvision's `RandomPosterize`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Posterize {
    /// The number of upper bits to keep, 0 to 8.
    pub bits: u8,
    /// The probability, 0 to 1.
    pub p: f32,
}

impl Default for Posterize {
    fn default() -> Self {
        Self { bits: 4, p: 0.5 }
    }
}

/// Inverts bright values, as torchvision's `RandomSolarize`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Solarize {
    /// Values from this one on are inverted, 0 to 255.
    pub threshold: f32,
    /// The probability, 0 to 1.
    pub p: f32,
}

impl Default for Solarize {
    fn default() -> Self {
        Self {
            threshold: 128.0,
            p: 0.5,
        }
    }
}

/// Sharpens or smooths, as torchvision's `RandomAdjustSharpness`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sharpness {
    /// 0 smooths, 1 changes nothing, 2 sharpens by as much as 0 smooths.
    pub sharpness_factor: f32,
    /// The probability, 0 to 1.
    pub p: f32,
}

impl Default for Sharpness {
    fn default() -> Self {
        Self {
            sharpness_factor: 2.0,
            p: 0.5,
        }
    }
}

/// Gaussian blur, as torchvision's `GaussianBlur`, with a probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianBlur {
    /// Side of the kernel in pixels; odd.
    pub kernel_size: usize,
    /// The range of the standard deviation in pixels, drawn uniformly.
    pub sigma: [f32; 2],
    /// The probability, 0 to 1.
    pub p: f32,
}

impl Default for GaussianBlur {
    fn default() -> Self {
        Self {
            kernel_size: 9,
            sigma: [0.1, 2.0],
            p: 0.5,
        }
    }
}

/// How pixels from outside the image are filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// With the nearest edge pixel.
    #[default]
    Edge,
    /// Black, torchvision's default.
    Black,
    /// With the mean of the data set, as in timm.
    Mean,
}

/// Maximum number of operations; after more of them an image is unrecognisable.
const MAX_OPS: usize = 16;
/// Maximum kernel size of the blur.
const MAX_KERNEL: usize = 101;

impl RandomAffine {
    /// Maximum scale factor.
    pub(super) const MAX_SCALE: f32 = 100.0;
    /// Maximum shear in degrees.
    pub(super) const MAX_SHEAR: f32 = 89.0;

    pub(super) fn check(&self) -> Result<(), DataError> {
        up_to("train.augment.affine.degrees", self.degrees, 180.0)?;
        for share in self.translate {
            up_to("train.augment.affine.translate", share, 1.0)?;
        }
        range("train.augment.affine.scale", self.scale, Self::MAX_SCALE)?;
        up_to("train.augment.affine.shear", self.shear, Self::MAX_SHEAR)
    }
}

impl RandAugment {
    pub(super) fn check(&self) -> Result<(), DataError> {
        let bins = self.num_magnitude_bins;
        check_bins("train.augment.randaugment.num_magnitude_bins", bins)?;
        if self.magnitude >= bins {
            let problem = format!(
                "it is {}; use 0 to {}, one less than num_magnitude_bins",
                self.magnitude,
                bins - 1
            );
            let setting = "train.augment.randaugment.magnitude";
            return Err(DataError::setting(setting, problem));
        }
        if !(1..=MAX_OPS).contains(&self.num_ops) {
            let problem = format!("it is {}; use 1 to {MAX_OPS}", self.num_ops);
            let setting = "train.augment.randaugment.num_ops";
            return Err(DataError::setting(setting, problem));
        }
        Ok(())
    }
}

impl TrivialAugment {
    pub(super) fn check(&self) -> Result<(), DataError> {
        let setting = "train.augment.trivialaugment.num_magnitude_bins";
        check_bins(setting, self.num_magnitude_bins)
    }
}

impl Posterize {
    pub(super) fn check(&self) -> Result<(), DataError> {
        up_to("train.augment.posterize.bits", self.bits.into(), 8.0)?;
        up_to("train.augment.posterize.p", self.p, 1.0)
    }
}

impl Solarize {
    pub(super) fn check(&self) -> Result<(), DataError> {
        up_to("train.augment.solarize.threshold", self.threshold, 255.0)?;
        up_to("train.augment.solarize.p", self.p, 1.0)
    }
}

impl Sharpness {
    pub(super) fn check(&self) -> Result<(), DataError> {
        let setting = "train.augment.sharpness.sharpness_factor";
        up_to(setting, self.sharpness_factor, 100.0)?;
        up_to("train.augment.sharpness.p", self.p, 1.0)
    }
}

impl GaussianBlur {
    pub(super) fn check(&self) -> Result<(), DataError> {
        let size = self.kernel_size;
        if size.is_multiple_of(2) || size > MAX_KERNEL {
            let problem = format!("it is {size}; use an odd number up to {MAX_KERNEL}");
            return Err(DataError::setting(
                "train.augment.blur.kernel_size",
                problem,
            ));
        }
        range("train.augment.blur.sigma", self.sigma, 1000.0)?;
        up_to("train.augment.blur.p", self.p, 1.0)
    }
}

fn check_bins(setting: &'static str, bins: usize) -> Result<(), DataError> {
    match (2..=1000).contains(&bins) {
        true => Ok(()),
        false => Err(DataError::setting(
            setting,
            format!("it is {bins}; use 2 to 1000"),
        )),
    }
}

pub(super) fn up_to(setting: &'static str, value: f32, max: f32) -> Result<(), DataError> {
    match (0.0..=max).contains(&value) {
        true => Ok(()),
        false => Err(DataError::setting(
            setting,
            format!("it is {value}; use 0 to {max}"),
        )),
    }
}

fn range(setting: &'static str, [low, high]: [f32; 2], max: f32) -> Result<(), DataError> {
    match low > 0.0 && low <= high && high <= max {
        true => Ok(()),
        false => Err(DataError::setting(
            setting,
            format!(
                "it is [{low}, {high}]; use two numbers above 0 and up to {max}, the smaller one first"
            ),
        )),
    }
}
