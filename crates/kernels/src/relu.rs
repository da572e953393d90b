//! The gradient of a ReLU.

use crate::lanes::{kept, vectorised};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const PIECE: usize = 1 << 14;

/// Sets `grad` to 0 where `output`, the ReLU's result, is not positive. In place: it is as large as a
/// layer's output, and needed no more.
pub(crate) fn mask(grad: &mut [f32], output: &[f32]) {
    grad.par_chunks_mut(PIECE)
        .zip(output.par_chunks(PIECE))
        .for_each(|(grad, output)| {
            vectorised(|| {
                for (grad, output) in grad.iter_mut().zip(output) {
                    *grad = kept(*grad, *output > 0.0);
                }
            });
        });
}
