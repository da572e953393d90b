use crate::InterchangeError;
use receptive_model::{Artifact, InputSpec, ModelConfig};
use serde::{Deserialize, Serialize};

/// The key of the [`Spec`] in a file's metadata.
pub(crate) const SPEC: &str = "receptive";

/// Network, class names and input spec, which are stored in every exported file together with the
/// weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The network.
    pub config: ModelConfig,
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// How an image is converted to an input.
    pub input: InputSpec,
}

impl Spec {
    /// The spec of an artifact.
    pub fn from_artifact(artifact: &Artifact) -> Self {
        Self {
            config: artifact.model.config().clone(),
            classes: artifact.classes.clone(),
            input: artifact.input.clone(),
        }
    }

    pub(crate) fn to_json(&self, format: &'static str) -> Result<String, InterchangeError> {
        serde_json::to_string(self)
            .map_err(|error| InterchangeError::unwritable(format, error.to_string()))
    }
}
