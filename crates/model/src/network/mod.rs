//! The network as a burn module, composed of burn's own layers.

mod checkpointing;
mod cone;
mod depth;
mod frozen;
mod inference;
#[cfg(feature = "learner")]
mod learner;
mod transfer;
mod watch;
mod weights;

pub use cone::Cone;
pub use frozen::FrozenCone;
pub use inference::InferenceNetwork;
#[cfg(feature = "learner")]
pub use learner::ImageBatch;
pub use watch::WatchedLogits;
pub use weights::weights_sha256;

use crate::ModelError;
use crate::config::ModelConfig;
use crate::layers::{
    BatchStatistics, DropoutKey, Features, Layer, LayerValues, Pass, PlannedLayer, Precision,
    RandomWeights, find, through,
};
use crate::plan::Plan;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use receptive_core::ImageSize;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The seed of the weights of [`Plan::init`].
const INIT_SEED: u64 = 0;

/// A convolutional image classifier: images in, logits out.
///
/// Made by [`Plan::init`]. Like every burn module it trains on an autodiff device (batch norm with
/// the batch's statistics, dropout on) and infers on any other; [`Module::freeze`] makes it infer
/// on an autodiff device too, for gradients with respect to the input.
#[derive(Module, Debug)]
pub struct Classifier {
    layers: Vec<Layer>,
    #[module(skip)]
    plan: SharedPlan,
}

impl Plan {
    /// Builds the network with weights drawn from seed 0.
    pub fn init(&self, device: &Device) -> Classifier {
        self.init_seeded(INIT_SEED, device)
    }

    /// Builds the network. The weights are a pure function of the plan and `seed`: the same on
    /// every device.
    pub fn init_seeded(&self, seed: u64, device: &Device) -> Classifier {
        self.init_first(self.layers.len(), seed, device)
    }

    /// Builds the network only up to the layer with this number or name, with the weights of
    /// [`init_seeded`](Self::init_seeded): for [`Classifier::forward_until`] and
    /// [`Classifier::cone`] of that layer; [`Classifier::forward`] ends there too. What follows is
    /// not drawn, in a VGG nearly all weights.
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant.
    pub fn init_until(
        &self,
        layer: &str,
        seed: u64,
        device: &Device,
    ) -> Result<Classifier, ModelError> {
        let number = &self.find(layer)?.number;
        let contains = |outer: &PlannedLayer| number.split('.').next() == Some(&*outer.number);
        let layers = self.layers.iter().position(contains).map_or(0, |at| at + 1);
        Ok(self.init_first(layers, seed, device))
    }

    fn init_first(&self, layers: usize, seed: u64, device: &Device) -> Classifier {
        let mut weights = RandomWeights::new(seed, device);
        let layers = self.layers.iter().take(layers);
        Classifier {
            layers: layers
                .map(|layer| Layer::new(layer, &mut weights))
                .collect(),
            plan: self.clone().into(),
        }
    }
}

