//! Convolutions with 3x3 taps and a quarter of the multiplications: Winograd's minimal filtering
//! F(4x4, 3x3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015).
//!
//! The output is split into 4x4 tiles, each of which depends on a 6x6 tile of the input. With the
//! matrices of [`transform`],
//!
//! ```text
//! output tile   = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A
//! weight gradient = Gᵀ [(Bᵀ d B) ⊙ (A g Aᵀ)] G, summed over tiles
//! ```
//!
//! where ⊙ is the element-wise product. Over all channels and tiles, each of the 36 elements of a
//! transformed tile is one matrix product. The input gradient is a convolution with the kernel
//! rotated by 180 degrees. In this folder tensors are channels last, so that every vector
//! instruction processes neighbouring channels whatever the image's size.
//!
//! Rounding errors are larger than those of plain sums, up to about 5e-6 of the largest output, and
//! a sum that is exactly 0 there may be a tiny value here; hence
//! [`Algorithm::Direct`](super::Algorithm).

mod blocks;
mod channels_last;
mod convolution;
mod tiles;
mod transform;
mod weights;

pub(crate) use blocks::forward_blocks;
pub(super) use convolution::{
    forward, forward_once, input_gradient, input_gradient_once, weight_gradient,
};
pub(crate) use weights::PackedWeights;

use super::{Algorithm, ConvSizes};
use std::ops::Range;

/// Rows and columns of an output tile.
const OUTPUT_TILE: usize = 4;
/// Rows and columns of the input tile that an output tile depends on, and of a transformed tile.
const INPUT_TILE: usize = OUTPUT_TILE + 2;
/// Number of elements of a transformed tile; each is one matrix product.
const ELEMENTS: usize = INPUT_TILE * INPUT_TILE;
/// Channels are padded to a multiple of this, which is a multiple of every vector width.
const LANES: usize = 16;
/// With fewer channels or filters the products are too small for the transforms to pay off.
const MIN_CHANNELS: usize = 16;

/// Whether this folder supports convolutions of these sizes and is faster than plain sums.
pub(crate) fn applies(sizes: &ConvSizes) -> bool {
    sizes.options.algorithm == Algorithm::Auto
        && sizes.options.groups == 1
        && sizes.kernel == [3, 3]
        && sizes.options.strides == [1, 1]
        && sizes.options.dilation == [1, 1]
        && sizes.channels.min(sizes.filters) >= MIN_CHANNELS
        && sizes.output.iter().all(|side| *side > 2)
}

/// Whether the transformed weights of a convolution that this folder supports stay in the cache. With larger ones it
/// is only fast for many images, which share them.
pub(crate) fn has_cached_weights(sizes: &ConvSizes) -> bool {
    ELEMENTS * sizes.channels * sizes.filters <= tiles::LARGE_WEIGHTS
}

/// Ranges of outputs (filters, or channels in the input gradient) whose transformed weights, or
/// transformed gradients of weights, are in memory at the same time: four times as large as the
/// weights themselves, they would otherwise be the largest tensors of a training step. Each range
/// transforms the input again.
fn output_ranges(inputs: usize, outputs: usize) -> impl Iterator<Item = Range<usize>> {
    let count = (ELEMENTS * inputs * outputs).div_ceil(tiles::LARGE_WEIGHTS);
    let step = outputs.div_ceil(count.max(1)).next_multiple_of(2 * LANES);
    (0..outputs)
        .step_by(step.max(1))
        .map(move |first| first..(first + step).min(outputs))
}

/// Whether weights that are used once are packed in several parts.
pub(super) fn packs_in_parts(sizes: &ConvSizes) -> bool {
    applies(sizes) && !has_cached_weights(sizes)
}

/// Number of channels including padding.
fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}
