//! The decision rule: from numbers with their intervals to a verdict and the name of the shape.

use super::estimate::Estimate;
use super::field::NormalizedMap;
use super::gaussian2::Gaussian2;
use super::margins::{
    BOX_KURTOSIS, GAUSSIAN_HOLE, GAUSSIAN_KURTOSIS, GAUSSIAN_MARDIA, GAUSSIAN_RATIO, GAUSSIAN_TV,
    MAX_NOISE, MIN_SIGMA, Numbers, OTHER_HOLE, OTHER_KURTOSIS, OTHER_TV, PEAKED_KURTOSIS,
    PEAKED_MARDIA, RIPPLE_HOLE, SETTLED_NOISE,
};
use super::shapes::{is_floor, one_central_mode};
use super::verdict::{Reason, Verdict};

/// The verdict, with the reason if it is inconclusive; [`other_shape`] and [`borderline_shape`]
/// give the other reasons.
pub(super) fn decide(numbers: &Numbers) -> (Verdict, Option<Reason>) {
    let inconclusive = |reason| (Verdict::Inconclusive, Some(reason));
    if is_other(numbers, Extent::All) {
        return (Verdict::NotGaussian, None);
    }
    if numbers.sigma < MIN_SIGMA {
        return inconclusive(Reason::Degenerate);
    }
    if numbers.noise > MAX_NOISE {
        return inconclusive(Reason::Noise);
    }
    if is_gaussian(numbers, Extent::All) {
        return (Verdict::Gaussian, None);
    }
    let is_open = is_gaussian(numbers, Extent::Part) || is_other(numbers, Extent::Part);
    if is_open && numbers.noise > SETTLED_NOISE {
        return inconclusive(Reason::Noise);
    }
    (Verdict::Borderline, None)
}

/// The part of an interval for which a comparison must hold.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    All,
    Part,
}

impl Extent {
    fn below(self, estimate: &Estimate, limit: f64) -> bool {
        let end = match self {
            Self::All => estimate.high,
            Self::Part => estimate.low,
        };
        end <= limit
    }

    fn above(self, estimate: &Estimate, limit: f64) -> bool {
        let end = match self {
            Self::All => estimate.low,
            Self::Part => estimate.high,
        };
        end > limit
    }
}

fn is_gaussian(numbers: &Numbers, extent: Extent) -> bool {
    let kurtosis = numbers.kurtosis.map(|kurtosis| kurtosis.magnitude());
    extent.below(&numbers.tv, GAUSSIAN_TV)
        && kurtosis
            .iter()
            .all(|kurtosis| extent.below(kurtosis, GAUSSIAN_KURTOSIS))
        && extent.below(&numbers.mardia.magnitude(), GAUSSIAN_MARDIA)
        && extent.above(&numbers.hole, GAUSSIAN_HOLE)
        && numbers.ratio.is_some_and(|ratio| {
            extent.above(&ratio, GAUSSIAN_RATIO[0]) && extent.below(&ratio, GAUSSIAN_RATIO[1])
        })
}

fn is_other(numbers: &Numbers, extent: Extent) -> bool {
    extent.above(&numbers.tv, OTHER_TV)
        || extent.below(&numbers.hole, OTHER_HOLE)
        || numbers
            .kurtosis
            .iter()
            .any(|kurtosis| extent.above(&kurtosis.magnitude(), OTHER_KURTOSIS))
}

/// The shape of a map that is not a Gaussian. Holes and modes are checked first, because they
/// change the kurtosis in either direction.
pub(super) fn other_shape(
    field: &NormalizedMap,
    numbers: &Numbers,
    moments: &Gaussian2,
    fit: Option<&Gaussian2>,
    noise: f64,
) -> Reason {
    let [highest, lowest] = kurtosis_range(numbers);
    if !one_central_mode(field, moments, noise) {
        Reason::Blobs
    } else if numbers.hole.value < GAUSSIAN_HOLE {
        Reason::Grid
    } else if fit.is_some_and(|fit| is_floor(field, fit)) {
        Reason::Floor
    } else if highest > PEAKED_KURTOSIS || numbers.mardia.value > PEAKED_MARDIA {
        Reason::Peaked
    } else if lowest < -BOX_KURTOSIS {
        Reason::Box
    } else {
        Reason::Shape
    }
}

