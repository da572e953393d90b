use super::{Moments, NormSizes};
use crate::lanes::{kept, vectorised};
use rayon::prelude::*;

/// The gradients with respect to what was normalised, `gamma` and `beta`.
pub(crate) struct NormGradients {
    pub(crate) x: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// The derivative through mean and variance too: with `z` the normalised values, `g` the gradients and
/// means over a channel,
///
/// ```text
/// d beta = sum g,  d gamma = sum g z,  d x = gamma / deviation (g - mean g - z mean(g z))
/// ```
///
/// # Shapes
/// - `x`, `grad`: `[images, channels, plane]`
/// - `output`: as `x`, the forward pass' result; only where a ReLU followed
/// - `gamma`: `[channels]`
pub(crate) fn gradients(
    sizes: &NormSizes,
    x: &[f32],
    gamma: &[f32],
    moments: Moments<'_>,
    grad: &[f32],
    output: Option<&[f32]>,
) -> NormGradients {
    let mut dx = vec![0.0; x.len()];
    // Without a ReLU every gradient is let through: it stands in for its own mask.
    let (mask, masked) = (output.unwrap_or(grad), output.is_some());
    let (beta, gamma) = sizes
        .planes_mut(&mut dx)
        .into_par_iter()
        .enumerate()
        .map(|(channel, dx)| {
            let (mean, factor) = moments.of(channel);
            let planes = || {
                let x = sizes.planes(x, channel);
                let grad = sizes.planes(grad, channel);
                x.zip(grad).zip(sizes.planes(mask, channel))
            };
            let mut sums = [0.0, 0.0];
            for ((x, grad), mask) in planes() {
                let [beta, gamma] = vectorised(|| plane_sums(x, grad, mask, masked, mean));
                sums = [sums[0] + beta, sums[1] + gamma];
            }
            let [of_beta, of_gamma] = [sums[0], sums[1] * factor];
            let scale = gamma[channel] * factor;
            let shift = of_beta / sizes.count();
            let slope = of_gamma / sizes.count() * factor;
            for (dx, ((x, grad), mask)) in dx.into_iter().zip(planes()) {
                vectorised(|| {
                    for (((dx, x), grad), mask) in dx.iter_mut().zip(x).zip(grad).zip(mask) {
                        let grad = kept(*grad, !masked | (*mask > 0.0));
                        *dx = scale * (grad - shift - (*x - mean) * slope);
                    }
                });
            }
            (of_beta, of_gamma)
        })
        .unzip();
    NormGradients { x: dx, gamma, beta }
}

/// The sums of the gradients, and of their products with the distances from the mean; always in the
/// same order.
#[inline(always)]
fn plane_sums(x: &[f32], grad: &[f32], mask: &[f32], masked: bool, mean: f32) -> [f32; 2] {
    const LANES: usize = 16;
    let mut sums = [[0.0_f32; LANES]; 2];
    let chunks = |values: &[f32]| values.len() - values.len() % LANES;
    let whole = chunks(x);
    let parts = x[..whole]
        .chunks_exact(LANES)
        .zip(grad[..whole].chunks_exact(LANES))
        .zip(mask[..whole].chunks_exact(LANES));
    for ((x, grad), mask) in parts {
        for lane in 0..LANES {
            let grad = kept(grad[lane], !masked | (mask[lane] > 0.0));
            sums[0][lane] += grad;
            sums[1][lane] += grad * (x[lane] - mean);
        }
    }
    for (lane, ((x, grad), mask)) in x[whole..]
        .iter()
        .zip(&grad[whole..])
        .zip(&mask[whole..])
        .enumerate()
    {
        let grad = kept(*grad, !masked | (*mask > 0.0));
        sums[0][lane] += grad;
        sums[1][lane] += grad * (x - mean);
    }
    sums.map(|lanes| lanes.iter().sum())
}
