//! Uses a classifier trained by receptive as a part of a larger network, and trains that with
//! burn-train.
#![recursion_limit = "256"]

pub mod pictures;
pub mod wardrobe;
