//! How feature maps are stored in inference.

use crate::threads::{each, each_part, per_task};
use crate::transpose::transpose;

/// Number of channels in a block: a multiple of every vector width.
pub(crate) const BLOCK: usize = 16;

/// The order of a feature map's values in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One plane per channel, as in burn: `[images, channels, height, width]`.
    Planes,
    /// 16 channels of each position are neighbours: `[images, channels / 16, height, width, 16]`.
    /// The last block is padded; what is in the padding does not affect any channel.
    Blocks,
}

impl Layout {
    /// Number of values of an image of these channels.
    pub fn values(self, channels: usize, plane: usize) -> usize {
        channels.next_multiple_of(self.unit()) * plane
    }

    /// Number of neighbouring values of one position.
    pub(crate) fn unit(self) -> usize {
        match self {
            Self::Planes => 1,
            Self::Blocks => BLOCK,
        }
    }
}

/// Copies [`Layout::Planes`] to [`Layout::Blocks`].
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `y`: `[images, channels / 16, plane, 16]`, overwritten
pub fn to_blocks(channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    let of_block = (plane * BLOCK).max(1);
    let blocks = channels.div_ceil(BLOCK).max(1);
    each_part(y, of_block, per_task(of_block), |i, y| {
        let (image, first) = (i / blocks, i % blocks * BLOCK);
        let count = (channels - first).min(BLOCK);
        if count < BLOCK {
            y.fill(0.0);
        }
        let planes = &x[(image * channels + first) * plane..][..count * plane];
        transpose(planes, plane, [count, plane], y, BLOCK);
    });
}

/// Copies [`Layout::Blocks`] to [`Layout::Planes`].
///
/// # Shapes
/// - `x`: `[images, channels / 16, plane, 16]`
/// - `y`: `[images, channels, plane]`, overwritten
pub fn to_planes(channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    let of_block = (plane * BLOCK).max(1);
    let tasks = y
        .chunks_exact_mut((channels * plane).max(1))
        .flat_map(|image| image.chunks_mut(of_block))
        .zip(x.chunks_exact(of_block))
        .collect();
    each(tasks, per_task(of_block), |(y, x)| {
        let count = y.len() / plane.max(1);
        transpose(x, BLOCK, [plane, count], y, plane);
    });
}
