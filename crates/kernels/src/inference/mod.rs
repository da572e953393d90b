//! Operations for inference on slices: weights are packed once, and outputs are written to buffers
//! that the caller reuses. Nothing is recorded for gradients. Feature maps are stored as planes or in
//! blocks of channels ([`Layout`]).
//!
//! Every value is computed in the same way whatever the number of images and threads.

mod blocks;
mod conv2d;
mod dense;
mod layer_norm;
mod layers;

pub(crate) use blocks::{BLOCK, MIN_CHANNELS};
pub use blocks::{Layout, to_blocks, to_planes};
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use layer_norm::layer_norm;
pub use layers::{add, affine, crop, global_average, max_pool, multiply, rectify};
