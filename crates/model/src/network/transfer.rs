//! Starting a network from another one's trained weights.

use super::Classifier;
use crate::ModelError;
use burn::module::{Module, ParamId, list_param_ids};

impl Classifier {
    /// The same network for other classes: all layers keep their weights but the head, which is drawn
    /// anew from `seed` with an output for each class. The head is the last layer with weights.
    ///
    /// # Errors
    /// When that is neither `linear` nor `conv2d`, or `classes` cannot be planned.
    pub fn with_classes(&self, classes: usize, seed: u64) -> Result<Self, ModelError> {
        let mut config = self.plan.config.clone().with_classes(classes);
        let head = config.open_head()?;
        let planned = &self.plan.layers[head];
        if planned.output.channels() != self.classes() {
            return Err(ModelError::model(
                format!(
                    "its last layer with weights, {} ({}), has {} outputs for {} classes, so there is no \
                     head to replace",
                    planned.number,
                    planned.kind,
                    planned.output.channels(),
                    self.classes()
                ),
                "end the network with `linear`, or keep the classes it was trained for",
            ));
        }
        let plan = config.plan()?;
        let device = self.devices().into_iter().next().ok_or_else(|| {
            ModelError::model("it has no weights", "this is a bug, please report it")
        })?;
        let mut new = plan.init_seeded(seed, &device);
        for (at, (place, layer)) in new.layers.iter_mut().zip(&self.layers).enumerate() {
            if at != head {
                *place = layer.clone();
            }
        }
        Ok(new)
    }

    /// Makes every batch norm use and keep its running statistics in training too, as it does in
    /// inference; scale and shift still learn. Statistics of a few small batches are too noisy to
    /// replace those that a network was pretrained with. The state lasts through `valid` and `train`.
    pub fn freeze_statistics(mut self) -> Self {
        for layer in &mut self.layers {
            layer.freeze_statistics();
        }
        self
    }

    /// The ids of the parameters of each layer, as [`Plan::layers`](crate::Plan) counts them: groups
    /// for an optimizer with a learning rate for each.
    pub fn parameter_groups(&self) -> Vec<Vec<ParamId>> {
        let layers = self.layers.iter();
        layers.map(list_param_ids).collect()
    }

    /// Freezes the first `layers` layers as [`Plan::layers`](crate::Plan) counts them (those
    /// within branches belong to it): they get no gradients, their batch norms use and keep
    /// their running statistics, their dropouts let everything through. The state lasts through
    /// `valid` and `train`.
    ///
    /// # Errors
    /// When no trainable weight would be left.
    pub fn freeze_first(mut self, layers: usize) -> Result<Self, ModelError> {
        let left: usize = self
            .plan
            .layers
            .iter()
            .skip(layers)
            .map(|layer| layer.params)
            .sum();
        if left == 0 {
            let last = self.plan.layers.iter().rposition(|layer| layer.params > 0);
            return Err(ModelError::model(
                format!("with its first {layers} layers frozen there is nothing left to learn"),
                format!("freeze at most {}", last.unwrap_or(0)),
            ));
        }
        self.layers = self
            .layers
            .into_iter()
            .enumerate()
            .map(|(i, layer)| if i < layers { layer.freeze() } else { layer })
            .collect();
        Ok(self)
    }
}
