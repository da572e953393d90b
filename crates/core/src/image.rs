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

    /// Values of one image, one for each pixel and channel: bytes where a value is a byte.
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

/// How a picture of another height and width is made to fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Both sides are scaled to size on their own; proportions change.
    #[default]
    Stretch,
    /// The shorter side is scaled to size, then what sticks out is cut off evenly on both sides.
    Crop,
    /// The longer side is scaled to size, then the picture is centred on black.
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
    fn a_size_is_three_named_numbers_and_no_more() {
        let size = ImageSize::new(3, 4, 5);
        let json = serde_json::to_string(&size).unwrap();
        assert_eq!(json, r#"{"channels":3,"height":4,"width":5}"#);
        assert_eq!(serde_json::from_str::<ImageSize>(&json).unwrap(), size);
        let json = json.replace('}', r#","depth":1}"#);
        assert!(serde_json::from_str::<ImageSize>(&json).is_err());
    }
}
