//! Export of trained classifiers to ONNX, safetensors and PyTorch, and import of weights and of ONNX
//! networks.
//!
//! ```text
//! Artifact --to_onnx--------> ONNX, for onnxruntime, browsers, phones
//!          --to_safetensors-> safetensors in PyTorch's names and layout
//!          --to_python------> the same network as a PyTorch module
//!
//! safetensors or a PyTorch checkpoint --read--> WeightFile --import--> Classifier
//! ONNX --read_onnx--> OnnxNetwork: ModelConfig and WeightFile
//! ```
//!
//! # Example
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "flex")] {
//! use receptive_interchange::{OnnxInput, to_onnx, to_python};
//! use receptive_model::{Artifact, ImageSize, InputSpec, presets};
//!
//! let size = ImageSize { channels: 1, height: 12, width: 12 };
//! let plan = presets::preset("tutorial", size)?.with_classes(2).plan()?;
//! let artifact = Artifact {
//!     model: plan.init(&burn::tensor::Device::flex()), // or Artifact::load of a run's model
//!     classes: vec!["cat".into(), "dog".into()],
//!     input: InputSpec::new(size).with_normalization([0.5], [0.25]),
//!     temperature: None,
//! };
//! let onnx = to_onnx(&artifact, OnnxInput::Normalised)?;
//! assert!(onnx.windows(4).any(|bytes| bytes == b"Gemm"));
//! assert!(to_python(&artifact, "model.safetensors").contains("nn.Linear(576, 64)"));
//! # }
//! # Ok(())
//! # }
//! ```
#![recursion_limit = "256"]

mod error;
mod import;
mod onnx;
mod places;
mod proto;
mod python;
mod spec;
mod tensors;
mod weights;

pub use error::InterchangeError;
pub use import::{
    FormChoice, ImportedNetwork, KnownNames, Match, Names, OnnxNetwork, OnnxReadOptions,
    WeightFile, choose_form, import, is_onnx, missing_layers, read, read_onnx,
};
pub use onnx::{OPSET, OnnxInput, OnnxOptions, to_onnx};
pub use python::to_python;
pub use spec::Spec;
pub use tensors::{NamedTensor, tensors};
pub use weights::to_safetensors;
