//! A batch norm to which other maps are added before the nonlinearity, as at the end of a residual block.

use super::{Affine, Moments, NormSettings, NormSizes, channel_gradients};
use crate::fresh::{Unwritten, fresh};
use crate::nonlinearity::{Function, Nonlinearity, with_function};
use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::simd::vectorized;
use rayon::prelude::*;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta + added`, then the nonlinearity.
///
/// # Shapes
/// - `x`, `added`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
pub(crate) fn forward_added(
    sizes: &NormSizes,
    x: &[f32],
    added: &[f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    nonlinearity: Nonlinearity,
) -> Vec<f32> {
    fresh(x.len(), |y| {
        let channels = sizes.by_channel(y.chunks(sizes.plane));
        let channels = channels.into_par_iter().enumerate();
        with_function!(nonlinearity, function => channels.for_each(|(channel, planes)| {
            let _slice = slice();
            let (affine, _) = moments.affine(channel, parameters, function);
            let inputs = sizes.planes(x, channel).zip(sizes.planes(added, channel));
            let planes = Unwritten::clear_all(planes);
            for (y, (x, added)) in planes.into_iter().zip(inputs) {
                vectorized!(affine.apply_to_sum(x, added, y));
            }
        }));
    })
}

/// The gradients with respect to `x`, gamma and beta, as of a batch norm by itself; the one with respect to the added
/// maps, the gradient before the nonlinearity, replaces `grad`.
///
/// # Shapes
/// - `x`, `added`, `grad`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
pub(crate) fn gradients_added(
    sizes: &NormSizes,
    x: &[f32],
    added: &[f32],
    grad: &mut [f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    settings: NormSettings,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let (mut dgamma, mut dbeta) = (Vec::new(), Vec::new());
    let dx = fresh(x.len(), |dx| {
        let grads = sizes.planes_mut(grad).into_par_iter();
        let dxs = sizes.by_channel(dx.chunks(sizes.plane));
        let channels = grads.zip(dxs).enumerate();
        let of_channels = channels.map(|(channel, (mut grads, dxs))| {
            let _slice = slice();
            if settings.options.nonlinearity != Nonlinearity::default() {
                with_function!(settings.options.nonlinearity, function => {
                    let (affine, _) = moments.affine(channel, parameters, function);
                    let inputs = sizes.planes(x, channel).zip(sizes.planes(added, channel));
                    for (grad, (x, added)) in grads.iter_mut().zip(inputs) {
                        vectorized!(affine.pass_to_sum(x, added, grad));
                    }
                });
            }
            let mut dxs = Unwritten::clear_all(dxs);
            for (dx, grad) in dxs.iter_mut().zip(&grads) {
                dx.copy_from_slice(grad);
            }
            let affine = moments.affine(channel, parameters, Rectifier::None);
            channel_gradients(sizes, channel, x, dxs, affine, settings.statistics)
        });
        (dgamma, dbeta) = of_channels.unzip();
    });
    (dx, dgamma, dbeta)
}

impl<F: Function> Affine<F> {
    #[inline(always)]
    fn apply_to_sum(self, x: &[f32], added: &[f32], y: &mut [f32]) {
        for ((y, x), added) in y.iter_mut().zip(x).zip(added) {
            *y = self.function.of(self.before(*x) + *added);
        }
    }

    /// Replaces the gradients after the function by those of the sum before it.
    #[inline(always)]
    fn pass_to_sum(self, x: &[f32], added: &[f32], grad: &mut [f32]) {
        for ((grad, x), added) in grad.iter_mut().zip(x).zip(added) {
            *grad = self.function.gradient_at(self.before(*x) + *added, *grad);
        }
    }
}
