//! Integration tests of the model crate, a module per promise.
#![cfg(feature = "flex")]
#![recursion_limit = "256"]

mod artifact;
mod planned_shapes;
mod presets;
mod randomness;
mod refusals;
mod values;
