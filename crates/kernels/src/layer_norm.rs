//! Normalisation of the channels at each position of a map. After Ba, Kiros, Hinton, "Layer Normalization" (2016).

use crate::fresh::{Unwritten, fresh};
use crate::profile::slice;
use crate::simd::{add, vectorized};
use rayon::prelude::*;

/// Number of neighbouring positions that are normalised together, in vectors.
const POSITIONS: usize = 64;

/// The sizes of one layer norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerNormSizes {
    channels: usize,
    plane: usize,
    epsilon: f32,
}

impl LayerNormSizes {
    pub(crate) fn new([_, channels, height, width]: [usize; 4], epsilon: f64) -> Self {
        Self::of(channels, height * width, epsilon as f32)
    }

    /// For planes of this number of positions.
    pub(crate) fn of(channels: usize, plane: usize, epsilon: f32) -> Self {
        Self {
            channels,
            plane,
            epsilon,
        }
    }

    /// For each block of positions its part of every channel, block after block and image after image.
    fn blocks<'a>(&self, x: &'a [f32]) -> Vec<Vec<&'a [f32]>> {
        let planes = x.chunks_exact(self.plane.max(1));
        tiles(planes, self.per_image(), |plane| plane.chunks(POSITIONS))
    }

    /// The same for writing.
    pub(crate) fn blocks_mut<'a>(&self, x: &'a mut [f32]) -> Vec<Vec<&'a mut [f32]>> {
        let planes = x.chunks_exact_mut(self.plane.max(1));
        tiles(planes, self.per_image(), |plane| {
            plane.chunks_mut(POSITIONS)
        })
    }

    /// Planes and blocks of positions of an image.
    fn per_image(&self) -> [usize; 2] {
        [self.channels, self.plane.div_ceil(POSITIONS)]
    }

    /// The normalised values of one block of positions, in place.
    pub(crate) fn normalize(&self, x: &mut [&mut [f32]], [gamma, beta]: [&[f32]; 2]) {
        let sizes = *self;
        vectorized!({
            let statistics = Statistics::of(&sizes, x);
            for (x, (&gamma, &beta)) in x.iter_mut().zip(gamma.iter().zip(beta)) {
                let statistics = statistics.mean.iter().zip(&statistics.factor);
                for (x, (mean, factor)) in x.iter_mut().zip(statistics) {
                    *x = (*x - *mean) * *factor * gamma + beta;
                }
            }
        });
    }
}

/// For each tile of positions its part of every plane, tile after tile and image after image; an image has this
/// many planes and tiles, into which `parts` divides a plane.
pub(crate) fn tiles<P, T, I: Iterator<Item = T>>(
    planes: impl Iterator<Item = P>,
    [per_image, count]: [usize; 2],
    parts: impl Fn(P) -> I,
) -> Vec<Vec<T>> {
    let mut tiles: Vec<Vec<T>> = Vec::new();
    for (i, plane) in planes.enumerate() {
        let first = i / per_image * count;
        if i % per_image == 0 {
            tiles.resize_with(first + count, || Vec::with_capacity(per_image));
        }
        for (tile, part) in tiles[first..].iter_mut().zip(parts(plane)) {
            tile.push(part);
        }
    }
    tiles
}

/// The mean of each position's channels, and the factor `1 / sqrt(variance + epsilon)`.
#[derive(Clone, Copy)]
struct Statistics {
    mean: [f32; POSITIONS],
    factor: [f32; POSITIONS],
}

