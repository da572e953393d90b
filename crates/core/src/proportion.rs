//! Statistics of counts of correct predictions: intervals of a proportion, and whether two
//! proportions differ.

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % confidence interval of the proportion `successes / trials` (Wilson 1927, without continuity
/// correction), within 0 and 1. Unlike the normal approximation it holds for few trials and for proportions
/// near 0 or 1. `None` without trials, or if there are more successes than trials.
pub fn wilson(successes: usize, trials: usize) -> Option<[f64; 2]> {
    if trials == 0 || successes > trials {
        return None;
    }
    let (n, z2) = (trials as f64, Z * Z);
    let share = successes as f64 / n;
    let middle = share + z2 / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // Rounding must not move the bounds outside [0, 1], or past the proportion itself.
    let low = ((middle - half) / scale).clamp(0.0, share);
    let high = ((middle + half) / scale).clamp(share, 1.0);
    Some([low, high])
}

/// The p-value of the exact two-sided sign test: the probability of a split of `first + second` disagreements
/// that is at least this uneven, by chance. If these are the numbers of images that only the first and only the
/// second of two classifiers gets right, this is McNemar's exact test; below 0.05 the difference in accuracy is
/// commonly called significant.
pub fn sign_test(first: usize, second: usize) -> f64 {
    let n = first + second;
    let fewer = first.min(second);
    // The binomial coefficients are computed as logarithms, since 2^n overflows from n = 1024 on.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for k in 0..=fewer {
        tail += log.exp();
        log += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_newcombes_table() {
        // Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
        for (successes, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let [a, b] = wilson(successes, trials).unwrap();
            assert!((a - low).abs() < 5.1e-5, "{successes} of {trials}: {a}");
            assert!((b - high).abs() < 5.1e-5, "{successes} of {trials}: {b}");
        }
    }

    #[test]
    fn without_a_success_or_a_failure_it_has_a_closed_form() {
        for n in [1, 7, 109, 1_000_000] {
            let bound = Z * Z / (n as f64 + Z * Z);
            let [low, high] = wilson(0, n).unwrap();
            assert!(low == 0.0 && (high - bound).abs() < 1e-12, "{n}: {high}");
            let [low, high] = wilson(n, n).unwrap();
            assert!(high == 1.0 && (low - (1.0 - bound)).abs() < 1e-12);
        }
        assert_eq!((wilson(0, 0), wilson(3, 2)), (None, None));
    }

    #[test]
    fn the_sign_test_counts_the_tails_of_the_binomial() {
        for (first, second, expected) in [
            (0, 0, 1.0),
            (5, 5, 1.0),
            (0, 5, 2.0 / 32.0),
            (9, 1, 2.0 * (1.0 + 10.0) / 1024.0),
            (2, 8, 2.0 * (1.0 + 10.0 + 45.0) / 1024.0),
        ] {
            let p = sign_test(first, second);
            assert!((p - expected).abs() < 1e-12, "{first}, {second}: {p}");
        }
        // 2^-5000 underflows. 2,500 of 5,000 is what chance gives; 2,400 is 2.8 standard deviations away.
        assert!((sign_test(2500, 2500) - 1.0).abs() < 1e-9);
        assert!((sign_test(2400, 2600) - 0.0049).abs() < 2e-4);
    }
}
