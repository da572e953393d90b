//! One trainable value per channel: the module of layers that have no other parameters.

use super::kind::{LayerValues, read};
use super::random::RandomWeights;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

/// One trainable value per channel, or one for all.
#[derive(Module, Debug)]
pub(crate) struct ChannelWeights {
    /// `[channels]`, or `[1]`.
    weight: Param<Tensor<1>>,
}

impl ChannelWeights {
    /// Initialises all values to `initial`.
    pub(super) fn new(values: usize, initial: f64, weights: &RandomWeights<'_>) -> Self {
        let data = TensorData::new(vec![initial as f32; values], [values]);
        Self {
            weight: Param::from_data(data, weights.device),
        }
    }

    pub(super) fn values(&self) -> LayerValues {
        LayerValues {
            weight: read(self.weight.val()),
            ..LayerValues::default()
        }
    }

    /// # Shapes
    /// - output: `[1, channels, 1, 1]`, or all sizes 1 if the channels share one value
    pub(super) fn along_channels<const D: usize>(&self) -> Tensor<D> {
        let weight = self.weight.val(); // [channels]
        let mut shape = [1; D];
        shape[1] = weight.dims()[0];
        weight.reshape(shape)
    }
}
