use super::Sizes;
use crate::lanes::{kept, vectorised};
use std::ops::Range;

/// The gradients of one image's maps within a band, 0 where the ReLU was shut.
///
/// # Shapes
/// - `grad`, `output`: `[filters, output height, output width]` of one image
/// - `masked`: `[filters, rows.len() * output width]`
pub(super) fn masked_band(
    sizes: &Sizes,
    grad: &[f32],
    output: Option<&[f32]>,
    rows: &Range<usize>,
    masked: &mut [f32],
) {
    let (places, width) = (sizes.places(), rows.len() * sizes.output[1]);
    let from = rows.start * sizes.output[1];
    for (filter, masked) in masked.chunks_exact_mut(width).enumerate() {
        let place = filter * places + from;
        let grad = &grad[place..][..width];
        match output {
            None => masked.copy_from_slice(grad),
            Some(output) => mask(grad, &output[place..][..width], masked),
        }
    }
}

/// The gradients, 0 where the ReLU was shut.
pub(super) fn mask(grad: &[f32], output: &[f32], masked: &mut [f32]) {
    vectorised(|| {
        for ((masked, grad), output) in masked.iter_mut().zip(grad).zip(output) {
            *masked = kept(*grad, *output > 0.0);
        }
    });
}
