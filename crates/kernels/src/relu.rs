//! The gradient of a ReLU.

use crate::lanes::{kept, vectorised};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const PIECE: usize = 1 << 14;

/// `grad` where `output`, the ReLU's result, is positive; else 0.
pub(crate) fn gradient(grad: &[f32], output: &[f32]) -> Vec<f32> {
    let mut masked = vec![0.0; grad.len()];
    masked
        .par_chunks_mut(PIECE)
        .zip(grad.par_chunks(PIECE))
        .zip(output.par_chunks(PIECE))
        .for_each(|((masked, grad), output)| {
            vectorised(|| {
                for ((masked, grad), output) in masked.iter_mut().zip(grad).zip(output) {
                    *masked = kept(*grad, *output > 0.0);
                }
            });
        });
    masked
}
