//! Means of few values, with confidence intervals (Student's t).

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The mean of a metric over several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with `count - 1` in the denominator; `None` for a single value.
    pub deviation: Option<f64>,
    /// The 95 % confidence interval of the mean by Student's t; `None` for a single value.
    pub interval: Option<[f64; 2]>,
}

impl Spread {
    /// The mean of these values; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        let interval = deviation.map(|deviation| {
            let half = t_quantile(0.95, count - 1) * deviation / (count as f64).sqrt();
            [mean - half, mean + half]
        });
        Some(Self {
            count,
            mean,
            deviation,
            interval,
        })
    }

    /// Clips the interval to the metric's range.
    #[must_use]
    pub fn within(self, least: f64, most: f64) -> Self {
        let cut = |[low, high]: [f64; 2]| [low.max(least), high.min(most)];
        Self {
            interval: self.interval.map(cut),
            ..self
        }
    }
}

/// The two-sided quantile of Student's t with `degrees` degrees of freedom (at least 1): its magnitude stays
/// below this number with this probability.
fn t_quantile(probability: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, degrees) < probability && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if within(middle, degrees) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The probability that Student's t is between `-t` and `t`, a finite sum for integer degrees of freedom:
/// Abramowitz and Stegun 26.7.3 and 26.7.4.
fn within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = degrees % 2 == 1;
    // Powers of the cosine: 1, 3, 5, ... for odd degrees, 0, 2, 4, ... for even ones.
    let mut term = if is_odd { cosine } else { 1.0 };
    let mut power = usize::from(is_odd);
    let mut sum = 0.0;
    while power + 2 <= degrees {
        sum += term;
        power += 2;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    match is_odd {
        true => 2.0 / PI * (angle + sine * sum),
        false => sine * sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_scipy() {
        // scipy.stats.t.ppf(0.975, degrees).
        for (degrees, expected) in [
            (1, 12.706204736),
            (2, 4.302652730),
            (3, 3.182446305),
            (4, 2.776445105),
            (5, 2.570581836),
            (9, 2.262157163),
            (10, 2.228138852),
            (30, 2.042272456),
            (1000, 1.962339081),
        ] {
            let found = t_quantile(0.95, degrees);
            assert!((found - expected).abs() < 1e-6, "{degrees}: {found}");
        }
    }

    #[test]
    fn the_interval_of_five_values_matches_scipy() {
        // scipy.stats.t.interval(0.95, 4, mean, scipy.stats.sem(values)).
        let spread = Spread::of(&[0.90, 0.92, 0.91, 0.89, 0.93]).unwrap();
        let [low, high] = spread.interval.unwrap();
        assert!((spread.mean - 0.91).abs() < 1e-12);
        assert!((spread.deviation.unwrap() - 0.015811388).abs() < 1e-9);
        assert!((low - 0.890367568).abs() < 1e-8 && (high - 0.929632432).abs() < 1e-8);
        let one = Spread::of(&[0.5]).unwrap();
        assert_eq!((one.mean, one.deviation, one.interval), (0.5, None, None));
        assert_eq!(Spread::of(&[]), None);
        let interval = |spread: Spread| spread.within(0.0, 0.92).interval;
        assert_eq!(interval(spread), Some([low, 0.92]));
    }
}
