//! Trained classifiers out of burn and into it.
//!
//! ```text
//! Artifact --to_onnx--------> ONNX, for onnxruntime, browsers, phones
//!          --to_safetensors-> safetensors in PyTorch's names and layout
//!          --to_python------> the same network as a PyTorch module
//!
//! safetensors or a PyTorch checkpoint --read--> WeightFile --import--> Classifier
//! ```
//!
//! # Example
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "flex")] {
//! use receptive_interchange::{OnnxInput, to_onnx};
//! use receptive_model::Artifact;
//!
//! let device = burn::tensor::Device::flex();
//! let artifact = Artifact::load("runs/001/model".as_ref(), &device)?;
//! std::fs::write("model.onnx", to_onnx(&artifact, OnnxInput::Normalised)?)?;
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

mod error;
mod import;
mod onnx;
mod places;
mod python;
mod spec;
mod tensors;
mod weights;

pub use error::InterchangeError;
pub use import::{Match, Names, WeightFile, import, read};
pub use onnx::{OPSET, OnnxInput, to_onnx};
pub use python::to_python;
pub use spec::Spec;
pub use tensors::{NamedTensor, tensors};
pub use weights::to_safetensors;
