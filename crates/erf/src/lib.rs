//! Effective receptive fields of networks on [burn](https://burn.dev): how much a unit depends on
//! each input pixel, and whether that is a Gaussian.
//!
//! ```text
//! Probe (unit, channels) + Inputs (noise, images) + network
//!     measure, measure_layer -> Measurement { mean |g|, g^2, g, max(g, 0), groups of samples }
//!     theory::predict        -> Prediction  { the exact map, per-layer budget }
//!     gaussian::judge        -> Judgement   { verdict, reason, numbers with intervals }
//!     Report                 -> JSON        picture::measurement -> PNG, SVG
//! ```
//!
//! [`measure`] takes any closure from images to a feature map; [`measure_layer`] takes a
//! [`Classifier`](receptive_model::Classifier) and computes only what the unit depends on. Pixels,
//! rows before columns, are those of the image, counted from 0.
//!
//! ```
//! # fn main() -> Result<(), receptive_erf::ErfError> {
//! # #[cfg(feature = "flex")] {
//! use receptive_erf::{Aggregate, Network, Noise, Options, Probe, measure_layer};
//! use receptive_model::{ImageSize, presets};
//!
//! let input = ImageSize { channels: 1, height: 13, width: 13 };
//! let plan = presets::preset("plain-6", input)?.with_classes(2).plan()?;
//! let probe = Probe::central(&plan, "6")?;
//! let noise = Noise { shape: [1, 13, 13], seed: 0 };
//! let device = burn::tensor::Device::flex();
//! let network = Network::Redrawn(&plan, 0);
//! let found = measure_layer(
//!     network, "6", &probe, &noise, &Options::default(), &device, &mut |_, _, _| (),
//! )?;
//! let judgement = found.judge(Aggregate::Abs);
//! println!("{}: {}", judgement.verdict, judgement.words);
//! # }
//! # Ok(())
//! # }
//! ```
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
mod study;
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
pub use study::Study;