impl Statistics {
    /// In two passes, because the difference of large squares would lose digits.
    #[inline(always)]
    fn of<X: AsRef<[f32]>>(sizes: &LayerNormSizes, x: &[X]) -> Self {
        let share = 1.0 / sizes.channels as f32;
        let mut mean = [0.0; POSITIONS];
        for x in x {
            add(&mut mean, x.as_ref());
        }
        mean = mean.map(|sum| sum * share);
        let mut squares = [0.0; POSITIONS];
        for x in x {
            for ((square, x), mean) in squares.iter_mut().zip(x.as_ref()).zip(&mean) {
                *square += (*x - *mean) * (*x - *mean);
            }
        }
        let factor = squares.map(|sum| 1.0 / (sum * share + sizes.epsilon).sqrt());
        Self { mean, factor }
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
pub(crate) fn forward(sizes: &LayerNormSizes, x: &[f32], [gamma, beta]: [&[f32]; 2]) -> Vec<f32> {
    fresh(x.len(), |y| {
        let blocks = tiles(y.chunks(sizes.plane), sizes.per_image(), |plane| {
            plane.chunks(POSITIONS)
        });
        let blocks = blocks.into_par_iter().zip(sizes.blocks(x));
        blocks.for_each(|(y, x)| {
            let _slice = slice();
            let (y, x) = (Unwritten::clear_all(y), x.as_slice());
            vectorized!({
                let statistics = Statistics::of(sizes, x);
                for (((y, x), gamma), beta) in y.into_iter().zip(x).zip(gamma).zip(beta) {
                    normalize(&statistics, [*gamma, *beta], x, y);
                }
            });
        });
    })
}

#[inline(always)]
fn normalize(statistics: &Statistics, [gamma, beta]: [f32; 2], x: &[f32], y: &mut [f32]) {
    let statistics = statistics.mean.iter().zip(&statistics.factor);
    for ((y, x), (mean, factor)) in y.iter_mut().zip(x).zip(statistics) {
        *y = (*x - *mean) * *factor * gamma + beta;
    }
}

/// The gradients. With `z` the normalised values, `g` the output gradients, `h = g gamma`, sums over positions and
/// means over channels:
///
/// ```text
/// d beta = sum g,  d gamma = sum g z,  d x = (h - mean h - z mean(h z)) / deviation
/// ```
///
/// Returns those with respect to gamma and beta; the one with respect to `x` replaces `grad`.
pub(crate) fn gradients(
    sizes: &LayerNormSizes,
    x: &[f32],
    gamma: &[f32],
    grad: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let blocks = sizes.blocks_mut(grad).into_par_iter();
    let sums: Vec<[Vec<f32>; 2]> = blocks
        .zip(sizes.blocks(x))
        .map(|(mut grad, x)| {
            let _slice = slice();
            let (grad, x) = (grad.as_mut_slice(), x.as_slice());
            vectorized!(block_gradients(sizes, x, gamma, grad))
        })
        .collect();
    let mut total = [vec![0.0; sizes.channels], vec![0.0; sizes.channels]];
    for block in &sums {
        for (total, sums) in total.iter_mut().zip(block) {
            add(total, sums);
        }
    }
    let [dgamma, dbeta] = total;
    (dgamma, dbeta)
}

/// The gradients of gamma and beta by one block of positions.
#[inline(always)]
fn block_gradients(
    sizes: &LayerNormSizes,
    x: &[&[f32]],
    gamma: &[f32],
    grad: &mut [&mut [f32]],
) -> [Vec<f32>; 2] {
    let Statistics { mean, factor } = Statistics::of(sizes, x);
    let mut sums = [vec![0.0; sizes.channels], vec![0.0; sizes.channels]];
    // Of each position, over the channels: of h, and of h z.
    let mut of_h = [0.0; POSITIONS];
    let mut of_product = [0.0; POSITIONS];
    for (channel, (grad, x)) in grad.iter().zip(x).enumerate() {
        let gamma = gamma[channel];
        let mut products = [0.0; POSITIONS];
        let positions = products.iter_mut().zip(&mut of_h).zip(&mut of_product);
        let statistics = mean.iter().zip(&factor);
        for (((grad, x), (mean, factor)), ((product, of_h), of_product)) in
            grad.iter().zip(*x).zip(statistics).zip(positions)
        {
            *product = *grad * ((*x - *mean) * *factor);
            *of_h += *grad * gamma;
            *of_product += *product * gamma;
        }
        sums[0][channel] = crate::simd::total(&products);
        sums[1][channel] = crate::simd::total(grad);
    }
    let share = 1.0 / sizes.channels as f32;
    for ((grad, x), gamma) in grad.iter_mut().zip(x).zip(gamma) {
        let means = of_h.iter().zip(&of_product);
        let statistics = mean.iter().zip(&factor);
        for (((grad, x), (mean, factor)), (of_h, of_product)) in
            grad.iter_mut().zip(*x).zip(statistics).zip(means)
        {
            let z = (*x - *mean) * *factor;
            *grad = (*grad * gamma - *of_h * share - z * (*of_product * share)) * *factor;
        }
    }
    sums
}
