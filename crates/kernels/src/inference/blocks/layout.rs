//! How feature maps are stored in inference.

use rayon::prelude::*;

/// Number of channels in a block: a multiple of every vector width.
pub(crate) const BLOCK: usize = 16;

/// The order of a feature map's values in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// One plane per channel, as in burn: `[images, channels, height, width]`.
    #[default]
    Planes,
    /// 16 channels of each position are neighbours: `[images, channels / 16, height, width, 16]`.
    /// The last block is padded; what is in the padding does not affect any channel.
    Blocks,
}

impl Layout {
    /// Number of values of an image of these channels.
    pub fn values(self, channels: usize, plane: usize) -> usize {
        match self {
            Self::Planes => channels * plane,
            Self::Blocks => channels.next_multiple_of(BLOCK) * plane,
        }
    }
}

/// Number of values per task.
const CHUNK: usize = 1 << 14;

/// Copies [`Layout::Planes`] to [`Layout::Blocks`].
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `y`: `[images, channels / 16, plane, 16]`, overwritten
pub fn to_blocks(channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    let blocks = channels.div_ceil(BLOCK).max(1);
    y.par_chunks_exact_mut((plane * BLOCK).max(1))
        .with_min_len(CHUNK / (plane * BLOCK).max(1) + 1)
        .enumerate()
        .for_each(|(i, y)| {
            let (image, first) = (i / blocks, i % blocks * BLOCK);
            let count = (channels - first).min(BLOCK);
            let planes = &x[(image * channels + first) * plane..][..count * plane];
            for (position, values) in y.chunks_exact_mut(BLOCK).enumerate() {
                for (channel, value) in values.iter_mut().enumerate() {
                    *value = if channel < count {
                        planes[channel * plane + position]
                    } else {
                        0.0
                    };
                }
            }
        });
}

/// Copies [`Layout::Blocks`] to [`Layout::Planes`].
///
/// # Shapes
/// - `x`: `[images, channels / 16, plane, 16]`
/// - `y`: `[images, channels, plane]`, overwritten
pub fn to_planes(channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    let blocks = channels.div_ceil(BLOCK);
    y.par_chunks_exact_mut(plane.max(1))
        .with_min_len(CHUNK / plane.max(1) + 1)
        .enumerate()
        .for_each(|(i, y)| {
            let (image, channel) = (i / channels.max(1), i % channels.max(1));
            let block = image * blocks + channel / BLOCK;
            let from = &x[block * plane * BLOCK..][..plane * BLOCK];
            let from = from.iter().skip(channel % BLOCK).step_by(BLOCK);
            for (to, from) in y.iter_mut().zip(from) {
                *to = *from;
            }
        });
}
