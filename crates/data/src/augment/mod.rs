//! Random changes of training images, one by one and by the batch, and their normalization.

pub(crate) mod batch;
mod bilinear;
mod color;
mod crop;
mod image;
pub(crate) mod normalize;
pub(crate) mod settings;
