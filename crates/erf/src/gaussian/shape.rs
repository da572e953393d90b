//! Which shape a map has that is not, or not quite, a Gaussian.

use super::Reason;
use super::field::Field;
use super::fitted::Gaussian2;
use super::floor::is_floor;
use super::modes::one_central_mode;
use super::rule::Numbers;
use super::thresholds::{
    BOX_KURTOSIS, GAUSSIAN_HOLE, GAUSSIAN_KURTOSIS, PEAKED_KURTOSIS, PEAKED_MARDIA, RIPPLE_HOLE,
};

/// The shape of a map that is not a Gaussian. Holes and modes come first: they move the kurtosis
/// either way.
pub(super) fn other(
    field: &Field,
    numbers: &Numbers,
    moments: &Gaussian2,
    fit: Option<&Gaussian2>,
    noise: f64,
) -> Reason {
    let [most, least] = kurtosis_range(numbers);
    if !one_central_mode(field, moments, noise) {
        Reason::Blobs
    } else if numbers.hole.value < GAUSSIAN_HOLE {
        Reason::Grid
    } else if fit.is_some_and(|fit| is_floor(field, fit)) {
        Reason::Floor
    } else if most > PEAKED_KURTOSIS || numbers.mardia.value > PEAKED_MARDIA {
        Reason::Peaked
    } else if least < -BOX_KURTOSIS {
        Reason::Box
    } else {
        Reason::Shape
    }
}

/// What a borderline map is near to.
pub(super) fn near(numbers: &Numbers) -> Reason {
    let [most, least] = kurtosis_range(numbers);
    // Half way to the margin, so that an unremarkable kurtosis is not made the reason.
    let remarkable = GAUSSIAN_KURTOSIS / 2.0;
    if numbers.hole.value < RIPPLE_HOLE {
        Reason::GridRipple
    } else if most > remarkable && most > -least {
        Reason::NearPeaked
    } else if least < -remarkable {
        Reason::NearBox
    } else {
        Reason::NearShape
    }
}

fn kurtosis_range(numbers: &Numbers) -> [f64; 2] {
    let [rows, columns] = numbers.kurtosis.map(|kurtosis| kurtosis.value);
    [rows.max(columns), rows.min(columns)]
}
