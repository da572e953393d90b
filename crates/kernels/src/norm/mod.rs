//! Batch normalisation and the nonlinearity after it, in one pass over the values in each direction.
//! After Ioffe and Szegedy, "Batch Normalization" (2015).

mod added;

pub(crate) use added::{forward_added, gradients_added};

use crate::fresh::{Unwritten, fresh};
use crate::nonlinearity::{Function, Nonlinearity, with_function};
use crate::profile::slice;
use crate::simd::{total, vectorized};
use rayon::prelude::*;

/// The options of a batch norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied after normalisation.
    pub nonlinearity: Nonlinearity,
}

/// Where the mean and variance of a batch norm come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// They are those of the values themselves: gradients flow through them.
    Own,
    /// They are given, such as running statistics, and constant.
    Given,
}

impl Statistics {
    /// The gradients through the moments of a channel: of the mean, and per deviation from it.
    fn gradients(self, sizes: &NormSizes, [dbeta, dgamma]: [f32; 2], factor: f32) -> [f32; 2] {
        match self {
            Self::Own => [dbeta / sizes.count(), dgamma / sizes.count() * factor],
            Self::Given => [0.0; 2],
        }
    }
}

/// A batch norm's options and the origin of its statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSettings {
    pub(crate) options: BatchNormOptions,
    pub(crate) statistics: Statistics,
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
        self.by_channel(values.chunks_exact_mut(self.plane.max(1)))
    }

    /// For each channel its planes in all images, given those of each image after another.
    fn by_channel<P>(&self, planes: impl Iterator<Item = P>) -> Vec<Vec<P>> {
        let mut channels: Vec<_> = (0..self.channels)
            .map(|_| Vec::with_capacity(self.images))
            .collect();
        for (i, plane) in planes.enumerate() {
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

    /// How this channel is normalised with gamma and beta, and the factor `1 / sqrt(variance + epsilon)`.
    fn affine<F: Function>(
        &self,
        channel: usize,
        [gamma, beta]: [&[f32]; 2],
        function: F,
    ) -> (Affine<F>, f32) {
        let moments = [self.mean[channel], self.variance[channel]];
        Affine::new(
            moments,
            self.epsilon,
            [gamma[channel], beta[channel]],
            function,
        )
    }
}

/// Mean and biased variance of each channel, `[channels]` each. Computed in two passes, because the
/// difference of large squares would lose digits.
pub(crate) fn moments(sizes: &NormSizes, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    (0..sizes.channels)
        .into_par_iter()
        .map(|channel| {
            let _slice = slice();
            moments_of(sizes, x, channel).into()
        })
        .unzip()
}

/// Mean and biased variance of one channel.
fn moments_of(sizes: &NormSizes, x: &[f32], channel: usize) -> [f32; 2] {
    let planes = sizes.planes(x, channel);
    let sum: f32 = planes.clone().map(|plane| vectorized!(total(plane))).sum();
    let mean = sum / sizes.count();
    let squares: f32 = planes
        .map(|plane| vectorized!(squared_distances(plane, mean)))
        .sum();
    [mean, squares / sizes.count()]
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

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, then the nonlinearity.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
pub(crate) fn forward(
    sizes: &NormSizes,
    x: &[f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    nonlinearity: Nonlinearity,
) -> Vec<f32> {
    with_function!(nonlinearity, function => forward_with(sizes, x, parameters, moments, function))
}

fn forward_with(
    sizes: &NormSizes,
    x: &[f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    function: impl Function,
) -> Vec<f32> {
    fresh(x.len(), |y| {
        let channels = sizes.by_channel(y.chunks(sizes.plane));
        let channels = channels.into_par_iter().enumerate();
        channels.for_each(|(channel, planes)| {
            let _slice = slice();
            let (affine, _) = moments.affine(channel, parameters, function);
            affine.apply(sizes.planes(x, channel), planes);
        });
    })
}

/// [`forward`] with the values' own [`moments`], which are the second result: each channel is normalised while it is in
/// the cache.
pub(crate) fn forward_in_training(
    sizes: &NormSizes,
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    options: BatchNormOptions,
) -> (Vec<f32>, (Vec<f32>, Vec<f32>)) {
    let mut moments = (Vec::new(), Vec::new());
    let y = fresh(x.len(), |y| {
        let channels = sizes.by_channel(y.chunks(sizes.plane));
        let channels = channels.into_par_iter().enumerate();
        moments = with_function!(options.nonlinearity, function => {
            let of_channels = channels.map(|(channel, planes)| {
                let _slice = slice();
                let moments = moments_of(sizes, x, channel);
                let parameters = [gamma[channel], beta[channel]];
                let (affine, _) = Affine::new(moments, options.epsilon as f32, parameters, function);
                affine.apply(sizes.planes(x, channel), planes);
                moments.into()
            });
            of_channels.unzip()
        });
    });
    (y, moments)
}

/// The gradients. With `z` the normalised values, `g` the output gradients and means over a
/// channel:
///
/// ```text
/// d beta = sum g,  d gamma = sum g z,  d x = gamma / deviation (g - mean g - z mean(g z))
/// ```
///
/// The two means are the gradients through the moments, and are absent if those are given. Returns
/// the gradients with respect to gamma and beta. The step is bound by memory: hence the gradient
/// with respect to `x` replaces `grad`, and the nonlinearity's is found by computing its input again
/// instead of reading it.
///
/// # Shapes
/// - `x`, `grad`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
pub(crate) fn gradients(
    sizes: &NormSizes,
    x: &[f32],
    grad: &mut [f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    settings: NormSettings,
) -> (Vec<f32>, Vec<f32>) {
    let statistics = settings.statistics;
    with_function!(settings.options.nonlinearity, function => {
        gradients_with(sizes, x, grad, parameters, moments, function, statistics)
    })
}

fn gradients_with(
    sizes: &NormSizes,
    x: &[f32],
    grad: &mut [f32],
    parameters: [&[f32]; 2],
    moments: Moments<'_>,
    function: impl Function,
    statistics: Statistics,
) -> (Vec<f32>, Vec<f32>) {
    sizes
        .planes_mut(grad)
        .into_par_iter()
        .enumerate()
        .map(|(channel, grads)| {
            let _slice = slice();
            let affine = moments.affine(channel, parameters, function);
            channel_gradients(sizes, channel, x, grads, affine, statistics)
        })
        .unzip()
}

/// Replaces the gradients of one channel by those with respect to `x`; returns those with respect to
/// gamma and beta.
fn channel_gradients(
    sizes: &NormSizes,
    channel: usize,
    x: &[f32],
    mut grads: Vec<&mut [f32]>,
    (affine, factor): (Affine<impl Function>, f32),
    statistics: Statistics,
) -> (f32, f32) {
    let mut sums = [0.0, 0.0];
    for (x, grad) in sizes.planes(x, channel).zip(&grads) {
        let [of_beta, of_gamma] = vectorized!(plane_sums(x, grad, affine));
        sums = [sums[0] + of_beta, sums[1] + of_gamma];
    }
    let [dbeta, dgamma] = [sums[0], sums[1] * factor];
    let through_moments = statistics.gradients(sizes, [dbeta, dgamma], factor);
    for (x, grad) in sizes.planes(x, channel).zip(&mut grads) {
        vectorized!(affine.replace_gradients(x, grad, through_moments));
    }
    (dgamma, dbeta)
}

/// How the values of one channel are normalised.
#[derive(Clone, Copy)]
struct Affine<F> {
    mean: f32,
    scale: f32,
    beta: f32,
    function: F,
}

impl<F: Function> Affine<F> {
    /// Also returns the factor `1 / sqrt(variance + epsilon)`.
    fn new(
        [mean, variance]: [f32; 2],
        epsilon: f32,
        [gamma, beta]: [f32; 2],
        function: F,
    ) -> (Self, f32) {
        let factor = 1.0 / (variance + epsilon).sqrt();
        let affine = Self {
            mean,
            scale: gamma * factor,
            beta,
            function,
        };
        (affine, factor)
    }

    /// The normalised value, before the function.
    #[inline(always)]
    fn before(self, x: f32) -> f32 {
        (x - self.mean) * self.scale + self.beta
    }

    /// Normalises the planes of its channel.
    fn apply<'x>(self, x: impl Iterator<Item = &'x [f32]>, y: Vec<Unwritten<'_>>) {
        Unwritten::map_all(
            y,
            x,
            #[inline(always)]
            move |x| self.function.of(self.before(x)),
        );
    }

    /// Replaces the gradients after the function by those with respect to `x`, given those through
    /// the moments: of the mean, and per deviation from it.
    #[inline(always)]
    fn replace_gradients(self, x: &[f32], grad: &mut [f32], [shift, slope]: [f32; 2]) {
        for (x, grad) in x.iter().zip(grad) {
            let passed = self.gradient(*x, *grad);
            *grad = self.scale * (passed - shift - (*x - self.mean) * slope);
        }
    }

    /// The gradient before the function, given the one after it.
    #[inline(always)]
    fn gradient(self, x: f32, grad: f32) -> f32 {
        self.function.gradient_at(self.before(x), grad)
    }
}

/// The sums of the gradients and of the gradients times the deviations from the mean, always in the
/// same order.
#[inline(always)]
fn plane_sums<F: Function>(x: &[f32], grad: &[f32], affine: Affine<F>) -> [f32; 2] {
    const LANES: usize = 16;
    let mut sums = [[0.0_f32; LANES]; 2];
    let whole = x.len() - x.len() % LANES;
    let parts = x[..whole]
        .chunks_exact(LANES)
        .zip(grad[..whole].chunks_exact(LANES));
    for (x, grad) in parts {
        for lane in 0..LANES {
            let grad = affine.gradient(x[lane], grad[lane]);
            sums[0][lane] += grad;
            sums[1][lane] += grad * (x[lane] - affine.mean);
        }
    }
    for (lane, (x, grad)) in x[whole..].iter().zip(&grad[whole..]).enumerate() {
        let grad = affine.gradient(*x, *grad);
        sums[0][lane] += grad;
        sums[1][lane] += grad * (x - affine.mean);
    }
    sums.map(|lanes| lanes.iter().sum())
}
