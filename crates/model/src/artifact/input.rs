//! Converting an image to a network's input.

use receptive_core::{ImageSize, Resize};
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
    /// How images of another size are fitted.
    pub resize: Resize,
    /// The mean of each channel over the training split, in 0..1.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel over the training split, in 0..1.
    pub std: Vec<f32>,
}

impl InputSpec {
    /// The images the network takes.
    pub fn size(&self) -> ImageSize {
        ImageSize {
            channels: self.channels,
            height: self.height,
            width: self.width,
        }
    }

    /// A description of how to prepare an image before its pixels are normalised, as a sentence without
    /// its full stop, for use in other programs.
    pub fn preparation(&self) -> String {
        let Self {
            channels,
            height,
            width,
            resize,
            ..
        } = self;
        let colours = match channels {
            1 => "grey".into(),
            3 => "red, green, blue".into(),
            more => format!("{more} channels"),
        };
        let how = match resize {
            Resize::Stretch => "both sides stretched",
            Resize::Crop => "the shorter side to size, the rest cut off around the middle",
            Resize::Pad => "the longer side to size, the rest filled with black",
        };
        format!(
            "pictures are resized to {height}x{width} pixels (height x width, bilinear, {how}), \
             channels {colours}"
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
        if self.std.iter().any(|std| *std <= 0.0) {
            return Err("its `std` is not positive".into());
        }
        Ok(())
    }
}
