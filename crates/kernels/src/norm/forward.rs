use super::{Moments, NormSizes};
use crate::lanes::{total, vectorised};
use rayon::prelude::*;

/// Mean and variance of each channel: `[channels]` each. In two passes, since the difference of large
/// squares would lose digits.
pub(crate) fn moments(sizes: &NormSizes, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    (0..sizes.channels)
        .into_par_iter()
        .map(|channel| {
            let planes = sizes.planes(x, channel);
            let sum: f32 = planes
                .clone()
                .map(|plane| vectorised(|| total(plane)))
                .sum();
            let mean = sum / sizes.count();
            let squares: f32 = planes
                .map(|plane| vectorised(|| deviation(plane, mean)))
                .sum();
            (mean, squares / sizes.count())
        })
        .unzip()
}

/// The sum of squared distances from the mean, always in the same order.
#[inline(always)]
fn deviation(values: &[f32], mean: f32) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0_f32; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for values in whole.chunks_exact(LANES) {
        for (sum, value) in lanes.iter_mut().zip(values) {
            let far = *value - mean;
            *sum += far * far;
        }
    }
    for (sum, value) in lanes.iter_mut().zip(rest) {
        let far = *value - mean;
        *sum += far * far;
    }
    lanes.iter().sum()
}

/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
pub(crate) fn forward(
    sizes: &NormSizes,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    moments: Moments<'_>,
    relu: bool,
) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    sizes
        .planes_mut(&mut y)
        .into_par_iter()
        .enumerate()
        .for_each(|(channel, planes)| {
            let (mean, factor) = moments.of(channel);
            let scale = gamma[channel] * factor;
            let beta = beta[channel];
            for (y, x) in planes.into_iter().zip(sizes.planes(x, channel)) {
                vectorised(|| {
                    for (y, x) in y.iter_mut().zip(x) {
                        let value = (*x - mean) * scale + beta;
                        // As in the convolution: what is no number stays.
                        *y = if relu & (value < 0.0) { 0.0 } else { value };
                    }
                });
            }
        });
    y
}
