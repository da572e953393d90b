//! The origin of imported weights.

use crate::ModelError;
use serde::{Deserialize, Serialize};

/// Where an artifact's weights come from, if another program trained them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The path of the file, or the URL it was downloaded from.
    pub source: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The publisher's name for the weights, if known, such as `timm/resnet18.a1_in1k`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// The licence of the weights, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

impl Origin {
    pub(super) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    pub(super) fn from_json(path: &std::path::Path, json: &[u8]) -> Result<Self, ModelError> {
        serde_json::from_slice(json).map_err(|error| ModelError::artifact(path, error.to_string()))
    }
}
