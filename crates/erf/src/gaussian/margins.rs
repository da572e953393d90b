//! The thresholds of the test, each with its source.
//!
//! "Controls" are the maps of `tests/it/controls.rs`: the 14 that are Gaussian in theory have a
//! total variation of at most 0.08, all but two of the others at least 0.147.

use super::estimate::Estimate;

/// Total variation at most this: Gaussian. Between 0.08 and 0.147 there are only the borderline
/// controls.
pub(super) const GAUSSIAN_TV: f64 = 0.10;
/// Total variation above this: not Gaussian.
pub(super) const OTHER_TV: f64 = 0.15;
/// Absolute excess kurtosis per axis at most this: Gaussian. For chains of boxes the total
/// variation is about 0.084 times the kurtosis, so this is the stricter counterpart of
/// [`GAUSSIAN_TV`].
pub(super) const GAUSSIAN_KURTOSIS: f64 = 0.75;
/// Absolute excess kurtosis above this: not Gaussian.
pub(super) const OTHER_KURTOSIS: f64 = 1.0;
/// Mardia's kurtosis differs by at most this from 8, its value for any Gaussian in the plane:
/// Gaussian.
pub(super) const GAUSSIAN_MARDIA: f64 = 2.0;
/// Hole index above this: Gaussian; the lowest of the controls without a grid is 0.81.
pub(super) const GAUSSIAN_HOLE: f64 = 0.5;
/// Hole index below this: not Gaussian.
pub(super) const OTHER_HOLE: f64 = 0.3;
/// Ratio of the least-squares sigma to that of the moments within this interval: Gaussian; the
/// largest of the Gaussian controls is 1.10.
pub(super) const GAUSSIAN_RATIO: [f64; 2] = [0.85, 1.15];

/// If the noise in total variation is at most this, an interval across a margin is attributed to
/// the map: Borderline instead of Inconclusive. Reached with 800 samples of a squared gradient and
/// 230 of an absolute one.
pub(super) const SETTLED_NOISE: f64 = 0.02;
/// With more noise in total variation than this, no map is called Gaussian or borderline.
pub(super) const MAX_NOISE: f64 = 0.05;
/// If more than this share of the mass is on the image's edge, the edge truncates the field.
pub(super) const MAX_CUT: f64 = 0.01;
/// If more than this share of the samples have a gradient of zero, the unit is dead.
pub(super) const MAX_DEAD: f64 = 0.5;
/// The share of the mass that rounding in f32 sums may leave outside the theoretical field; a
/// network whose plan is correct has exactly none.
pub(super) const MAX_OUTSIDE: f64 = 1e-6;
/// The standard deviation in pixels below which the lattice is too coarse for a Gaussian: two 3 x 3
/// layers have 1.15, one has 0.82.
pub(super) const MIN_SIGMA: f64 = 1.0;

/// Excess kurtosis below minus this: flat, like a box (-1.2) or a disc (-1.0).
pub(super) const BOX_KURTOSIS: f64 = 0.9;
/// Excess kurtosis above this: peaked, like an exponential.
pub(super) const PEAKED_KURTOSIS: f64 = 0.9;
/// Mardia's excess above this: peaked.
pub(super) const PEAKED_MARDIA: f64 = 2.0;
/// Hole index below which a borderline map has a grid ripple: that of the ResNet stem is 0.58, and
/// without strides it is at least 0.8.
pub(super) const RIPPLE_HOLE: f64 = 0.8;

/// If the ratio of the sigmas is above this, a note says that the field is an ellipse.
pub(super) const NOTED_ANISOTROPY: f64 = 1.25;
/// If the centroid is further than this from the theoretical field's centre, in sigmas, a note says
/// so.
pub(super) const NOTED_OFFSET: f64 = 0.5;

/// The numbers that decide the verdict; lengths are in input pixels, pairs are `[rows, columns]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Total variation, corrected for noise.
    pub(super) tv: Estimate,
    /// The noise in `tv`.
    pub(super) noise: f64,
    /// Excess kurtosis per axis.
    pub(super) kurtosis: [Estimate; 2],
    /// Mardia's excess.
    pub(super) mardia: Estimate,
    /// The hole index.
    pub(super) hole: Estimate,
    /// The ratio of the least-squares sigma to that of the moments; `None` if the fit failed.
    pub(super) ratio: Option<Estimate>,
    /// The smallest standard deviation, in pixels.
    pub(super) sigma: f64,
}
