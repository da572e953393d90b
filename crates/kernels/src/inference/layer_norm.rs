//! Layer norm in place.

use super::blocks::{BLOCK, Layout};
use crate::layer_norm::{LayerNormSizes, tiles};
use crate::simd::{total, vectorized};
use crate::threads::{each, each_part, per_task};

/// Number of neighbouring positions of blocks of channels that are normalised together: few, so that small maps
/// are shared by several threads.
const POSITIONS: usize = 16;

/// Normalises the channels at each position to mean 0 and variance 1, then applies their scale `gamma` and shift
/// `beta`. `epsilon` is added to the variance.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`, in this layout
/// - `gamma`, `beta`: `[channels]`
///
/// # Panics
/// If the lengths do not match.
pub fn layer_norm(
    layout: Layout,
    plane: usize,
    x: &mut [f32],
    [gamma, beta]: [&[f32]; 2],
    epsilon: f32,
) {
    let channels = gamma.len();
    assert_eq!(beta.len(), channels, "shift of a layer norm");
    let image = layout.values(channels, plane).max(1);
    assert!(x.len().is_multiple_of(image), "maps of a layer norm");
    if x.is_empty() || channels == 0 {
        return;
    }
    match layout {
        Layout::Planes if plane == 1 => {
            each_part(x, channels, per_task(channels), |_, x| {
                vectorized!(normalize_row(x, [gamma, beta], epsilon));
            });
        }
        Layout::Planes => {
            let sizes = LayerNormSizes::of(channels, plane, epsilon);
            each(sizes.blocks_mut(x), 1, |mut x| {
                sizes.normalize(&mut x, [gamma, beta]);
            });
        }
        Layout::Blocks => {
            let blocks = x.chunks_exact_mut(plane * BLOCK);
            let parts = |block| <[f32]>::chunks_mut(block, POSITIONS * BLOCK);
            let per_image = [channels.div_ceil(BLOCK), plane.div_ceil(POSITIONS)];
            each(tiles(blocks, per_image, parts), 1, |mut x| {
                let x = x.as_mut_slice();
                vectorized!(normalize_blocks(x, [gamma, beta], epsilon));
            });
        }
    }
}

#[inline(always)]
fn normalize_row(x: &mut [f32], [gamma, beta]: [&[f32]; 2], epsilon: f32) {
    let share = 1.0 / x.len() as f32;
    let mean = total(x) * share;
    x.iter_mut().for_each(|x| *x -= mean);
    let mut squares = [0.0; BLOCK];
    for x in x.chunks(BLOCK) {
        for (square, x) in squares.iter_mut().zip(x) {
            *square += x * x;
        }
    }
    let factor = 1.0 / (total(&squares) * share + epsilon).sqrt();
    for (x, (gamma, beta)) in x.iter_mut().zip(gamma.iter().zip(beta)) {
        *x = *x * factor * gamma + beta;
    }
}

/// Normalises the channels of a few positions: `x` has `[positions, 16]` values of each block.
#[inline(always)]
fn normalize_blocks(x: &mut [&mut [f32]], [gamma, beta]: [&[f32]; 2], epsilon: f32) {
    let share = 1.0 / gamma.len() as f32;
    let mean = of_positions(x, gamma.len(), |_, value| value).map(|sum| sum * share);
    let squares = of_positions(x, gamma.len(), |position, value| {
        (value - mean[position]) * (value - mean[position])
    });
    let factor = squares.map(|sum| 1.0 / (sum * share + epsilon).sqrt());
    let parameters = gamma.chunks(BLOCK).zip(beta.chunks(BLOCK));
    for (x, (some_gamma, some_beta)) in x.iter_mut().zip(parameters) {
        let (mut gamma, mut beta) = ([0.0; BLOCK], [0.0; BLOCK]);
        gamma[..some_gamma.len()].copy_from_slice(some_gamma);
        beta[..some_beta.len()].copy_from_slice(some_beta);
        let positions = mean.iter().zip(&factor);
        for (x, (&mean, &factor)) in x.chunks_exact_mut(BLOCK).zip(positions) {
            for lane in 0..BLOCK {
                x[lane] = (x[lane] - mean) * factor * gamma[lane] + beta[lane];
            }
        }
    }
}

/// The sum over the channels of each position, of a function of position and value.
#[inline(always)]
fn of_positions(
    x: &[&mut [f32]],
    channels: usize,
    of: impl Fn(usize, f32) -> f32,
) -> [f32; POSITIONS] {
    let mut sums = [[0.0; BLOCK]; POSITIONS];
    let (whole, rest) = x.split_at(channels / BLOCK);
    for x in whole {
        for (position, (sums, x)) in sums.iter_mut().zip(x.chunks_exact(BLOCK)).enumerate() {
            for lane in 0..BLOCK {
                sums[lane] += of(position, x[lane]);
            }
        }
    }
    // The padding of the last block is left out.
    for x in rest {
        for (position, (sums, x)) in sums.iter_mut().zip(x.chunks_exact(BLOCK)).enumerate() {
            let used = sums.iter_mut().zip(x).take(channels % BLOCK);
            used.for_each(|(sum, x)| *sum += of(position, *x));
        }
    }
    sums.map(|sums| total(&sums))
}
