use receptive_core::hash::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) files: BTreeMap<String, ManifestEntry>,
    /// The hash of the text above, so that a flipped bit in the manifest is detected too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestEntry {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn seal(&self) -> Result<String, serde_json::Error> {
        let unsealed = Self {
            format: self.format.clone(),
            version: self.version,
            files: self
                .files
                .iter()
                .map(|(name, file)| {
                    (
                        name.clone(),
                        ManifestEntry {
                            bytes: file.bytes,
                            sha256: file.sha256.clone(),
                        },
                    )
                })
                .collect(),
            sha256: String::new(),
        };
        Ok(sha256(serde_json::to_string(&unsealed)?.as_bytes()))
    }
}
