//! The network as a burn module, composed of burn's own layers.

mod cone;
mod dropout;
mod exact;
mod init;
mod kernels;
mod layer;
#[cfg(feature = "learner")]
mod learner;
mod sequence;
mod shared;
mod statistics;
mod transfer;
mod values;
mod watched;
mod weights;

pub use cone::Cone;
pub use dropout::DropoutKey;
pub use exact::exactly;
#[cfg(feature = "learner")]
pub use learner::ImageBatch;
pub use statistics::BatchStatistics;
pub use values::LayerValues;
pub use watched::Watched;
pub use weights::weights_sha256;

use crate::plan::Plan;
use crate::{ModelConfig, ModelError};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use init::Weights;
use layer::{Layer, Pass};
use receptive_core::ImageSize;
use sequence::through;
use shared::SharedPlan;

/// What flows between layers: maps, or one row of values per image.
#[derive(Debug, Clone)]
pub enum Features {
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// `[batch, features]`.
    Flat(Tensor<2>),
}

impl Features {
    /// The maps, or `None` after `flatten` or a global pool.
    pub fn map(self) -> Option<Tensor<4>> {
        match self {
            Self::Map(map) => Some(map),
            Self::Flat(_) => None,
        }
    }

    /// `[batch, features]`: maps are flattened.
    pub fn flat(self) -> Tensor<2> {
        match self {
            Self::Map(map) => map.flatten(1, 3),
            Self::Flat(flat) => flat,
        }
    }

    /// The size of each axis, the batch first.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Map(map) => map.dims().to_vec(),
            Self::Flat(flat) => flat.dims().to_vec(),
        }
    }
}

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

impl Classifier {
    pub(crate) fn new(plan: &Plan, seed: u64, device: &Device) -> Self {
        let mut weights = Weights::new(seed, device);
        let layers = plan
            .layers
            .iter()
            .map(|layer| Layer::new(layer, &mut weights))
            .collect();
        Self {
            layers,
            plan: plan.clone().into(),
        }
    }

    /// The plan it was built from: shapes, parameters, receptive fields.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The config it was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.plan.config
    }

    /// The images it takes.
    pub fn input(&self) -> ImageSize {
        self.plan.input()
    }

    /// How many logits it gives.
    pub fn classes(&self) -> usize {
        self.plan.classes
    }

    /// The logits, before any softmax.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, normalised as in training
    /// - output: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.run(images, self.layers.len(), &mut Pass::burn())
            .flat()
    }

    /// What the head sees: the output of the layer before the last `linear`.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, features]`; of the whole network where its last layer is no `linear`
    pub fn forward_features(&self, images: Tensor<4>) -> Tensor<2> {
        self.run(images, self.head(), &mut Pass::burn()).flat()
    }

    /// The output of the first `layers` layers, as [`Plan::layers`] counts them; of all of them
    /// where there are no more. What a network of one's own can be built upon.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    /// - output: the last of these layers'
    pub fn forward_first(&self, images: Tensor<4>, layers: usize) -> Features {
        self.run(images, layers, &mut Pass::burn())
    }

    /// The output of one layer, found by number (`3`, `4.2`) or name (`conv2d_2`).
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with the layers there are.
    pub fn forward_until(&self, images: Tensor<4>, layer: &str) -> Result<Features, ModelError> {
        let number = self.plan.find(layer)?.number.clone();
        let mut pass = Pass::until(&number);
        let last = self.run(images, self.layers.len(), &mut pass);
        Ok(pass.found().unwrap_or(last))
    }

    /// The logits of a training step whose randomness is an argument, and the statistics of its
    /// batch norms, in order.
    ///
    /// Unlike [`forward`](Self::forward) it draws dropout masks from `key` instead of the
    /// process-wide generator and leaves the running statistics alone, so that shards of one batch
    /// may run in any order on any thread. Hand what it returns to
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
        let mut pass = Pass::keyed(key);
        let logits = self.run(images, self.layers.len(), &mut pass).flat();
        (logits, pass.into_statistics())
    }

    /// Moves the running statistics of each batch norm towards those of one step's shards, given in
    /// a fixed order with the share of the batch (summing to 1) each holds.
    pub fn merge_statistics(mut self, shards: &[(f64, Vec<BatchStatistics>)]) -> Self {
        let mut norm = 0;
        for layer in &mut self.layers {
            layer.merge_statistics(shards, &mut norm);
        }
        self
    }

    fn run(&self, images: Tensor<4>, layers: usize, pass: &mut Pass) -> Features {
        let layers = layers.min(self.layers.len());
        let (layers, planned) = (&self.layers[..layers], &self.plan.layers);
        through(layers, planned, Features::Map(images), pass)
    }

    /// How many layers lie before the head.
    fn head(&self) -> usize {
        match self.layers.last() {
            Some(Layer::Linear(_)) => self.layers.len() - 1,
            _ => self.layers.len(),
        }
    }
}
