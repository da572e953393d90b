//! ReLU and ReLU6 as parts of other operations, and their gradients. Unlike with `f32::max`, NaN
//! stays NaN, so that a diverged run shows in its loss.

use crate::profile::slice;
use crate::simd::{select, vectorized};
use crate::threads::CHUNK;
use rayon::prelude::*;

/// The activation fused into an operation, applied to each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rectifier {
    /// No activation.
    #[default]
    None,
    /// `max(value, 0)`.
    Relu,
    /// `min(max(value, 0), 6)`.
    Relu6,
}

impl Rectifier {
    /// The smallest and the largest value of the output; NaN, for which every comparison is false,
    /// if there is no bound.
    pub(crate) const fn bounds(self) -> Bounds {
        match self {
            Self::None => Bounds {
                low: f32::NAN,
                high: f32::NAN,
            },
            Self::Relu => Bounds {
                low: 0.0,
                high: f32::NAN,
            },
            Self::Relu6 => Bounds {
                low: 0.0,
                high: 6.0,
            },
        }
    }

    /// The output for this value.
    #[inline(always)]
    pub(crate) fn of(self, value: f32) -> f32 {
        let Bounds { low, high } = self.bounds();
        let value = if value < low { low } else { value };
        if value > high { high } else { value }
    }

    /// The gradient before it, given the one after it and the output. It is 0 at the bounds
    /// themselves, as in PyTorch.
    #[inline(always)]
    pub(crate) fn gradient(self, grad: f32, output: f32) -> f32 {
        let Bounds { low, high } = self.bounds();
        select(
            grad,
            (self == Self::None) | ((output > low) & (output != high)),
        )
    }

    /// Whether there is an activation.
    pub(crate) fn is_some(self) -> bool {
        self != Self::None
    }
}

/// The output of a rectifier whose gradient replaces the gradient after it.
#[derive(Debug, Clone, Copy)]
pub struct RectifierMask<'a> {
    /// The rectifier.
    pub rectifier: Rectifier,
    /// Its output, shaped as the gradient.
    pub output: &'a [f32],
}

impl RectifierMask<'_> {
    /// Replaces the part of the gradient that begins at this place.
    pub(crate) fn apply(&self, at: usize, grad: &mut [f32]) {
        let (rectifier, output) = (self.rectifier, &self.output[at..][..grad.len()]);
        vectorized!(with_constant!(rectifier, RECTIFIER => {
            for (grad, output) in grad.iter_mut().zip(output) {
                *grad = RECTIFIER.gradient(*grad, *output);
            }
        }));
    }
}

/// Evaluates an expression with the rectifier as a constant, so that the compiler knows its bounds.
macro_rules! with_constant {
    ($rectifier:expr, $RECTIFIER:ident => $run:expr) => {
        match $rectifier {
            $crate::rectifier::Rectifier::None => {
                const $RECTIFIER: $crate::rectifier::Rectifier = $crate::rectifier::Rectifier::None;
                $run
            }
            $crate::rectifier::Rectifier::Relu => {
                const $RECTIFIER: $crate::rectifier::Rectifier = $crate::rectifier::Rectifier::Relu;
                $run
            }
            $crate::rectifier::Rectifier::Relu6 => {
                const $RECTIFIER: $crate::rectifier::Rectifier =
                    $crate::rectifier::Rectifier::Relu6;
                $run
            }
        }
    };
}
pub(crate) use with_constant;

#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

/// Adds a bias in place, then applies the rectifier.
pub(crate) fn add_bias(values: &mut [f32], bias: f32, rectifier: Rectifier) {
    if bias == 0.0 && !rectifier.is_some() {
        return;
    }
    vectorized!(with_constant!(rectifier, RECTIFIER => {
        for value in values {
            *value = RECTIFIER.of(*value + bias);
        }
    }));
}

/// Adds a bias and other values in place, then applies the rectifier.
pub(crate) fn add_map(values: &mut [f32], bias: f32, map: &[f32], rectifier: Rectifier) {
    vectorized!(with_constant!(rectifier, RECTIFIER => {
        for (value, added) in values.iter_mut().zip(map) {
            *value = RECTIFIER.of((*value + bias) + *added);
        }
    }));
}

/// Replaces the gradient after the rectifier by the one before it, given the output. In place,
/// because it is as large as a layer's output and not needed afterwards.
pub(crate) fn gradient(rectifier: Rectifier, grad: &mut [f32], output: &[f32]) {
    grad.par_chunks_mut(CHUNK)
        .zip(output.par_chunks(CHUNK))
        .for_each(|(grad, output)| {
            let _slice = slice();
            RectifierMask { rectifier, output }.apply(0, grad);
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_gradients_at_and_beyond_the_bounds() {
        let values = [-1.0, -0.0, 0.0, 3.0, 6.0, 7.0, f32::INFINITY];
        for (rectifier, outputs, passes) in [
            (Rectifier::None, values, [1.0; 7]),
            (
                Rectifier::Relu,
                [0.0, -0.0, 0.0, 3.0, 6.0, 7.0, f32::INFINITY],
                [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
            ),
            (
                Rectifier::Relu6,
                [0.0, -0.0, 0.0, 3.0, 6.0, 6.0, 6.0],
                [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
            ),
        ] {
            let found = values.map(|value| rectifier.of(value));
            assert_eq!(found, outputs, "{rectifier:?}");
            assert_eq!(found.map(|y| rectifier.gradient(1.0, y)), passes);
            assert!(rectifier.of(f32::NAN).is_nan());
            let mut added = values;
            add_bias(&mut added, 1.0, rectifier);
            assert_eq!(added, values.map(|value| rectifier.of(value + 1.0)));
        }
    }
}
