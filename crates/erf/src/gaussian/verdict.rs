//! What the test can say.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a map is a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It is, within the stated margins and the noise.
    Gaussian,
    /// It is not, beyond the noise.
    NotGaussian,
    /// It lies between the margins of both.
    Borderline,
    /// It can't be told from this map.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gaussian => "GAUSSIAN",
            Self::NotGaussian => "NOT GAUSSIAN",
            Self::Borderline => "BORDERLINE",
            Self::Inconclusive => "INCONCLUSIVE",
        })
    }
}

/// Why a map is not called a Gaussian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Not Gaussian: flat with an edge.
    Box,
    /// Not Gaussian: a sharp peak with long tails.
    Peaked,
    /// Not Gaussian: holes that strides or dilation leave.
    Grid,
    /// Not Gaussian: several modes, or one that is off the centroid.
    Blobs,
    /// Not Gaussian: a floor that does not decay.
    Floor,
    /// Not Gaussian: none of the shapes that have a name.
    Shape,
    /// Borderline: nearly Gaussian but too flat.
    NearBox,
    /// Borderline: nearly Gaussian but too peaked.
    NearPeaked,
    /// Borderline: a ripple of overlapping strides on what is otherwise a Gaussian.
    GridRipple,
    /// Borderline: total variation between the margins, without a shape that has a name.
    NearShape,
    /// Inconclusive: the image cuts the field.
    Truncated,
    /// Inconclusive: one pixel or one line, or too few for the lattice to carry a Gaussian.
    Degenerate,
    /// Inconclusive: no mass, or values that are not finite.
    Empty,
    /// Inconclusive: negative values, so the map is no density.
    Signed,
    /// Inconclusive: most samples have no gradient at all.
    Dead,
    /// Inconclusive: mass outside the theoretical field.
    Outside,
    /// Inconclusive: the noise is unknown, or too large to decide.
    Noise,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Box => "flat, like a box",
            Self::Peaked => "peaked, with long tails",
            Self::Grid => "a grid with holes",
            Self::Blobs => "several modes or off-centre",
            Self::Floor => "a floor that does not decay",
            Self::Shape => "another shape",
            Self::NearBox => "nearly a Gaussian, but flat",
            Self::NearPeaked => "nearly a Gaussian, but peaked",
            Self::GridRipple => "grid ripple from stride",
            Self::NearShape => "nearly a Gaussian",
            Self::Truncated => "cut by the image's edge",
            Self::Degenerate => "too few pixels",
            Self::Empty => "empty",
            Self::Signed => "negative values",
            Self::Dead => "dead unit",
            Self::Outside => "mass outside the theoretical field",
            Self::Noise => "noise",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_shouted_and_reasons_are_words() {
        assert_eq!(Verdict::NotGaussian.to_string(), "NOT GAUSSIAN");
        assert_eq!(format!("{:>12}", Verdict::Borderline), "  BORDERLINE");
        assert_eq!(Reason::GridRipple.to_string(), "grid ripple from stride");
    }
}
