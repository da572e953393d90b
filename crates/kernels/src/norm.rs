//! Batch normalisation and the rectifier after it, in one pass over the values in each direction.
//! After Ioffe and Szegedy, "Batch Normalization" (2015).

use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::simd::{total, vectorized};
use rayon::prelude::*;

/// The options of a batch norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied after normalisation.
    pub rectifier: Rectifier,
}

/// Where the mean and variance of a batch norm come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// They are those of the values themselves: gradients flow through them.
    Own,
    /// They are given, such as running statistics, and constant.
    Given,
}

/// The sizes of one batch norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormSizes {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    /// Number of values of one image in one channel: height times width.
    pub(crate) plane: usize,
}

impl NormSizes {
    pub(crate) fn new([images, channels, height, width]: [usize; 4]) -> Self {
        Self {
            images,
            channels,
            plane: height * width,
        }
    }

    /// Number of values of one channel.
    fn count(&self) -> f32 {
        (self.images * self.plane) as f32
    }

    /// The planes of one channel, in the order of the images.
    fn planes<'a>(
        &self,
        values: &'a [f32],
        channel: usize,
    ) -> impl Iterator<Item = &'a [f32]> + Clone + use<'a> {
        let plane = self.plane.max(1);
        values
            .chunks_exact(plane)
            .skip(channel)
            .step_by(self.channels.max(1))
    }

    /// For each channel its planes in all images, for writing.
    fn planes_mut<'a>(&self, values: &'a mut [f32]) -> Vec<Vec<&'a mut [f32]>> {
        let mut channels: Vec<_> = (0..self.channels)
            .map(|_| Vec::with_capacity(self.images))
            .collect();
        for (i, plane) in values.chunks_exact_mut(self.plane.max(1)).enumerate() {
            channels[i % self.channels].push(plane);
        }
        channels
    }
}

/// The statistics with which each channel is normalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments<'a> {
    /// `[channels]`.
    mean: &'a [f32],
    /// `[channels]`, biased: divided by the number of values.
    variance: &'a [f32],
    epsilon: f32,
}

impl<'a> Moments<'a> {
    /// From the mean and the variance, `[2, channels]`.
    pub(crate) fn new(moments: &'a [f32], epsilon: f32) -> Self {
        let (mean, variance) = moments.split_at(moments.len() / 2);
        Self {
            mean,
            variance,
            epsilon,
        }
    }

    /// The mean and the factor `1 / sqrt(variance + epsilon)`.
    fn mean_and_factor(&self, channel: usize) -> (f32, f32) {
        let deviation = (self.variance[channel] + self.epsilon).sqrt();
        (self.mean[channel], 1.0 / deviation)
    }
}

/// Mean and biased variance of each channel, `[channels]` each. Computed in two passes, because the
/// difference of large squares would lose digits.
pub(crate) fn moments(sizes: &NormSizes, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    (0..sizes.channels)
        .into_par_iter()
        .map(|channel| {
            let _slice = slice();
            let planes = sizes.planes(x, channel);
            let sum: f32 = planes.clone().map(|plane| vectorized!(total(plane))).sum();
            let mean = sum / sizes.count();
            let squares: f32 = planes
                .map(|plane| vectorized!(squared_distances(plane, mean)))
                .sum();
            (mean, squares / sizes.count())
        })
        .unzip()
}

/// The sum of squared deviations from the mean, always in the same order.
#[inline(always)]
fn squared_distances(values: &[f32], mean: f32) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0_f32; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for values in whole.chunks_exact(LANES) {
        for (sum, value) in lanes.iter_mut().zip(values) {
            let distance = *value - mean;
            *sum += distance * distance;
        }
    }
    for (sum, value) in lanes.iter_mut().zip(rest) {
        let distance = *value - mean;
        *sum += distance * distance;
    }
    lanes.iter().sum()
}

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, then the rectifier.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
pub(crate) fn forward(
    sizes: &NormSizes,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    moments: Moments<'_>,
    rectifier: Rectifier,
) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    sizes
        .planes_mut(&mut y)
        .into_par_iter()
        .enumerate()
        .for_each(|(channel, planes)| {
            let _slice = slice();
            let (mean, factor) = moments.mean_and_factor(channel);
            let scale = gamma[channel] * factor;
            let beta = beta[channel];
            for (y, x) in planes.into_iter().zip(sizes.planes(x, channel)) {
                vectorized!({
                    for (y, x) in y.iter_mut().zip(x) {
                        let value = (*x - mean) * scale + beta;
                        *y = rectifier.of(value);
                    }
                });
            }
        });
    y
}

