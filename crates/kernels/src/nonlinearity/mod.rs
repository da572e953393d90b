//! Functions of single values that layers end with, and their gradients: the rectifiers, and smooth and clipped ones
//! made of polynomials that the compiler vectorises.

mod arithmetic;
pub(crate) mod function;

pub(crate) use function::{Function, with_function};

use crate::fresh::fresh;
use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::simd::vectorized;
use crate::threads::{CHUNK, each_part};
use rayon::prelude::*;

/// A function of each value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nonlinearity {
    /// The one that convolutions can end with too, or none.
    Rectifier(Rectifier),
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

/// The identity.
impl Default for Nonlinearity {
    fn default() -> Self {
        Rectifier::None.into()
    }
}

impl From<Rectifier> for Nonlinearity {
    fn from(rectifier: Rectifier) -> Self {
        Self::Rectifier(rectifier)
    }
}

impl Nonlinearity {
    /// Applies it to every value; the errors are a few units of 1e-7, relative to 1 or to the value if that is larger.
    pub fn apply(self, x: &mut [f32]) {
        each_part(x, CHUNK, 1, |_, x| self.apply_alone(x));
    }

    /// [`apply`](Self::apply) in the calling thread.
    pub(crate) fn apply_alone(self, x: &mut [f32]) {
        with_function!(self, function => {
            vectorized!(x.iter_mut().for_each(|x| *x = function.of(*x)));
        });
    }

    /// Replaces the gradients after the function by those before it, given its inputs. In place, because they are as
    /// many as a layer's outputs and not needed afterwards.
    pub fn gradient(self, x: &[f32], grad: &mut [f32]) {
        with_function!(self, function => each_part(grad, CHUNK, 1, |i, grad| {
            let _slice = slice();
            let x = &x[i * CHUNK..][..grad.len()];
            vectorized!(for (grad, x) in grad.iter_mut().zip(x) {
                *grad = function.gradient_at(*x, *grad);
            });
        }));
    }
}

/// The function of each value.
pub(crate) fn forward(nonlinearity: Nonlinearity, x: &[f32]) -> Vec<f32> {
    fresh(x.len(), |y| {
        let chunks: Vec<_> = y.chunks(CHUNK).zip(x.chunks(CHUNK)).collect();
        with_function!(nonlinearity, function => chunks.into_par_iter().for_each(|(y, x)| {
            let _slice = slice();
            let y = y.clear();
            vectorized!(for (y, x) in y.iter_mut().zip(x) {
                *y = function.of(*x);
            });
        }));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Nonlinearity; 13] = [
        Nonlinearity::Rectifier(Rectifier::None),
        Nonlinearity::Rectifier(Rectifier::Relu),
        Nonlinearity::Rectifier(Rectifier::Relu6),
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
    ];

    /// Computed in 64 bits.
    fn exact(function: Nonlinearity, x: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        match function {
            Nonlinearity::Rectifier(Rectifier::None) => x,
            Nonlinearity::Rectifier(Rectifier::Relu) => x.max(0.0),
            Nonlinearity::Rectifier(Rectifier::Relu6) => x.clamp(0.0, 6.0),
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
        for function in ALL {
            let inputs: Vec<f32> = (-4000..=4000).map(|i| i as f32 / 161.0).collect();
            let inputs = [&inputs[..], &[-1e4, -120.0, -0.0, 120.0, 1e4]].concat();
            let mut found = inputs.clone();
            function.apply(&mut found);
            assert_eq!(forward(function, &inputs), found);
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
    fn gradients_are_finite_differences_in_64_bits() {
        const STEP: f64 = 1e-5;
        for function in ALL {
            // None at a corner, of which -3, -1, 0, 2.5, 3 and 6 are some function's.
            let inputs: Vec<f32> = (-2000..2000).map(|i| (i as f32 + 0.37) / 161.0).collect();
            let mut found = vec![2.0; inputs.len()];
            function.gradient(&inputs, &mut found);
            for (x, found) in inputs.into_iter().zip(found) {
                let [below, above] = [-STEP, STEP].map(|by| exact(function, f64::from(x) + by));
                let expected = (above - below) / STEP;
                assert!(
                    (f64::from(found) - expected).abs() <= 2e-6,
                    "{function:?} at {x}: {found}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn far_below_zero_they_are_zero() {
        for function in [Nonlinearity::Gelu, Nonlinearity::Silu, Nonlinearity::Mish] {
            assert_eq!(forward(function, &[-1e38]), [0.0], "{function:?}");
        }
    }

    /// So that a diverged run shows in its loss.
    #[test]
    fn nan_stays_nan() {
        for function in ALL {
            assert!(forward(function, &[f32::NAN])[0].is_nan(), "{function:?}");
        }
    }

    #[test]
    fn constant_parts_stop_infinite_gradients() {
        for (function, x) in [
            (Nonlinearity::Rectifier(Rectifier::Relu6), 7.0),
            (Nonlinearity::Clip([-1.0, 2.5]), 3.0),
            (Nonlinearity::HardSigmoid, -4.0),
            (Nonlinearity::HardSwish, -4.0),
        ] {
            let mut grad = [f32::INFINITY];
            function.gradient(&[x], &mut grad);
            assert_eq!(grad[0], 0.0, "{function:?} at {x}");
        }
    }

    /// As PyTorch 2.15 has them.
    #[test]
    fn gradients_at_corners_and_far_outside() {
        for (function, x, expected) in [
            (Nonlinearity::Rectifier(Rectifier::Relu), 0.0, 0.0),
            (Nonlinearity::LeakyRelu(0.25), 0.0, 0.25),
            (Nonlinearity::Elu(1.5), 0.0, 1.5),
            (Nonlinearity::Clip([-1.0, 2.5]), -1.0, 0.0),
            (Nonlinearity::Clip([-1.0, 2.5]), 2.5, 0.0),
            (Nonlinearity::HardSwish, -3.0, 0.0),
            (Nonlinearity::HardSwish, 3.0, 1.0),
            (Nonlinearity::HardSigmoid, -3.0, 0.0),
            (Nonlinearity::HardSigmoid, 3.0, 0.0),
            (Nonlinearity::HardSwish, -3.5, 0.0),
            (Nonlinearity::HardSwish, 3.5, 1.0),
            (Nonlinearity::Silu, 1e4, 1.0),
            (Nonlinearity::Silu, -1e4, 0.0),
            (Nonlinearity::Silu, -1e38, 0.0),
            (Nonlinearity::Gelu, 1e38, 1.0),
            (Nonlinearity::Gelu, 1e4, 1.0),
            (Nonlinearity::Gelu, -1e4, 0.0),
            (Nonlinearity::Mish, 1e4, 1.0),
            (Nonlinearity::Mish, -1e4, 0.0),
            (Nonlinearity::Tanh, 1e4, 0.0),
        ] {
            let mut grad = [1.0];
            function.gradient(&[x], &mut grad);
            assert!(
                (grad[0] - expected).abs() < 1e-6,
                "{function:?} at {x}: {}",
                grad[0]
            );
        }
    }
}
