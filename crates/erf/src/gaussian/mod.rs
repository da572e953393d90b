//! Is this map a Gaussian? Effect sizes with error bars, and a verdict that can fail.
//!
//! A map is not a sample of points, and the field of a finite network is never exactly Gaussian: a
//! p-value would only depend on the number of samples. What counts is the distance of the map from
//! the Gaussian with its moments (total variation, corrected for noise), its kurtosis and its
//! holes, each with an interval, compared with thresholds whose sources are given in `margins.rs`.
//!
//! ```text
//! map + groups of samples + theoretical field (Evidence)
//!     field            the mass under test, its window, its moments
//!     fit, shapes, total_variation   the numbers; estimate   their intervals
//!     rule             numbers against margins -> verdict, reason
//!     judge            all of this -> Judgement
//! ```

mod estimate;
mod field;
mod fit;
mod gaussian2;
mod judge;
mod margins;
mod rule;
mod shapes;
mod sizes;
mod total_variation;
mod verdict;

pub use estimate::Estimate;
#[cfg(feature = "picture")]
pub(crate) use estimate::half_interval;
pub(crate) use estimate::jackknife;
pub(crate) use field::moments;
pub use gaussian2::Gaussian2;
pub use judge::judge;
pub use sizes::{LUO_THRESHOLD, MassSquare, luo_size};
pub(crate) use sizes::{mass_squares, replknet_squares};
pub(crate) use total_variation::{total_variation, tv_noise};
pub use verdict::{Evidence, Judgement, Reason, Verdict};
