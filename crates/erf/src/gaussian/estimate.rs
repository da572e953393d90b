//! A number with a confidence interval, and three ways to compute one from independent groups of
//! samples: the standard error of a mean, the jackknife of any statistic, and the bootstrap of many
//! at once.

use crate::map::Map;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// The 97.5 % quantile of the normal distribution: half of a 95 % interval in standard errors.
const NORMAL_95: f64 = 1.96;
/// Number of resamples of the groups: 5 of them are beyond each end of a 95 % interval.
const RESAMPLES: usize = 200;

/// A number with its 95 % confidence interval; without noise all three values are equal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// A number without noise.
    pub const fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    /// As text: `0.031 ±0.004`, the number and half the width of its interval; only the number if
    /// the width is 0.
    pub fn rounded(&self, digits: usize) -> String {
        let spread = (self.high - self.low) / 2.0;
        if spread == 0.0 {
            return format!("{:.digits$}", self.value);
        }
        format!("{:.digits$} ±{spread:.digits$}", self.value)
    }

    /// The estimate of the absolute value.
    #[must_use]
    pub(super) fn magnitude(&self) -> Self {
        let (low, high) = (self.low.abs(), self.high.abs());
        Self {
            value: self.value.abs(),
            low: if self.low <= 0.0 && self.high >= 0.0 {
                0.0
            } else {
                low.min(high)
            },
            high: low.max(high),
        }
    }

    /// The estimate of an increasing function of the number.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            value: change(self.value),
            low: change(self.low),
            high: change(self.high),
        }
    }
}

/// Half of the 95 % interval of the mean over groups, which is 1.96 standard errors; `None` for
/// fewer than two groups.
#[cfg(feature = "picture")]
pub(crate) fn half_interval(groups: impl Iterator<Item = f64>) -> Option<f64> {
    // Welford's algorithm: one pass, and no difference of large sums.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in groups {
        count += 1.0;
        let off: f64 = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    (count > 1.0).then(|| NORMAL_95 * (squares / (count - 1.0) / count).sqrt())
}

/// `statistic` of the mean map, with the 95 % interval of the delete-one jackknife over the groups
/// of samples; exact for fewer than two groups.
pub(crate) fn jackknife(map: &Map, groups: &[Map], statistic: impl Fn(&Map) -> f64) -> Estimate {
    let value = statistic(map);
    let count = groups.len() as f64;
    if groups.len() < 2 {
        return Estimate::exact(value);
    }
    let mut sum = Map::zeros(map.region());
    for group in groups {
        sum.add(group);
    }
    let without: Vec<f64> = groups
        .iter()
        .map(|group| {
            let mut rest = sum.clone();
            rest.add(&group.map(|value| -value));
            statistic(&rest.map(|value| value / (count - 1.0)))
        })
        .collect();
    let mean = without.iter().sum::<f64>() / count;
    let spread: f64 = without.iter().map(|one| (one - mean).powi(2)).sum();
    let error = NORMAL_95 * ((count - 1.0) / count * spread).sqrt();
    Estimate {
        value,
        low: value - error,
        high: value + error,
    }
}

/// The resamples of the bootstrap: the weight of each group in each of them, which is the number of
/// times it was drawn divided by the number of groups.
pub(super) fn resamples(groups: usize) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..RESAMPLES)
        .map(|_| {
            let mut weights = vec![0.0; groups];
            for _ in 0..groups {
                weights[(rng.next_u64() % groups as u64) as usize] += 1.0 / groups as f64;
            }
            weights
        })
        .collect()
}

