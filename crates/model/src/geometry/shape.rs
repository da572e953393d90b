//! The shape of the values between two layers, and parts of that shape.

use std::fmt;
use std::ops::Range;

/// A rectangle of units in a map: `[rows, columns]`.
pub type Units = [Range<usize>; 2];

/// The shape of one image's values between two layers; a batch has a leading `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `[channels, height, width]`.
    Map {
        /// Number of channels.
        channels: usize,
        /// Number of rows.
        height: usize,
        /// Number of columns.
        width: usize,
    },
    /// `[features]`.
    Flat(
        /// Number of values.
        usize,
    ),
}

impl Shape {
    /// Number of values per image.
    pub const fn values(&self) -> usize {
        match *self {
            Self::Map {
                channels,
                height,
                width,
            } => channels * height * width,
            Self::Flat(features) => features,
        }
    }

    /// Rows and columns of units; a flat shape is one unit.
    pub const fn map_size(&self) -> [usize; 2] {
        match *self {
            Self::Map { height, width, .. } => [height, width],
            Self::Flat(_) => [1, 1],
        }
    }

    /// All rows and columns of units.
    pub(crate) fn units(&self) -> Units {
        self.map_size().map(|size| 0..size)
    }

    /// The shape of this rectangle of it.
    pub(crate) fn cut(&self, units: &Units) -> Self {
        match *self {
            Self::Map { channels, .. } => Self::Map {
                channels,
                height: units[0].len(),
                width: units[1].len(),
            },
            flat @ Self::Flat(_) => flat,
        }
    }

    /// Number of channels of a map, or of values of a row.
    pub const fn channels(&self) -> usize {
        match *self {
            Self::Map { channels, .. } => channels,
            Self::Flat(features) => features,
        }
    }

    /// The sizes, outermost first.
    pub fn dims(&self) -> Vec<usize> {
        match *self {
            Self::Map {
                channels,
                height,
                width,
            } => vec![channels, height, width],
            Self::Flat(features) => vec![features],
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map {
                channels,
                height,
                width,
            } => write!(f, "{channels}x{height}x{width}"),
            Self::Flat(features) => write!(f, "{features}"),
        }
    }
}
