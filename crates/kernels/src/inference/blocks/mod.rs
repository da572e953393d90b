//! Feature maps stored as blocks of 16 channels, so that every vector instruction processes
//! neighbouring channels whatever the size of the map, and convolutions read their windows in place.

mod convolution;
mod depthwise;
mod layout;
mod maps;

pub(super) use convolution::BlockConvolution;
pub(crate) use convolution::MIN_CHANNELS;
pub(super) use depthwise::BlockDepthwise;
pub(crate) use layout::BLOCK;
pub use layout::{Layout, to_blocks, to_planes};
pub(super) use maps::{average, max_pool};