/// The bootstrap's 95 % interval of a number from its replicates. They are centred on the number
/// itself, because their bias is that of noise added twice, and their spread is widened to correct
/// for the small number of groups: Student's quantile instead of the normal one, and the variance's
/// factor `n / (n - 1)`.
pub(super) fn interval(value: f64, replicates: &[f64], groups: usize) -> Estimate {
    let mut sorted: Vec<f64> = replicates
        .iter()
        .copied()
        .filter(|replicate| replicate.is_finite())
        .collect();
    if sorted.is_empty() || groups < 2 {
        return Estimate::exact(value);
    }
    sorted.sort_by(f64::total_cmp);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let n = groups as f64;
    let wider = student(groups - 1) / NORMAL_95 * (n / (n - 1.0)).sqrt();
    Estimate {
        value,
        low: value + wider * (quantile(&sorted, 0.025) - mean).min(0.0),
        high: value + wider * (quantile(&sorted, 0.975) - mean).max(0.0),
    }
}

/// The 97.5 % quantile of Student's t distribution.
pub(super) fn student(freedom: usize) -> f64 {
    const FEW: [f64; 9] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
    ];
    match freedom {
        0 => f64::INFINITY,
        1..=9 => FEW[freedom - 1],
        // The Cornish-Fisher expansion, accurate to 0.003 from here on.
        _ => {
            let (z, n) = (NORMAL_95, freedom as f64);
            z + (z.powi(3) + z) / (4.0 * n)
                + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        }
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - part) + sorted[above] * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Region;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn a_number_without_noise_is_written_alone() {
        let estimate = Estimate {
            value: 4.452,
            low: 4.40,
            high: 4.50,
        };
        assert_eq!(estimate.rounded(2), "4.45 ±0.05");
        assert_eq!(Estimate::exact(4.452).rounded(1), "4.5");
    }

    #[test]
    #[cfg(feature = "picture")]
    fn the_error_shrinks_with_the_root_of_the_number_of_groups() {
        let groups = |count: u32| (0..count).map(|i| f64::from(i % 2));
        let few = half_interval(groups(4)).unwrap();
        let many = half_interval(groups(400)).unwrap();
        assert!(
            (few / many - (400.0_f64 / 4.0 * (399.0 / 400.0) / (3.0 / 4.0)).sqrt()).abs() < 1e-9
        );
        assert_eq!(half_interval([3.0].into_iter()), None);
    }

    #[test]
    fn of_a_mean_it_is_the_standard_error() {
        let groups: Vec<Map> = (0..10)
            .map(|i| Map::from_fn(Region::image(1, 1), |_, _| f64::from(i)))
            .collect();
        let map = Map::from_fn(Region::image(1, 1), |_, _| 4.5);
        let estimate = jackknife(&map, &groups, Map::total);
        // The variance of 0..=9 is 55/6, that of their mean a tenth of it.
        let error = 1.96 * (55.0_f64 / 6.0 / 10.0).sqrt();
        assert!((estimate.high - 4.5 - error).abs() < 1e-12 && estimate.value == 4.5);
        assert_eq!(jackknife(&map, &groups[..1], Map::total).high, 4.5);
    }

    #[test]
    fn student_is_the_table() {
        for (freedom, expected) in [
            (1, 12.706),
            (6, 2.447),
            (10, 2.228),
            (19, 2.093),
            (99, 1.984),
        ] {
            assert!((student(freedom) - expected).abs() < 0.004, "{freedom}");
        }
    }

    #[test]
    fn intervals_of_a_mean_cover_it_nineteen_times_of_twenty() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for groups in [4, 20] {
            let weights = resamples(groups);
            let covered = (0..1000)
                .filter(|_| {
                    let draws: Vec<f64> = (0..groups)
                        .map(|_| StandardNormal.sample(&mut rng))
                        .collect();
                    let replicates: Vec<f64> = weights
                        .iter()
                        .map(|w| w.iter().zip(&draws).map(|(w, x)| w * x).sum())
                        .collect();
                    let mean = draws.iter().sum::<f64>() / groups as f64;
                    let estimate = interval(mean, &replicates, groups);
                    estimate.low <= 0.0 && estimate.high >= 0.0
                })
                .count();
            assert!((925..=975).contains(&covered), "{groups} groups: {covered}");
        }
    }
}