/// The shape that a borderline map is close to.
pub(super) fn borderline_shape(numbers: &Numbers) -> Reason {
    let [highest, lowest] = kurtosis_range(numbers);
    // Half of the margin, so that an unremarkable kurtosis is not given as the reason.
    let remarkable = GAUSSIAN_KURTOSIS / 2.0;
    if numbers.hole.value < RIPPLE_HOLE {
        Reason::GridRipple
    } else if highest > remarkable && highest > -lowest {
        Reason::NearPeaked
    } else if lowest < -remarkable {
        Reason::NearBox
    } else {
        Reason::NearShape
    }
}

fn kurtosis_range(numbers: &Numbers) -> [f64; 2] {
    let [rows, columns] = numbers.kurtosis.map(|kurtosis| kurtosis.value);
    [rows.max(columns), rows.min(columns)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear() -> Numbers {
        Numbers {
            tv: Estimate::exact(0.03),
            noise: 0.0,
            kurtosis: [Estimate::exact(-0.3); 2],
            mardia: Estimate::exact(-0.6),
            hole: Estimate::exact(0.95),
            ratio: Some(Estimate::exact(1.03)),
            sigma: 3.0,
        }
    }

    fn around(value: f64, half: f64) -> Estimate {
        Estimate {
            value,
            low: value - half,
            high: value + half,
        }
    }

    #[test]
    fn one_number_out_of_its_margin_is_borderline() {
        assert_eq!(decide(&clear()), (Verdict::Gaussian, None));
        let exact = Estimate::exact;
        for numbers in [
            Numbers {
                tv: exact(0.101),
                ..clear()
            },
            Numbers {
                kurtosis: [exact(-0.3), exact(0.76)],
                ..clear()
            },
            Numbers {
                mardia: exact(-2.1),
                ..clear()
            },
            Numbers {
                hole: exact(0.45),
                ..clear()
            },
            Numbers {
                ratio: Some(exact(1.16)),
                ..clear()
            },
            Numbers {
                ratio: None,
                ..clear()
            },
        ] {
            assert_eq!(decide(&numbers), (Verdict::Borderline, None), "{numbers:?}");
        }
        for numbers in [
            Numbers {
                tv: exact(0.151),
                ..clear()
            },
            Numbers {
                kurtosis: [exact(-1.01), exact(0.0)],
                ..clear()
            },
            Numbers {
                hole: exact(0.29),
                ..clear()
            },
            Numbers {
                hole: exact(0.29),
                sigma: 0.8,
                ..clear()
            },
        ] {
            assert_eq!(
                decide(&numbers),
                (Verdict::NotGaussian, None),
                "{numbers:?}"
            );
        }
    }

    #[test]
    fn noise_across_a_margin_is_inconclusive_until_it_is_small() {
        let straddling = Numbers {
            tv: around(0.10, 0.01),
            noise: 0.03,
            ..clear()
        };
        let noisy = (Verdict::Inconclusive, Some(Reason::Noise));
        assert_eq!(decide(&straddling), noisy);
        let quiet = Numbers {
            noise: 0.015,
            ..straddling
        };
        assert_eq!(decide(&quiet), (Verdict::Borderline, None));
        // The whole interval is between the margins, so more samples would not help.
        let between = Numbers {
            tv: around(0.125, 0.02),
            noise: 0.03,
            ..clear()
        };
        assert_eq!(decide(&between), (Verdict::Borderline, None));
    }

    #[test]
    fn much_noise_and_few_pixels_only_allow_a_clear_no() {
        let noisy = Numbers {
            noise: 0.06,
            ..clear()
        };
        assert_eq!(decide(&noisy).1, Some(Reason::Noise));
        let small = Numbers {
            sigma: 0.9,
            ..clear()
        };
        assert_eq!(decide(&small).1, Some(Reason::Degenerate));
        let box_like = Numbers {
            tv: around(0.25, 0.05),
            ..noisy
        };
        assert_eq!(decide(&box_like).0, Verdict::NotGaussian);
    }
}
