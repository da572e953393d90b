//! Elementary functions as polynomials that the compiler can vectorise.

#[inline(always)]
pub(super) fn hard_sigmoid(x: f32) -> f32 {
    (x + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0)
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// With `m = exp(2 x) - 1` it is `m / (m + 2)`, which is precise near 0, too.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let m = exp_m1(2.0 * x.clamp(-20.0, 20.0));
    m / (m + 2.0)
}

/// The distribution function of the normal distribution.
#[inline(always)]
pub(super) fn normal_share(x: f32) -> f32 {
    0.5 * (1.0 + error_function(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The density of the normal distribution.
#[inline(always)]
pub(super) fn normal_density(x: f32) -> f32 {
    /// `1 / sqrt(2 pi)`.
    const FACTOR: f32 = 0.398_942_3;
    FACTOR * exp(-0.5 * x * x)
}

/// Formula 7.1.26 of Abramowitz and Stegun, "Handbook of Mathematical Functions"; its error is at most 1.5e-7.
#[inline(always)]
fn error_function(x: f32) -> f32 {
    const TERMS: [f32; 5] = [
        0.254_829_6,
        -0.284_496_74,
        1.421_413_7,
        -1.453_152,
        1.061_405_4,
    ];
    let positive = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * positive);
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    (1.0 - sum * exp(-positive * positive)).copysign(x)
}

/// `e^x` with a relative error of about 1e-7; 0 below -87.7 and infinite above 88.4.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let [rest, power] = exp_parts(x);
    (rest + 1.0) * power
}

/// `e^x - 1` with a relative error of a few units of 1e-7; above 88 that of 88.
#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    // An infinite power times a negative rest would be NaN.
    let [rest, power] = exp_parts(x.clamp(-88.0, 88.0));
    rest * power + (power - 1.0)
}

/// `e^r - 1` and `2^k` for `x = k ln(2) + r`, with a whole `k` and `|r|` at most `ln(2) / 2`, by a polynomial that the
/// compiler can vectorise.
#[inline(always)]
fn exp_parts(x: f32) -> [f32; 2] {
    /// 1.5 * 2^23: the last bits of the sum with a small number are that number, rounded.
    const ROUND: f32 = 12_582_912.0;
    /// The natural logarithm of 2, as a number whose product with `k` is exact, and the rest.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// The coefficients of `Cephes`' `expf`, by S. Moshier.
    const TERMS: [f32; 6] = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ];
    // At these bounds the power is 0 and infinite.
    let x = x.clamp(-88.0, 89.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = x - k * LN_2[0] - k * LN_2[1];
    let series = TERMS.iter().fold(0.0, |sum, term| sum * r + term);
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    [series * r * r + r, power]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_precise_in_relative_terms() {
        for i in -8700..=8800 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expected - 1.0).abs();
            assert!(error < 3e-7, "exp({x}): {error}");
        }
        let ends = [-1e38, -90.0, 0.0, 90.0, f32::INFINITY].map(exp);
        assert_eq!(ends, [0.0, 0.0, 1.0, f32::INFINITY, f32::INFINITY]);
    }

    #[test]
    fn functions_near_zero_are_precise_in_relative_terms() {
        for exponent in -80..48 {
            for x in [-1.0, 1.0, 1.37].map(|factor| factor * (f64::from(exponent) / 8.0).exp2()) {
                let x = x as f32;
                for (found, expected) in [
                    (tanh(x), f64::from(x).tanh()),
                    (exp_m1(x), f64::from(x).exp_m1()),
                ] {
                    let error = (f64::from(found) / expected - 1.0).abs();
                    assert!(error < 5e-7, "at {x}: {found}, expected {expected}");
                }
            }
        }
    }
}
