//! The effective receptive field, measured from gradients.
//!
//! ```text
//! Probe (which unit) + Inputs (which images) + MeasureOptions (how many, how)
//!     measure          any closure from images to a feature map
//!     measure_layer    a layer of a classifier: only what the unit depends on
//!         sampler      rounds of samples on all threads (and processes) until the noise is small
//!         gradient     one forward and one backward pass -> [batch, channels, height, width]
//!     -> Measurement   a map and its groups for each Aggregate
//! ```

mod classifier;
mod gradient;
mod inputs;
mod measurement;
mod probe;
mod processors;
mod sampler;

pub use classifier::{MeasuredNetwork, all_ones, measure_layer};
pub use gradient::Method;
pub use inputs::{ImageFunction, Inputs, Noise, cut};
pub use measurement::{Aggregate, Measurement};
pub(crate) use probe::seen;
pub use probe::{Channels, Probe};
pub use processors::{Peers, Processors};
pub use sampler::{DEFAULT_NOISE, DEFAULT_SAMPLES, MeasureOptions, MeasureProgress, measure};
