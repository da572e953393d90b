//! Gradient checkpointing: backward passes that compute outputs again instead of keeping them.

use super::Classifier;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{GradientCheckpointingStrategy, Tensor};

impl Classifier {
    /// The same parameters on an autodiff device, with graphs that keep few outputs: the backward pass computes
    /// those of norms, activations and sums again from the outputs of convolutions, bit-identical. Images
    /// must be on [`AutodiffDevice::checkpointing`](crate::AutodiffDevice::checkpointing).
    #[must_use]
    pub fn checkpointing(self) -> Self {
        self.map(&mut Balanced)
    }
}

/// burn's strategy, which each tensor carries with it, even to another device.
struct Balanced;

impl ModuleMapper for Balanced {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let strategy = GradientCheckpointingStrategy::Balanced;
        param.map(|tensor| tensor.with_gradient_checkpointing_strategy(strategy))
    }
}
