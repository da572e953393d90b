//! How an activation is written in a config: its name, or a table with its settings.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "an activation is a name such as \"relu\", or a table such as \
                 { type = \"leaky_relu\", slope = 0.2 }"
)]
pub(super) enum ActivationForm {
    Name(String),
    Table(ActivationTable),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActivationTable {
    pub(super) r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slope: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alpha: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bounds: Option<[f64; 2]>,
}

impl ActivationTable {
    /// With the default settings.
    pub(super) fn of(name: String) -> Self {
        Self {
            r#type: name,
            slope: None,
            alpha: None,
            bounds: None,
        }
    }
}
