//! The images a network takes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of an image, or of all images of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSize {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl ImageSize {
    /// `channels` x `height` x `width`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// The number of values of one image, one per pixel and channel; its size in bytes if values are bytes.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether it has no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for ImageSize {
    /// `CxHxW`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// How an image of another size is fitted to the required height and width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Both sides are scaled independently, ignoring the aspect ratio.
    #[default]
    Stretch,
    /// The shorter side is scaled to size, then a centre crop is taken.
    Crop,
    /// The longer side is scaled to size, then the image is padded with black on both sides.
    Pad,
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stretch => "stretch",
            Self::Crop => "crop",
            Self::Pad => "pad",
        })
    }
}

/// Interpolation when resizing, antialiased when an image becomes smaller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Weights that fall linearly with distance.
    #[default]
    Bilinear,
    /// Cubic weights, sharper (Keys 1981, a = -0.5, as in Pillow).
    Bicubic,
}

impl Interpolation {
    /// Whether it is the default, which config files omit.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Interpolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
        })
    }
}

/// Everything that determines how an image is resized.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fit {
    /// The resize mode.
    pub resize: Resize,
    /// The interpolation.
    pub interpolation: Interpolation,
    /// The crop fraction, for [`Resize::Crop`] only: the part of the resized image's shorter side that is kept,
    /// above 0 and at most 1. The shorter side is resized to `floor(size / fraction)` pixels, then a centre
    /// crop is taken at whole pixels, as in torchvision and timm. If `None`, the image is cropped first, at
    /// subpixel positions, and then resized.
    pub crop_fraction: Option<f64>,
}

impl Fit {
    /// Checks the crop fraction.
    ///
    /// # Errors
    /// A sentence saying what was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let Some(fraction) = self.crop_fraction else {
            return Ok(());
        };
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(format!(
                "expected a crop fraction above 0 and at most 1, found {fraction}"
            ));
        }
        if self.resize != Resize::Crop {
            return Err(format!(
                "a crop fraction needs the resize mode `crop`, but the mode is `{}`; leave it \
                 out, or set the mode to `crop`",
                self.resize
            ));
        }
        Ok(())
    }
}

impl From<Resize> for Fit {
    fn from(resize: Resize) -> Self {
        Self {
            resize,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_from_its_name_in_json() {
        for rule in [Resize::Stretch, Resize::Crop, Resize::Pad] {
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(json, format!("\"{rule}\""));
            assert_eq!(serde_json::from_str::<Resize>(&json).unwrap(), rule);
        }
    }

    #[test]
    fn a_crop_fraction_is_a_share_and_belongs_to_crop() {
        let fit = |resize, fraction| Fit {
            crop_fraction: Some(fraction),
            ..Fit::from(resize)
        };
        assert_eq!(fit(Resize::Crop, 0.875).check(), Ok(()));
        assert_eq!(fit(Resize::Crop, 1.0).check(), Ok(()));
        assert_eq!(Fit::from(Resize::Pad).check(), Ok(()));
        for wrong in [0.0, -1.0, 1.01, f64::NAN, f64::INFINITY] {
            assert!(fit(Resize::Crop, wrong).check().is_err(), "{wrong}");
        }
        let error = fit(Resize::Stretch, 0.9).check().unwrap_err();
        assert!(error.contains("`stretch`"), "{error}");
    }

    #[test]
    fn a_size_is_three_named_numbers_and_no_more() {
        let size = ImageSize::new(3, 4, 5);
        let json = serde_json::to_string(&size).unwrap();
        assert_eq!(json, r#"{"channels":3,"height":4,"width":5}"#);
        assert_eq!(serde_json::from_str::<ImageSize>(&json).unwrap(), size);
        let json = json.replace('}', r#","depth":1}"#);
        assert!(serde_json::from_str::<ImageSize>(&json).is_err());
    }
}
