//! Transfer learning: starting a network from another network's trained weights.

use super::Classifier;
use crate::ModelError;
use crate::layers::{Layer, Operation};
use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::TensorData;

impl Classifier {
    /// The same network for other classes: all layers keep their weights except the head, which is
    /// initialised from `seed` with one output per class. The head is the last layer with weights.
    ///
    /// # Errors
    /// If that layer is neither `linear` nor `conv2d`, or `classes` cannot be planned.
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
                "end the network with `linear`, or keep its classes",
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

    /// Whether the head has a bias, if the logits are a linear function of
    /// [`forward_features`](Self::forward_features): the head is `linear` without an activation,
    /// and the last layer. `None` for any other network.
    pub fn linear_head(&self) -> Option<bool> {
        match &self.plan.layers.last()?.operation {
            Operation::Linear(op) if op.activation.is_none() => Some(op.bias),
            _ => None,
        }
    }

    /// The same network with other values in its head: `weight` is `[features, classes]`, `bias`
    /// has one value per class and is ignored if the head has none.
    ///
    /// # Errors
    /// If the head is not [linear](Self::linear_head), or the number of values does not match.
    pub fn with_linear_head(
        mut self,
        weight: Vec<f32>,
        bias: Vec<f32>,
    ) -> Result<Self, ModelError> {
        let device = self.devices().into_iter().next();
        let has_bias = self.linear_head();
        let (Some(device), Some(has_bias), Some(Layer::Linear(linear))) =
            (device, has_bias, self.layers.last_mut())
        else {
            return Err(ModelError::model(
                "its last layer is not `linear` without an activation, so there is no head to set",
                "end the network with `linear`",
            ));
        };
        let [features, classes] = linear.weight.dims();
        if weight.len() != features * classes || (has_bias && bias.len() != classes) {
            return Err(ModelError::model(
                format!(
                    "its head has {features} x {classes} weights and {classes} values of bias, but {} and \
                     {} are given",
                    weight.len(),
                    bias.len()
                ),
                "give one weight per feature and class, and one bias per class",
            ));
        }
        linear.weight = Param::from_data(TensorData::new(weight, [features, classes]), &device);
        if has_bias {
            linear.bias = Some(Param::from_data(TensorData::new(bias, [classes]), &device));
        }
        Ok(self)
    }

    /// Freezes the running statistics of every batch norm: it uses them in training too, while
    /// scale and shift are still trained. The statistics of a few small batches are too noisy to
    /// replace those of the pretrained network. This survives `valid` and `train`.
    pub fn freeze_statistics(mut self) -> Self {
        for layer in &mut self.layers {
            layer.freeze_statistics();
        }
        self
    }

    /// The ids of the parameters of each layer, as [`Plan::layers`](crate::Plan) counts them:
    /// groups for an optimizer with a learning rate per group.
    pub fn parameter_groups(&self) -> Vec<Vec<ParamId>> {
        let layers = self.layers.iter();
        layers.map(list_param_ids).collect()
    }

    /// Freezes the first `layers` layers, as [`Plan::layers`](crate::Plan) counts them, including
    /// those within their branches: they get no gradients, their batch norms use and keep their
    /// running statistics, and their dropouts are off. This survives `valid` and `train`.
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
                format!("with its first {layers} layers frozen there is nothing left to train"),
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
