//! The thresholds of the test, each with its source.
//!
//! "Controls" are the maps of `tests/it/controls.rs`: 14 that theory calls Gaussian have a total
//! variation of at most 0.08, all but two of the others at least 0.147.

use super::estimate::Estimate;

/// Total variation at most this: Gaussian. The controls leave 0.08 to 0.147 empty but for the
/// borderline ones.
pub(super) const GAUSSIAN_TV: f64 = 0.10;
/// Total variation above this: not Gaussian.
pub(super) const OTHER_TV: f64 = 0.15;
/// Excess kurtosis per axis at most this, either way: Gaussian. For chains of boxes the total
/// variation is about 0.084 of it, so this is the stricter twin of [`GAUSSIAN_TV`].
pub(super) const GAUSSIAN_KURTOSIS: f64 = 0.75;
/// Excess kurtosis beyond this, either way: not Gaussian.
pub(super) const OTHER_KURTOSIS: f64 = 1.0;
/// Mardia's kurtosis within this of 8, that of any Gaussian in the plane: Gaussian.
pub(super) const GAUSSIAN_MARDIA: f64 = 2.0;
/// Hole index above this: Gaussian; 0.81 is the lowest of the controls without a grid.
pub(super) const GAUSSIAN_HOLE: f64 = 0.5;
/// A hole index below this: not Gaussian.
pub(super) const OTHER_HOLE: f64 = 0.3;
/// Least-squares sigma over that of the moments within this interval: Gaussian; 1.10 is the largest of
/// the Gaussian controls.
pub(super) const GAUSSIAN_RATIO: [f64; 2] = [0.85, 1.15];

/// Noise in total variation up to which an interval across a margin is the map's own doing: Borderline
/// instead of Inconclusive. Reached at 800 samples of a squared gradient and 230 of an absolute one.
pub(super) const SETTLED_NOISE: f64 = 0.02;
/// Noise in total variation above which no map is called Gaussian or borderline.
pub(super) const MAX_NOISE: f64 = 0.05;
/// The share of the mass on the image's edge above which the edge cuts the field.
pub(super) const MAX_CUT: f64 = 0.01;
/// The share of samples with a gradient of zero above which the unit is dead.
pub(super) const MAX_DEAD: f64 = 0.5;
/// The share of the mass outside the theoretical field that f32 sums may leave there; a network
/// that its plan describes has exactly none.
pub(super) const MAX_OUTSIDE: f64 = 1e-6;
/// The standard deviation in pixels below which the lattice is too coarse for a Gaussian: two
/// layers of 3 x 3 have 1.15, one has 0.82.
pub(super) const MIN_SIGMA: f64 = 1.0;

/// Excess kurtosis below minus this: flat, like a box (-1.2) or a disc (-1.0).
pub(super) const BOX_KURTOSIS: f64 = 0.9;
/// Excess kurtosis above this: peaked, like an exponential.
pub(super) const PEAKED_KURTOSIS: f64 = 0.9;
/// Mardia's excess above this: peaked.
pub(super) const PEAKED_MARDIA: f64 = 2.0;
/// The lattice structure below which a borderline map has a grid ripple: the hole index
/// of the ResNet stem is 0.58 and of what has no stride at least 0.8.
pub(super) const RIPPLE_HOLE: f64 = 0.8;

/// The ratio of the sigmas above which a note says that the field is an ellipse.
pub(super) const NOTED_ANISOTROPY: f64 = 1.25;
/// The distance of the centroid from the theoretical field's centre, in sigmas, that is noted.
pub(super) const NOTED_OFFSET: f64 = 0.5;

/// The numbers that decide; lengths in input pixels, pairs as `[rows, columns]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Total variation, corrected for noise.
    pub(super) tv: Estimate,
    /// The noise in it.
    pub(super) noise: f64,
    /// Excess kurtosis per axis.
    pub(super) kurtosis: [Estimate; 2],
    /// Mardia's excess.
    pub(super) mardia: Estimate,
    /// The hole index.
    pub(super) hole: Estimate,
    /// The least-squares sigma over that of the moments; `None` where the fit failed.
    pub(super) ratio: Option<Estimate>,
    /// The smallest standard deviation, in pixels.
    pub(super) sigma: f64,
}
