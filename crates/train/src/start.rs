//! Training that starts from a trained model (fine-tuning) instead of from drawn weights.

use crate::TrainError;
use burn::tensor::Device;
use receptive_model::{Artifact, Classifier, InputSpec, Plan};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the first weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// The directory of an artifact, such as `runs/001/model`.
    pub from: PathBuf,
    /// How many of the first layers keep their weights (as `receptive summary` numbers them).
    #[serde(default)]
    pub freeze: usize,
    /// The hash of the artifact's weights; filled in when the run begins, and compared when it is
    /// repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
}

/// A trained model fitted to the run's network.
#[derive(Debug)]
pub struct Started {
    /// With the first layers frozen.
    pub model: Classifier,
    /// How its images became inputs, which stays.
    pub input: InputSpec,
    /// Whether the classes are others, so that the last layer is new.
    pub has_new_head: bool,
    /// Of the artifact's weights.
    pub weights_sha256: String,
}

impl StartConfig {
    /// Nothing frozen.
    pub fn new(from: impl Into<PathBuf>) -> Self {
        Self {
            from: from.into(),
            freeze: 0,
            weights_sha256: None,
        }
    }

    /// Reads the model and fits it to the plan: another image size where its layers allow that, a
    /// new last layer (drawn from `seed`) where the classes are not the same.
    ///
    /// # Errors
    /// When the artifact can't be read, has changed, or is another network than the plan's.
    pub fn load(
        &self,
        plan: &Plan,
        classes: &[String],
        seed: u64,
        device: &Device,
    ) -> Result<Started, TrainError> {
        let artifact = Artifact::load(&self.from, device)?;
        let weights_sha256 = receptive_model::weights_sha256(&artifact.model);
        if let Some(wanted) = &self.weights_sha256
            && *wanted != weights_sha256
        {
            return Err(TrainError::setting(
                "start.weights_sha256",
                format!(
                    "{} has other weights now than when the run was made; leave the setting out to \
                     start from these",
                    self.from.display()
                ),
            ));
        }
        let input = plan.input();
        let mut model = artifact.model;
        if model.input() != input {
            model = model.resized(input.height, input.width)?;
        }
        let has_new_head = artifact.classes != classes;
        if has_new_head {
            model = model.with_classes(classes.len(), seed)?;
        }
        if model.config() != &plan.config {
            return Err(other_network(&self.from));
        }
        if self.freeze > 0 {
            model = model.freeze_first(self.freeze)?;
        }
        Ok(Started {
            model,
            input: InputSpec {
                height: input.height,
                width: input.width,
                ..artifact.input
            },
            has_new_head,
            weights_sha256,
        })
    }
}

fn other_network(from: &Path) -> TrainError {
    TrainError::setting(
        "start.from",
        format!(
            "the network of {} is not that of the config; take the config of its run, or name no \
             other",
            from.display()
        ),
    )
}
