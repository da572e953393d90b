//! Effective receptive fields of networks on [burn](https://burn.dev): how much a unit depends on
//! each input pixel, and whether that distribution is a Gaussian. Measured from gradients with
//! error bars, predicted in closed form, and tested with a verdict that can be negative.
//!
//! How the types are derived from each other:
//!
//! ```text
//! network + Probe + Inputs + MeasureOptions
//!   │ measure, measure_layer
//!   ▼
//! Measurement ── Map and groups for each Aggregate (|g|, g², g, max(g, 0))
//!   │ Measurement::judge (gaussian::judge)
//!   ▼
//! Judgement ──── Verdict, Reason, every number as an Estimate with its interval
//!   │ with sizes
//!   ▼
//! FieldSummary      Plan + WeightAssumption ── theory::predict ──► PredictedField (the map, each layer's share)
//!   │                                                        │ with the Measurement
//!   │                                                        ▼
//!   │                                                     TheoryComparison
//!   └──────────────────────► Study ◄─────────────────────────┘
//!                              JSON (Serialize); picture: PNG, SVG; numbers
//! ```
//!
//! [`measure`] takes any closure from images to a feature map; [`measure_layer`] takes a
//! [`Classifier`](receptive_model::Classifier) and computes only what the unit depends on. Pixels
//! are those of the image, as row and column from 0; lengths are in pixels.
//!
//! ```
//! # fn main() -> Result<(), receptive_erf::ErfError> {
//! # #[cfg(feature = "flex")] {
//! use receptive_erf::theory::WeightAssumption;
//! use receptive_erf::{Aggregate, MeasureOptions, MeasuredNetwork, Noise, Probe, Study, measure_layer};
//! use receptive_model::{ImageSize, presets};
//!
//! let input = ImageSize { channels: 1, height: 13, width: 13 };
//! let plan = presets::preset("plain-6", input)?.with_classes(2).plan()?;
//! let layer = plan.find("6")?;
//! let measurement = measure_layer(
//!     MeasuredNetwork::Redrawn(&plan, 0), // weights drawn anew for each sample
//!     &layer.number,
//!     &Probe::central(&plan, &layer.number)?,
//!     &Noise { shape: [1, 13, 13], seed: 0 },
//!     &MeasureOptions { samples: 100, ..MeasureOptions::default() },
//!     burn::tensor::Device::flex(),
//!     &mut |_, _, _| (),
//! )?;
//! let study = Study::new(measurement, &plan, layer, WeightAssumption::Random, Aggregate::Abs)?;
//! let judgement = &study.headline.judgement;
//! println!("{}: {}", judgement.verdict, judgement.explanation);
//! // A chain of 3x3 convolutions has a field of sigma sqrt(6 * 2 / 3) = 2 in the mean square.
//! assert!((study.theory.sigma[0] - 2.0).abs() < 1e-9);
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

pub mod atlas;
mod error;
pub mod gaussian;
mod layers;
mod map;
mod measure;
#[cfg(feature = "picture")]
pub mod picture;
mod study;
pub mod sweep;
pub mod theory;

pub use error::ErfError;
pub use layers::{
    MAX_GROWN, default_layer, plan_that_fits, seeing_layers, stages, unproductive_layers,
};
pub use map::{Map, Region, write_npy};
pub use measure::{
    Aggregate, Channels, DEFAULT_NOISE, DEFAULT_SAMPLES, ImageFunction, Inputs, MeasureOptions,
    MeasureProgress, MeasuredNetwork, Measurement, Method, Noise, Peers, Probe, Processors,
    all_ones, cut, measure, measure_layer,
};
pub use study::{FieldSummary, Study, TheoryComparison};
