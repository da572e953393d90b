use crate::InterchangeError;
use receptive_model::{Artifact, InputSpec, ModelConfig};
use serde::{Deserialize, Serialize};

/// The key under which a file's own metadata hold a [`Spec`].
pub(crate) const SPEC: &str = "receptive";

/// Network, class names and input spec, which are written into every exported file with the
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
    /// That of an artifact.
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
