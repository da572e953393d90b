//! Effective receptive fields of burn networks.
#![recursion_limit = "256"]

mod error;
pub mod gaussian;
mod jackknife;
mod layers;
mod map;
mod measure;
mod npy;
#[cfg(feature = "picture")]
pub mod picture;
mod report;
pub mod sweep;
pub mod theory;

pub use error::ErfError;
pub use layers::{MOST_GROWN, default_layer, plan_that_fits, seeing_layers, unproductive_layers};
pub use map::{Map, Region};
pub use measure::{
    Aggregate, Average, Channels, Images, Inputs, MOST_SAMPLES, Measurement, Method, Network,
    Noise, Options, Probe, Progress, SMALL_NOISE, all_ones, cut, measure, measure_layer,
};
pub use npy::write_npy;
pub use report::{FieldReport, MASS_SHARES, Report, TheoryReport, TrfReport};
