//! The rule: from numbers with their intervals to a verdict.

use super::thresholds::{
    GAUSSIAN_HOLE, GAUSSIAN_KURTOSIS, GAUSSIAN_MARDIA, GAUSSIAN_RATIO, GAUSSIAN_TV, LEAST_SIGMA,
    MOST_NOISE, OTHER_HOLE, OTHER_KURTOSIS, OTHER_TV, SETTLED_NOISE,
};
use super::{Estimate, Reason, Verdict};

/// The numbers that decide.
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
    /// The least-squares sigma over that of the moments; nothing where the fit failed.
    pub(super) ratio: Option<Estimate>,
    /// The smallest standard deviation, in pixels.
    pub(super) sigma: f64,
}

/// The verdict, and the reason where the numbers alone tell it: the shape is named elsewhere.
pub(super) fn decide(numbers: &Numbers) -> (Verdict, Option<Reason>) {
    let inconclusive = |reason| (Verdict::Inconclusive, Some(reason));
    if other(numbers, Side::Surely) {
        return (Verdict::NotGaussian, None);
    }
    if numbers.sigma < LEAST_SIGMA {
        return inconclusive(Reason::Degenerate);
    }
    if numbers.noise > MOST_NOISE {
        return inconclusive(Reason::Noise);
    }
    if gaussian(numbers, Side::Surely) {
        return (Verdict::Gaussian, None);
    }
    let open = gaussian(numbers, Side::Perhaps) || other(numbers, Side::Perhaps);
    if open && numbers.noise > SETTLED_NOISE {
        return inconclusive(Reason::Noise);
    }
    (Verdict::Borderline, None)
}

/// Whether something holds for all of an interval, or for a part of it.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Surely,
    Perhaps,
}

impl Side {
    fn below(self, estimate: &Estimate, most: f64) -> bool {
        let end = match self {
            Self::Surely => estimate.high,
            Self::Perhaps => estimate.low,
        };
        end <= most
    }

    fn above(self, estimate: &Estimate, least: f64) -> bool {
        let end = match self {
            Self::Surely => estimate.low,
            Self::Perhaps => estimate.high,
        };
        end > least
    }
}

fn gaussian(numbers: &Numbers, side: Side) -> bool {
    let kurtosis = numbers.kurtosis.map(|kurtosis| kurtosis.magnitude());
    side.below(&numbers.tv, GAUSSIAN_TV)
        && kurtosis
            .iter()
            .all(|kurtosis| side.below(kurtosis, GAUSSIAN_KURTOSIS))
        && side.below(&numbers.mardia.magnitude(), GAUSSIAN_MARDIA)
        && side.above(&numbers.hole, GAUSSIAN_HOLE)
        && numbers.ratio.is_some_and(|ratio| {
            side.above(&ratio, GAUSSIAN_RATIO[0]) && side.below(&ratio, GAUSSIAN_RATIO[1])
        })
}

fn other(numbers: &Numbers, side: Side) -> bool {
    side.above(&numbers.tv, OTHER_TV)
        || side.below(&numbers.hole, OTHER_HOLE)
        || numbers
            .kurtosis
            .iter()
            .any(|kurtosis| side.above(&kurtosis.magnitude(), OTHER_KURTOSIS))
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
        // Between the margins by all of the interval, there is nothing left to wait for.
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
