//! What the kernels promise, each in a file of its own.

// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod against_burn;
mod bits;
mod convolutions;
mod dense;
mod derivatives;
mod edge_cases;
mod frozen;
mod inference;
mod norms;
mod pointwise;
mod random;
