//! Smooth and clipped functions of single values, in place.

use super::blocks::CHUNK;
use crate::simd::vectorized;
use crate::threads::each_part;

/// A function of each value. The piecewise linear ones that convolutions end with are a
/// [`Rectifier`](crate::Rectifier).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nonlinearity {
    /// `x` where positive, else this times `x`.
    LeakyRelu(f32),
    /// `x` times the normal distribution function of `x`.
    Gelu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `x tanh(ln(1 + exp(x)))`.
    Mish,
    /// `x` where positive, else this times `exp(x) - 1`.
    Elu(f32),
    /// `min(max(x, low), high)`.
    Clip([f32; 2]),
}

impl Nonlinearity {
    /// Applies it to every value; the errors are a few units of 1e-7, relative to 1 or to the value if that is larger.
    pub fn apply(self, x: &mut [f32]) {
        match self {
            Self::LeakyRelu(slope) => map(x, move |x| if x > 0.0 { x } else { slope * x }),
            Self::Gelu => map(x, |x| 0.5 * x * (1.0 + error_function(x * HALF_ROOT))),
            Self::Tanh => map(x, |x| 2.0 * sigmoid(2.0 * x) - 1.0),
            Self::Sigmoid => map(x, sigmoid),
            Self::HardSwish => map(x, |x| x * hard_sigmoid(x)),
            Self::HardSigmoid => map(x, hard_sigmoid),
            Self::Silu => map(x, |x| x * sigmoid(x)),
            Self::Mish => map(x, mish),
            Self::Elu(alpha) => map(x, move |x| match x > 0.0 {
                true => x,
                false => alpha * (exp(x) - 1.0),
            }),
            Self::Clip([low, high]) => map(x, move |x| match (x < low, x > high) {
                (true, _) => low,
                (_, true) => high,
                // NaN too.
                _ => x,
            }),
        }
    }
}

fn map(x: &mut [f32], function: impl Fn(f32) -> f32 + Copy + Sync) {
    each_part(x, CHUNK, 1, |_, x| {
        vectorized!(x.iter_mut().for_each(|x| *x = function(*x)));
    });
}

const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;

#[inline(always)]
fn hard_sigmoid(x: f32) -> f32 {
    (x + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// With `e = exp(x)` the hyperbolic tangent is `(e^2 + 2 e) / (e^2 + 2 e + 2)`.
#[inline(always)]
fn mish(x: f32) -> f32 {
    // Above, the quotient is 1 and the square may overflow.
    let e = exp(x.min(20.0));
    let n = e * (e + 2.0);
    x * (n / (n + 2.0))
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

/// `e^x` with a relative error of about 1e-7, by a polynomial that the compiler can vectorise: `e^x = 2^k e^r` with a
/// whole `k` and `|r|` at most `ln(2) / 2`. Below -87 it is `e^-87`, about 1e-38, and above 88 `e^88`.
#[inline(always)]
fn exp(x: f32) -> f32 {
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
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = x - k * LN_2[0] - k * LN_2[1];
    let series = TERMS.iter().fold(0.0, |sum, term| sum * r + term);
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    (series * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed in 64 bits.
    fn exact(function: Nonlinearity, x: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match function {
            Nonlinearity::LeakyRelu(slope) => x.max(0.0) + f64::from(slope) * x.min(0.0),
            Nonlinearity::Gelu => {
                0.5 * x * (1.0 + integral((x * std::f64::consts::FRAC_1_SQRT_2).clamp(-9.0, 9.0)))
            }
            Nonlinearity::Tanh => x.tanh(),
            Nonlinearity::Sigmoid => sigmoid(x),
            Nonlinearity::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Nonlinearity::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Nonlinearity::Silu => x * sigmoid(x),
            Nonlinearity::Mish => x * x.exp().ln_1p().tanh(),
            Nonlinearity::Elu(alpha) => x.max(0.0) + f64::from(alpha) * x.min(0.0).exp_m1(),
            Nonlinearity::Clip([low, high]) => x.clamp(low.into(), high.into()),
        }
    }

    /// The error function, integrated by Simpson's rule.
    fn integral(x: f64) -> f64 {
        let steps = 2000;
        let h = x / f64::from(steps);
        let terms = (0..=steps).map(|i| {
            let weight = match i {
                0 => 1.0,
                i if i == steps => 1.0,
                i if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * (-(h * f64::from(i)).powi(2)).exp()
        });
        terms.sum::<f64>() * h / 3.0 * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn functions_are_those_in_64_bits_up_to_rounding() {
        for function in [
            Nonlinearity::LeakyRelu(0.1),
            Nonlinearity::Gelu,
            Nonlinearity::Tanh,
            Nonlinearity::Sigmoid,
            Nonlinearity::HardSwish,
            Nonlinearity::HardSigmoid,
            Nonlinearity::Silu,
            Nonlinearity::Mish,
            Nonlinearity::Elu(1.5),
            Nonlinearity::Clip([-1.0, 2.5]),
        ] {
            let inputs: Vec<f32> = (-4000..=4000).map(|i| i as f32 / 161.0).collect();
            let inputs = [&inputs[..], &[-1e4, -120.0, -0.0, 120.0, 1e4]].concat();
            let mut found = inputs.clone();
            function.apply(&mut found);
            for (x, found) in inputs.into_iter().zip(found) {
                let expected = exact(function, x.into());
                let error = (f64::from(found) - expected).abs();
                assert!(
                    error <= 5e-7 * expected.abs().max(1.0),
                    "{function:?} of {x}: {found}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn the_exponential_is_precise_in_relative_terms() {
        for i in -8600..=8700 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expected - 1.0).abs();
            assert!(error < 3e-7, "exp({x}): {error}");
        }
        assert_eq!(exp(0.0), 1.0);
    }
}