/// The gradients with respect to `x`, `gamma` and `beta`, shaped accordingly.
pub(crate) struct NormGradients {
    pub(crate) x: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// The gradients. With `z` the normalised values, `g` the output gradients and means over a
/// channel:
///
/// ```text
/// d beta = sum g,  d gamma = sum g z,  d x = gamma / deviation (g - mean g - z mean(g z))
/// ```
///
/// The two means are the gradients through the moments, and are absent if those are given.
///
/// # Shapes
/// - `x`, `grad`: `[images, channels, plane]`
/// - `output`: as `x`, the forward pass's result; only needed with a rectifier
/// - `gamma`: `[channels]`
pub(crate) fn gradients(
    sizes: &NormSizes,
    [x, grad]: [&[f32]; 2],
    gamma: &[f32],
    moments: Moments<'_>,
    output: Option<&[f32]>,
    rectifier: Rectifier,
    statistics: Statistics,
) -> NormGradients {
    let mut dx = vec![0.0; x.len()];
    // Without a rectifier every gradient passes and the output is ignored, so any slice will do.
    let output = output.unwrap_or(grad);
    let (beta, gamma) = sizes
        .planes_mut(&mut dx)
        .into_par_iter()
        .enumerate()
        .map(|(channel, dx)| {
            let _slice = slice();
            let (mean, factor) = moments.mean_and_factor(channel);
            let planes = || {
                let x = sizes.planes(x, channel);
                let grad = sizes.planes(grad, channel);
                x.zip(grad).zip(sizes.planes(output, channel))
            };
            let mut sums = [0.0, 0.0];
            for ((x, grad), output) in planes() {
                let [beta, gamma] = vectorized!(plane_sums(x, grad, output, rectifier, mean));
                sums = [sums[0] + beta, sums[1] + gamma];
            }
            let [dbeta, dgamma] = [sums[0], sums[1] * factor];
            let scale = gamma[channel] * factor;
            let [shift, slope] = match statistics {
                Statistics::Own => [dbeta / sizes.count(), dgamma / sizes.count() * factor],
                Statistics::Given => [0.0; 2],
            };
            for (dx, ((x, grad), output)) in dx.into_iter().zip(planes()) {
                vectorized!({
                    for (((dx, x), grad), output) in dx.iter_mut().zip(x).zip(grad).zip(output) {
                        let grad = rectifier.gradient(*grad, *output);
                        *dx = scale * (grad - shift - (*x - mean) * slope);
                    }
                });
            }
            (dbeta, dgamma)
        })
        .unzip();
    NormGradients { x: dx, gamma, beta }
}

/// The sums of the gradients and of the gradients times the deviations from the mean, always in the
/// same order.
#[inline(always)]
fn plane_sums(
    x: &[f32],
    grad: &[f32],
    output: &[f32],
    rectifier: Rectifier,
    mean: f32,
) -> [f32; 2] {
    const LANES: usize = 16;
    let mut sums = [[0.0_f32; LANES]; 2];
    let chunks = |values: &[f32]| values.len() - values.len() % LANES;
    let whole = chunks(x);
    let parts = x[..whole]
        .chunks_exact(LANES)
        .zip(grad[..whole].chunks_exact(LANES))
        .zip(output[..whole].chunks_exact(LANES));
    for ((x, grad), output) in parts {
        for lane in 0..LANES {
            let grad = rectifier.gradient(grad[lane], output[lane]);
            sums[0][lane] += grad;
            sums[1][lane] += grad * (x[lane] - mean);
        }
    }
    for (lane, ((x, grad), output)) in x[whole..]
        .iter()
        .zip(&grad[whole..])
        .zip(&output[whole..])
        .enumerate()
    {
        let grad = rectifier.gradient(*grad, *output);
        sums[0][lane] += grad;
        sums[1][lane] += grad * (x - mean);
    }
    sums.map(|lanes| lanes.iter().sum())
}
