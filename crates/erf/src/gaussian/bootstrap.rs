//! Intervals from resampled groups.

use super::Estimate;
use super::thresholds::RESAMPLES;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The weight of each group in each resample: how often it was drawn, over the number of groups.
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

/// The 95 % interval of a number from its replicates. They are centred on the number itself, as
/// their own bias is that of noise taken twice, and their spread is widened by what so few groups
/// hide: Student's quantile in place of the normal one, and the variance's `n / (n - 1)`.
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
    let wider = student(groups - 1) / NORMAL * (n / (n - 1.0)).sqrt();
    Estimate {
        value,
        low: value + wider * (quantile(&sorted, 0.025) - mean).min(0.0),
        high: value + wider * (quantile(&sorted, 0.975) - mean).max(0.0),
    }
}

/// The normal distribution's 97.5 % quantile.
const NORMAL: f64 = 1.96;

/// Student's 97.5 % quantile.
pub(super) fn student(freedom: usize) -> f64 {
    const FEW: [f64; 9] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
    ];
    match freedom {
        0 => f64::INFINITY,
        1..=9 => FEW[freedom - 1],
        // Cornish and Fisher's expansion, right to 0.003 from here on.
        _ => {
            let (z, n) = (NORMAL, freedom as f64);
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
    use rand_distr::{Distribution, StandardNormal};

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
                    let found = interval(mean, &replicates, groups);
                    found.low <= 0.0 && found.high >= 0.0
                })
                .count();
            assert!((925..=975).contains(&covered), "{groups} groups: {covered}");
        }
    }
}