impl Classifier {
    /// The plan it was built from: shapes, parameters, receptive fields.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The config it was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.plan.config
    }

    /// The size of the images it takes.
    pub fn input(&self) -> ImageSize {
        self.plan.input()
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.plan.classes
    }

    /// The logits, before any softmax.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, normalised as in training
    /// - output: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.run(images, self.layers.len(), &mut Pass::new())
            .into_flat()
    }

    /// The input of the head, which is the last layer with weights. If the head is a convolution,
    /// the mean of its input over the positions.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, features]`; the network's output if it has no head
    pub fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        let head = self.plan.config.head().ok();
        let layers = head.unwrap_or(self.layers.len());
        match (self.run(images, layers, &mut Pass::new()), head) {
            (Features::Map(maps), Some(head)) if !self.layers[head].is_linear() => {
                maps.flatten::<3>(2, 3).mean_dim(2).flatten(1, 2) // [batch, channels]
            }
            (features, _) => features.into_flat(),
        }
    }

    /// The output of the first `layers` layers, as [`Plan::layers`] counts them, or of all if there
    /// are fewer: a backbone for other networks.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: that of the last of these layers
    pub fn forward_first(&self, images: Tensor<4>, layers: usize) -> Features {
        self.run(images, layers, &mut Pass::new())
    }

    /// The output of one layer, found by number (`3`, `4.2`) or name (`conv2d_2`).
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant.
    pub fn forward_until(&self, images: Tensor<4>, layer: &str) -> Result<Features, ModelError> {
        let number = self.plan.find(layer)?.number.clone();
        let mut pass = Pass::until(&number);
        let last = self.run(images, self.layers.len(), &mut pass);
        Ok(pass.into_output().unwrap_or(last))
    }

    /// The logits of a training step with explicit randomness, and the statistics of its batch
    /// norms, in order.
    ///
    /// Unlike [`forward`](Self::forward) it draws dropout masks from `key` instead of the
    /// process-wide generator and leaves the running statistics alone, so that shards of one batch
    /// may run in any order on any thread. Pass the statistics to
    /// [`merge_statistics`](Self::merge_statistics).
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, classes]`
    pub fn forward_keyed(
        &self,
        images: Tensor<4>,
        key: DropoutKey,
    ) -> (Tensor<2>, Vec<BatchStatistics>) {
        self.forward_keyed_in(Precision::F32, images, key)
    }

    /// [`forward_keyed`](Self::forward_keyed) with convolutions and dense layers in this precision, which
    /// the device must have ([`Precision::runs_on`]). Logits and statistics are in 32 bits.
    ///
    /// # Shapes
    /// As [`forward_keyed`](Self::forward_keyed).
    pub fn forward_keyed_in(
        &self,
        precision: Precision,
        images: Tensor<4>,
        key: DropoutKey,
    ) -> (Tensor<2>, Vec<BatchStatistics>) {
        let mut pass = Pass::keyed(key, precision);
        let logits = self.run(images, self.layers.len(), &mut pass).into_flat();
        (logits, pass.into_statistics())
    }

    /// A copy on `device`, which may be this one; gradients of both are separate. burn's `fork` and `to_device` of a
    /// clone also move the running statistics of the original, since clones share them.
    pub fn copied_to(&self, device: &Device) -> Self {
        let mut copy = self.clone();
        for layer in &mut copy.layers {
            layer.separate_statistics();
        }
        copy.fork(device)
    }

    /// Updates the running statistics of each batch norm with those of one step's shards, which are
    /// given in a fixed order with their fractions of the batch (summing to 1).
    pub fn merge_statistics(mut self, shards: &[(f64, Vec<BatchStatistics>)]) -> Self {
        let mut norm = 0;
        for layer in &mut self.layers {
            layer.merge_statistics(shards, &mut norm);
        }
        self
    }

    /// Sets the running statistics of the batch norms, in the order in which
    /// [`forward_keyed`](Self::forward_keyed) returns them; frozen ones keep their own. The model
    /// must be in training mode, not the result of `valid`.
    pub fn with_statistics(mut self, statistics: &[BatchStatistics]) -> Self {
        let mut norm = 0;
        for layer in &mut self.layers {
            layer.set_statistics(statistics, &mut norm);
        }
        self
    }

    /// The values of the layer with this number (`3`, `4.2`); `None` if there is no such layer.
    pub fn values(&self, number: &str) -> Option<LayerValues> {
        Some(find(&self.layers, &self.plan.layers, number)?.values())
    }

    fn run(&self, images: Tensor<4>, layers: usize, pass: &mut Pass<'_>) -> Features {
        let layers = layers.min(self.layers.len());
        let (layers, planned) = (&self.layers[..layers], &self.plan.layers);
        through(layers, planned, Features::Map(images), pass)
    }
}

/// A plan shared by the clones of a module. burn prints a module with all its fields; this one
/// prints one line instead of every value of every layer.
#[derive(Clone)]
struct SharedPlan(Arc<Plan>);

impl From<Plan> for SharedPlan {
    fn from(plan: Plan) -> Self {
        Self(Arc::new(plan))
    }
}

impl Deref for SharedPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl fmt::Debug for SharedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input();
        write!(
            f,
            "{}x{}x{} to {} classes in {} layers",
            input.channels,
            input.height,
            input.width,
            self.classes,
            self.layers.len()
        )
    }
}
