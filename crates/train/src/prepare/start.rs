//! Fine-tuning: starting from a pretrained model instead of random weights.

use crate::config::{HeadStart, StartConfig};
use crate::error::TrainError;
use burn::tensor::Device;
use receptive_core::text::Printable;
use receptive_model::{Artifact, Classifier, InputSpec, Plan};
use std::path::Path;

/// A pretrained model adapted to the run's network.
#[derive(Debug)]
pub struct InitialModel {
    /// The model, with its first layers frozen.
    pub model: Classifier,
    /// How its images are converted to inputs, which the run keeps.
    pub input: InputSpec,
    /// Whether the classes differ, so that the last layer is new.
    pub has_new_head: bool,
    /// SHA-256 of the artifact's weights.
    pub weights_sha256: String,
}

impl StartConfig {
    /// Reads the model and adapts it to the plan: another image size if its layers allow it, and a new last
    /// layer (initialised by `seed`) if the classes differ.
    ///
    /// # Errors
    /// The artifact cannot be read, has changed, or has another network than the plan.
    pub fn load(
        &self,
        plan: &Plan,
        classes: &[String],
        seed: u64,
        device: &Device,
    ) -> Result<InitialModel, TrainError> {
        if !Artifact::is_at(&self.from) {
            return Err(TrainError::setting(
                "start.from",
                format!(
                    "there is no model in {}, which training starts from; restore it, or start from another one",
                    self.from.printable()
                ),
            ));
        }
        let artifact = Artifact::load(&self.from, device)?;
        let weights_sha256 = receptive_model::weights_sha256(&artifact.model);
        if let Some(expected) = &self.weights_sha256
            && *expected != weights_sha256
        {
            return Err(TrainError::setting(
                "start.weights_sha256",
                format!(
                    "the weights of {} have changed since the run was created; leave the setting \
                     out to start from the new ones",
                    self.from.printable()
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
            // Stochastic depth affects training, not the weights, so it may differ.
            model = model
                .with_depth_of(plan)
                .ok_or_else(|| other_network(&self.from))?;
        }
        Ok(InitialModel {
            model: self.freeze(model)?,
            input: InputSpec {
                height: input.height,
                width: input.width,
                ..artifact.input
            },
            has_new_head,
            weights_sha256,
        })
    }

    /// The model with its first layers and its batch norm statistics frozen as configured.
    pub(crate) fn freeze(&self, mut model: Classifier) -> Result<Classifier, TrainError> {
        if self.freeze_statistics {
            model = model.freeze_statistics();
        }
        let frozen = match self.head {
            HeadStart::Only => self.freeze.max(model.config().head()?),
            HeadStart::Random | HeadStart::Fitted => self.freeze,
        };
        if frozen > 0 {
            model = model.freeze_first(frozen)?;
        }
        Ok(model)
    }
}

fn other_network(from: &Path) -> TrainError {
    TrainError::setting(
        "start.from",
        format!(
            "the network of {} is not the one in the config; use the config of its run, or no \
             config",
            from.printable()
        ),
    )
}
