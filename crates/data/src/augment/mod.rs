//! Augmentation of training images, per image and per batch, and normalisation.

mod affine;
pub(crate) mod batch;
mod bilinear;
pub(crate) mod changes;
mod color;
mod crop;
mod exclude;
mod filter;
mod image;
pub(crate) mod mix;
pub(crate) mod normalize;
mod policy;
pub(crate) mod settings;
mod strength;
mod tones;
#[cfg(test)]
mod torchvision;
