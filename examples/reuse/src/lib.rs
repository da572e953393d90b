//! Takes a classifier that receptive trained into a bigger network, and trains that with burn-train.
#![recursion_limit = "256"]

pub mod pictures;
pub mod wardrobe;
