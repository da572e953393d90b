//! Input gradients on slices, of networks whose weights do not change: the way back through
//! [`inference`](crate::inference)'s operations. Weights are packed once, no gradients of weights
//! are computed, and feature maps are stored as in inference.
//!
//! Every value is computed in the same way whatever the number of images and threads.

mod conv2d;
mod maps;
mod phases;

pub use conv2d::Conv2dGradient;
pub use maps::{max_pool_gradient, rectifier_gradient, uncrop};
