//! Integration tests of the field's crate, a module per promise.
#![recursion_limit = "256"]
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod closed_forms;
mod controls;
mod edges;
mod methods;
mod nets;
mod published;
mod theory;
