//! Weights as a safetensors file: <https://github.com/huggingface/safetensors>.

use crate::spec::SPEC;
use crate::{InterchangeError, NamedTensor, Spec, tensors};
use receptive_model::Artifact;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use std::collections::HashMap;

/// The artifact's weights as the bytes of a safetensors file, with PyTorch's names and layouts (see
/// [`NamedTensor`]). The file's metadata contain the network, the classes and the input, so that
/// [`import`](crate::import) needs nothing else.
///
/// # Errors
/// If a tensor cannot be read from its device.
pub fn to_safetensors(artifact: &Artifact) -> Result<Vec<u8>, InterchangeError> {
    const FORMAT: &str = "safetensors";
    let tensors = tensors(&artifact.model)?;
    let bytes: Vec<Vec<u8>> = tensors.iter().map(NamedTensor::bytes).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
                .map_err(|error| InterchangeError::unwritable(FORMAT, error.to_string()))?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<Vec<_>, InterchangeError>>()?;
    let metadata = HashMap::from([
        ("format".to_string(), "pt".to_string()),
        (
            SPEC.to_string(),
            Spec::from_artifact(artifact).to_json(FORMAT)?,
        ),
    ]);
    serialize(views, Some(metadata))
        .map_err(|error| InterchangeError::unwritable(FORMAT, error.to_string()))
}
