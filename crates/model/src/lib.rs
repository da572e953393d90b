//! Convolutional image classifiers for [burn](https://burn.dev): a readable config, a plan
//! that is checked before anything is built, a burn [`Module`](burn::module::Module), and an
//! artifact that keeps weights, config, class names and input spec together.
//!
//! ```text
//! ModelConfig --plan()--> Plan --init(&device)--> Classifier --+--> logits [N, classes]
//!  (TOML, JSON, Rust)      shapes, parameters,     a burn       |
//!                          receptive fields        Module       +--> Artifact (one directory)
//! ```
//!
//! This crate needs burn and serde and little else. It does not depend on data sets or training.
//!
//! # Example
//!
//! ```
//! use receptive_model::{Activation, Conv2dLayer, LinearLayer, MaxPool2dLayer, ModelConfig};
//! use receptive_model::{FlattenLayer, Padding};
//!
//! # fn main() -> Result<(), receptive_model::ModelError> {
//! let config = ModelConfig::new(1, 28, 28)
//!     .with_classes(10)
//!     .layer(Conv2dLayer::new(16, 3).with_padding(Padding::Same).with_activation(Activation::Relu))
//!     .layer(MaxPool2dLayer::new(2))
//!     .layer(FlattenLayer::default())
//!     .layer(LinearLayer::classes());
//! let plan = config.plan()?;
//! assert_eq!(plan.layers[0].output.to_string(), "16x28x28");
//! assert_eq!(plan.total.params, 160 + 31_370);
//! # #[cfg(feature = "flex")] {
//! let device = burn::tensor::Device::flex();
//! let classifier = plan.init(&device);
//! let logits = classifier.forward(burn::tensor::Tensor::zeros([2, 1, 28, 28], &device));
//! assert_eq!(logits.dims(), [2, 10]);
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

pub mod artifact;
mod config;
mod device;
mod error;
pub mod explain;
mod geometry;
mod layers;
mod network;
mod plan;
pub mod presets;
pub mod store;

pub use artifact::{Artifact, InputSpec, Origin};
pub use config::ModelConfig;
pub use device::{AutodiffDevice, InferenceDevice};
pub use error::ModelError;
pub use geometry::{Edges, Field, Padding, Pair, Shape, Units};
pub use layers::*;
#[cfg(feature = "learner")]
pub use network::ImageBatch;
pub use network::{Classifier, Cone, FrozenCone, InferenceNetwork, WatchedLogits, weights_sha256};
pub use plan::Plan;
pub use receptive_core::{Fit, ImageSize, Interpolation, Resize};
