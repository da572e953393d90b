//! Each channel of a map times a factor: the gates of squeeze-and-excitation, one factor per image and channel, and
//! trained factors, one per channel.

use crate::fresh::fresh;
use crate::profile::slice;
use crate::simd::{add, dot, vectorized};
use crate::threads::per_task;
use rayon::prelude::*;

/// The sizes of maps and of the factors of their channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScaleSizes {
    plane: usize,
    /// Number of factors: those of every image, or of one for all.
    factors: usize,
}

impl ScaleSizes {
    pub(crate) fn new([_, _, height, width]: [usize; 4], factors: usize) -> Self {
        Self {
            plane: (height * width).max(1),
            factors,
        }
    }
}

/// `x` times the factors.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `factors`: `[images, channels]` or `[1, channels]`
pub(crate) fn forward(sizes: &ScaleSizes, x: &[f32], factors: &[f32]) -> Vec<f32> {
    let planes = per_task(sizes.plane);
    fresh(x.len(), |y| {
        let x = x.chunks(planes * sizes.plane);
        let tasks: Vec<_> = y.chunks(planes * sizes.plane).zip(x).collect();
        tasks
            .into_par_iter()
            .enumerate()
            .for_each(|(task, (y, x))| {
                let _slice = slice();
                let pairs = y.clear().chunks_mut(sizes.plane).zip(x.chunks(sizes.plane));
                for (i, (y, x)) in pairs.enumerate() {
                    let factor = factors[(task * planes + i) % sizes.factors];
                    vectorized!(for (y, x) in y.iter_mut().zip(x) {
                        *y = *x * factor;
                    });
                }
            });
    })
}

/// The gradient of the factors, shaped as they are; the one of `x` replaces `grad`.
pub(crate) fn gradients(
    sizes: &ScaleSizes,
    x: &[f32],
    factors: &[f32],
    grad: &mut [f32],
) -> Vec<f32> {
    // Of each plane.
    let mut products = vec![0.0; x.len() / sizes.plane];
    let planes = per_task(sizes.plane);
    grad.par_chunks_mut(planes * sizes.plane)
        .zip(x.par_chunks(planes * sizes.plane))
        .zip(products.par_chunks_mut(planes))
        .enumerate()
        .for_each(|(task, ((grad, x), products))| {
            let _slice = slice();
            let pairs = grad.chunks_mut(sizes.plane).zip(x.chunks(sizes.plane));
            for (i, ((grad, x), product)) in pairs.zip(products).enumerate() {
                let factor = factors[(task * planes + i) % sizes.factors];
                *product = vectorized!({
                    let product = dot(grad, x);
                    for grad in grad {
                        *grad *= factor;
                    }
                    product
                });
            }
        });
    let mut sums = vec![0.0; sizes.factors];
    let images = products.chunks_exact(sizes.factors.max(1));
    images.for_each(|image| add(&mut sums, image));
    sums
}
