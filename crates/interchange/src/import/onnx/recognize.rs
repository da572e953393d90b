//! The activation that a function of single values equals. It is recognised by its values, not by the nodes that
//! compute it.

use super::scalar::{Unary, erf, unary};
use receptive_model::Activation;

/// A function in terms of the network's layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Identity,
    Activation(Activation),
    /// `scale x + shift`.
    Affine {
        scale: f64,
        shift: f64,
    },
}

/// Up to this distance from 0 values are compared closely; that is where activations are curved.
const NEAR: f64 = 12.0;
/// The distance between two of these values.
const STEP: f64 = 0.0371;
/// The factor between two values further away, up to [`FAR`].
const GROWTH: f64 = 1.37;
/// The largest value compared. No network computes larger ones: a clip beyond has no effect.
const FAR: f64 = 1e30;
/// Constants in a file are rounded to 32 bits.
const TOLERANCE: f64 = 2e-6;
/// Beyond this, `exp` is infinite in 32 bits, so that a function composed of it may have no value.
const MAX_EXPONENT: f64 = 80.0;

/// The arguments at which functions are compared, on both sides of every kink: activations are straight lines far
/// from 0, so a kink beyond changes all values from there on; and kinks of a function lie near its constants.
fn arguments(constants: &[f64]) -> Vec<f64> {
    let count = (2.0 * NEAR / STEP) as usize;
    // Moved so that none is 0, where a quotient may have no value.
    let near = (0..count).map(|at| -NEAR + 0.0013 + STEP * at as f64);
    let far = std::iter::successors(Some(NEAR), |x| Some(x * GROWTH)).take_while(|x| *x < FAR);
    let kinks = constants.iter().filter(|constant| constant.abs() < FAR);
    let kinks = kinks.flat_map(|constant| {
        let beside = 1e-3 * (1.0 + constant.abs());
        [constant - beside, constant + beside]
    });
    near.chain(far.chain(kinks).flat_map(|x| [x, -x])).collect()
}

/// What `function` is; `constants` are the numbers in its nodes.
pub(super) fn recognized(constants: &[f64], function: impl Fn(f64) -> f64) -> Option<Meaning> {
    let arguments = arguments(constants).into_iter();
    let values: Vec<(f64, f64)> = arguments.map(|x| (x, function(x))).collect();
    let is = |other: &dyn Fn(f64) -> f64| {
        values.iter().all(|(x, found)| {
            let expected = other(*x);
            (found - expected).abs() <= TOLERANCE * (1.0 + expected.abs())
                || !found.is_finite() && x.abs() > MAX_EXPONENT
        })
    };
    let shift = function(0.0);
    let scale = function(1.0) - shift;
    if shift.is_finite() && scale.is_finite() && is(&|x| scale * x + shift) {
        return Some(if is(&|x| x) {
            Meaning::Identity
        } else {
            Meaning::Affine { scale, shift }
        });
    }
    let slope = -function(-1.0);
    let bounds = [function(-FAR), function(FAR)];
    candidates(slope, bounds)
        .into_iter()
        .find(|activation| is(&|x| value(*activation, x)))
        .map(Meaning::Activation)
}

/// The activations that a function may be: it is `-slope` at -1, and has these values far from 0 on both sides.
fn candidates(slope: f64, bounds: [f64; 2]) -> Vec<Activation> {
    // The decimal number that was rounded to 32 bits.
    let slope = (slope as f32).to_string().parse().unwrap_or(slope);
    let alpha = slope / (1.0 - (-1.0f64).exp());
    let alpha = (alpha as f32).to_string().parse().unwrap_or(alpha);
    // A bound beyond those is none, which is written as the largest number.
    let [low, high] = bounds.map(|bound| match bound.abs() < FAR {
        true => bound,
        false => f64::from(f32::MAX).copysign(bound),
    });
    let clip = (low < high).then_some(Activation::Clip([low, high]));
    let own = [Activation::LeakyRelu(slope), Activation::Elu(alpha)];
    // ReLU comes before a leaky ReLU with slope 0.
    Activation::ALL.into_iter().chain(own).chain(clip).collect()
}

/// The value of an activation in double precision.
fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu(slope) => unary(Unary::Leaky(slope), x),
        Activation::Elu(alpha) => unary(Unary::Elu(alpha), x),
        Activation::Gelu => x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => unary(Unary::Sigmoid, x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Silu => x * unary(Unary::Sigmoid, x),
        Activation::Mish => x * unary(Unary::Softplus, x).tanh(),
        Activation::Clip([low, high]) => x.clamp(low, high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_only_far_from_zero_is_not_taken_for_an_activation() {
        let relu = Some(Meaning::Activation(Activation::Relu));
        assert_eq!(recognized(&[], |x| x.max(0.0)), relu);
        assert_eq!(
            recognized(&[], |x| x.clamp(0.0, 6.0)),
            Some(Meaning::Activation(Activation::Relu6))
        );
        let clip = |low, high| Some(Meaning::Activation(Activation::Clip([low, high])));
        let most = f64::from(f32::MAX);
        for bound in [6.001, 9.8, 11.0, 20.0, 50.0, 65504.0, 1e20] {
            let positive = recognized(&[0.0, bound], |x| x.clamp(0.0, bound));
            assert_eq!(positive, clip(0.0, bound), "{bound}");
            let both = |x: f64| x.clamp(-bound, bound);
            assert_eq!(recognized(&[-bound, bound], both), clip(-bound, bound));
            let high = |x: f64| x.min(bound);
            assert_eq!(recognized(&[bound], high), clip(-most, bound));
            let below = |x: f64| if x < -bound { x } else { x.max(0.0) };
            assert_eq!(recognized(&[bound], below), None, "{bound}");
        }
        // The largest 32-bit number clips nothing.
        assert_eq!(recognized(&[0.0, most], |x| x.clamp(0.0, most)), relu);
    }

    #[test]
    fn a_kink_between_two_arguments_is_found_beside_its_constants() {
        let bump = |x: f64| x.max(0.0) + (0.004 - (x - 1.5).abs()).max(0.0);
        assert_eq!(recognized(&[1.5, 0.004], bump), None);
    }

    #[test]
    fn functions_without_values_far_from_zero_are_recognised() {
        let tanh = |x: f64| (x.exp() - (-x).exp()) / (x.exp() + (-x).exp());
        let found = recognized(&[], tanh);
        assert_eq!(found, Some(Meaning::Activation(Activation::Tanh)));
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let found = recognized(&[1.0], silu);
        assert_eq!(found, Some(Meaning::Activation(Activation::Silu)));
    }
}
