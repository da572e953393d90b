//! Integration tests of the model crate, a module per promise.
#![cfg(feature = "flex")]
#![recursion_limit = "256"]
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activations;
mod artifact;
mod cone;
mod fused;
mod inference;
mod planned_shapes;
mod presets;
mod pytorch;
mod randomness;
mod rejections;
mod transfer;
mod values;
mod watched;
