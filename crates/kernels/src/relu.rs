//! ReLU as a part of other operations, and its gradient. NaN stays NaN, unlike with `f32::max`, so
//! that a diverged run shows in its loss.

use crate::simd::{select, vectorized};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// `max(value, 0)` where `relu`, else `value`.
#[inline(always)]
pub(crate) fn relu_if(relu: bool, value: f32) -> f32 {
    if relu & (value < 0.0) { 0.0 } else { value }
}

/// Adds a bias in place, then ReLU where `relu`.
pub(crate) fn add_bias(values: &mut [f32], bias: f32, relu: bool) {
    vectorized(|| {
        if relu {
            for value in values {
                *value = relu_if(true, *value + bias);
            }
        } else if bias != 0.0 {
            for value in values {
                *value += bias;
            }
        }
    });
}

/// Sets `grad` to 0 where `output`, the ReLU's result, is not positive. In place: it is as large as a
/// layer's output, and not needed afterwards.
pub(crate) fn gradient(grad: &mut [f32], output: &[f32]) {
    grad.par_chunks_mut(CHUNK)
        .zip(output.par_chunks(CHUNK))
        .for_each(|(grad, output)| {
            vectorized(|| {
                for (grad, output) in grad.iter_mut().zip(output) {
                    *grad = select(*grad, *output > 0.0);
                }
            });
        });
}
