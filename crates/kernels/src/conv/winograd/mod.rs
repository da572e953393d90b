//! Convolutions of 3x3 taps with a quarter of the multiplications: Winograd's minimal filtering
//! F(4x4, 3x3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015).
//!
//! The output is cut into tiles of 4x4, each of which sees a tile of 6x6 of the input. With the
//! matrices of [`linear`],
//!
//! ```text
//! output tile   = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A
//! weight gradient = Gᵀ [(Bᵀ d B) ⊙ (A g Aᵀ)] G, summed over tiles
//! ```
//!
//! where ⊙ multiplies each of the 36 places of the transformed tiles alone. Over all channels and
//! tiles that is 36 matrix products. The input's gradient is a convolution with the taps turned
//! around. Within this folder values lie channels last, so that every vector instruction works on
//! neighbouring channels whatever the image's size.
//!
//! Rounding errors are larger than those of plain sums, about 1e-6 of the largest output, and a zero
//! that plain sums give exactly may come out as a tiny number: hence
//! [`Algorithm::Direct`](super::Algorithm).

mod blocks;
mod channels_last;
mod forward;
mod input_gradient;
mod linear;
mod patches;
mod tiles;
mod weight_gradient;
mod weights;

pub(super) use forward::forward;
pub(super) use input_gradient::input_gradient;
pub(super) use weight_gradient::weight_gradients;

use super::{Algorithm, Sizes};

/// Output rows and columns of a tile.
const TILE: usize = 4;
/// Rows and columns of the input that a tile sees, and of a transformed tile.
const PATCH: usize = TILE + 2;
/// Places of a transformed tile: so many matrix products.
const PLACES: usize = PATCH * PATCH;
/// Channels lie in groups of this many, which every width of vector instructions divides.
const LANES: usize = 16;
/// Fewer channels or filters make products that are too thin to pay for the transforms.
const LEAST_CHANNELS: usize = 16;

/// Whether a convolution is of the kind that this folder computes, and large enough to gain.
pub(super) fn suits(sizes: &Sizes) -> bool {
    sizes.options.algorithm == Algorithm::Auto
        && sizes.kernel == [3, 3]
        && sizes.options.strides == [1, 1]
        && sizes.options.dilation == [1, 1]
        && sizes.channels.min(sizes.filters) >= LEAST_CHANNELS
        && sizes.output.iter().all(|side| *side > 2)
}

/// Channels with those that fill up the last group.
fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}
