//! Random changes of training images, one by one and by the batch, and their normalization.

pub(crate) mod batch;
mod bilinear;
mod crop;
pub(crate) mod image;
pub(crate) mod normalize;
