//! Converting an image to a network's input.

use receptive_core::{Fit, ImageSize, Interpolation, Resize};
use serde::{Deserialize, Serialize};

/// How an image is converted to an input: resized to height and width, converted to grey or colour
/// according to `channels`, scaled to 0..1, then `(value - mean) / std` for each channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// Resize mode for images of another size.
    pub resize: Resize,
    /// Interpolation when resizing.
    #[serde(default, skip_serializing_if = "Interpolation::is_default")]
    pub interpolation: Interpolation,
    /// The crop fraction; see [`Fit::crop_fraction`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_fraction: Option<f64>,
    /// The mean of each channel over the training split, in 0..1.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel over the training split, in 0..1.
    pub std: Vec<f32>,
}

impl InputSpec {
    /// Takes images of this size, resized without keeping the aspect ratio, with pixels in 0..1:
    /// mean 0 and standard deviation 1.
    pub fn new(size: ImageSize) -> Self {
        Self {
            channels: size.channels,
            height: size.height,
            width: size.width,
            resize: Resize::default(),
            interpolation: Interpolation::default(),
            crop_fraction: None,
            mean: vec![0.0; size.channels],
            std: vec![1.0; size.channels],
        }
    }

    /// Sets how images of another size are resized.
    pub fn with_fit(self, fit: impl Into<Fit>) -> Self {
        let Fit {
            resize,
            interpolation,
            crop_fraction,
        } = fit.into();
        Self {
            resize,
            interpolation,
            crop_fraction,
            ..self
        }
    }

    /// Sets mean and standard deviation of the channels, in 0..1.
    pub fn with_normalization(self, mean: impl Into<Vec<f32>>, std: impl Into<Vec<f32>>) -> Self {
        Self {
            mean: mean.into(),
            std: std.into(),
            ..self
        }
    }

    /// Resize mode for images of another size.
    pub fn fit(&self) -> Fit {
        Fit {
            resize: self.resize,
            interpolation: self.interpolation,
            crop_fraction: self.crop_fraction,
        }
    }

    /// The size of the images that the network takes.
    pub fn size(&self) -> ImageSize {
        ImageSize {
            channels: self.channels,
            height: self.height,
            width: self.width,
        }
    }

    /// Describes how to prepare an image before its pixels are normalised: a sentence without its
    /// full stop, for use in other programs.
    pub fn preparation(&self) -> String {
        let Self {
            channels,
            height,
            width,
            resize,
            interpolation,
            crop_fraction,
            ..
        } = self;
        let colours = match channels {
            1 => "grey".into(),
            3 => "red, green, blue".into(),
            more => format!("{more} channels"),
        };
        let how = match (resize, crop_fraction) {
            (Resize::Stretch, _) => String::from("ignoring the aspect ratio"),
            (Resize::Crop, None) => "the shorter side to size, then a centre crop".into(),
            (Resize::Crop, Some(fraction)) => {
                let side = |side: &usize| (*side as f64 / fraction).floor();
                match (side(height), side(width)) {
                    (height, width) if height == width => {
                        format!("the shorter side to {height}, then a centre crop at whole pixels")
                    }
                    (height, width) => format!(
                        "proportionally to cover {height}x{width}, then a centre crop at whole \
                         pixels"
                    ),
                }
            }
            (Resize::Pad, _) => "the longer side to size, padded with black".into(),
        };
        format!(
            "images are resized to {height}x{width} pixels (height x width, {interpolation}, \
             {how}), channels {colours}"
        )
    }

    pub(crate) fn check(&self, input: ImageSize) -> Result<(), String> {
        let size = self.size();
        if size != input {
            return Err(format!("its input spec says {size} but its config {input}"));
        }
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != self.channels {
                return Err(format!(
                    "its `{name}` has {} numbers for {} channels",
                    values.len(),
                    self.channels
                ));
            }
            if values.iter().any(|value| !value.is_finite()) {
                return Err(format!("its `{name}` is not finite"));
            }
        }
        self.fit()
            .check()
            .map_err(|problem| format!("its input spec is invalid: {problem}"))?;
        if self.std.iter().any(|std| *std <= 0.0) {
            return Err("its `std` is not positive".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_of_an_earlier_version_means_what_it_meant() {
        let old =
            r#"{"channels":1,"height":4,"width":6,"resize":"crop","mean":[0.5],"std":[0.25]}"#;
        let spec: InputSpec = serde_json::from_str(old).unwrap();
        assert_eq!(spec.fit(), Fit::from(Resize::Crop));
        assert_eq!(serde_json::to_string(&spec).unwrap(), old);
        assert!(
            spec.preparation()
                .contains("bilinear, the shorter side to size")
        );
    }

    #[test]
    fn a_crop_fraction_and_bicubic_are_kept_and_told() {
        let fit = Fit {
            resize: Resize::Crop,
            interpolation: Interpolation::Bicubic,
            crop_fraction: Some(0.875),
        };
        let spec = InputSpec::new(ImageSize::new(3, 224, 224)).with_fit(fit);
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<InputSpec>(&json).unwrap(), spec);
        let words = spec.preparation();
        assert!(
            words.contains("bicubic, the shorter side to 256, then a centre crop"),
            "{words}"
        );
        let wrong = InputSpec {
            crop_fraction: Some(2.0),
            ..spec
        };
        assert!(wrong.check(wrong.size()).unwrap_err().contains("found 2"));
    }
}
