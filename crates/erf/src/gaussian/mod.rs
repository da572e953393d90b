//! Is this map a Gaussian? Effect sizes with error bars, and a verdict that can fail.
//!
//! A map is no sample of points, and a finite network's field is exactly non-Gaussian: a p-value
//! would only say how long one has measured. What counts is how far the map is from the Gaussian of
//! its own moments (total variation, with the noise taken out), its kurtosis and its holes, each
//! with an interval, held against named margins.

mod bootstrap;
mod estimate;
mod field;
mod fitted;
mod floor;
mod hole;
mod judge;
mod lattice;
mod least_squares;
mod modes;
mod moments;
mod noise;
mod rule;
mod shape;
mod sizes;
pub mod thresholds;
mod variation;
mod verdict;
mod words;

pub use estimate::Estimate;
pub use fitted::Gaussian2;
pub use judge::{Evidence, Judgement, judge};
pub use noise::tv_noise;
pub use sizes::{LUO_THRESHOLD, MassSquare, luo_size, mass_squares, replknet_squares};
pub use variation::total_variation;
pub use verdict::{Reason, Verdict};

use crate::Map;

/// The Gaussian of a map's mean and covariance, with an amplitude of 1; `None` for a map without
/// mass.
pub fn moments(map: &Map) -> Option<Gaussian2> {
    let sums = moments::Sums::of(&map.region(), map.values());
    (sums.total() > 0.0 && sums.total().is_finite()).then(|| sums.gaussian())
}
