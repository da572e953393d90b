//! One trainable value per channel: the module of layers that have no other parameters.

#[cfg(feature = "flex")]
use super::kernels;
use super::kind::{LayerValues, read};
use super::random::RandomWeights;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

/// The product of maps with each other or with one factor per channel.
///
/// # Shapes
/// - `x`, `factors`: `[batch, channels, height, width]`; one of them may have a height and width of 1, and the factors a
///   batch of 1
pub(super) fn scaled(x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if kernels::fits(&x) && kernels::fits(&factors) {
        let is_gate = |gate: &Tensor<4>, x: &Tensor<4>| {
            let [[_, channels, height, width], [_, of_x, ..]] = [gate.dims(), x.dims()];
            [channels, height, width] == [of_x, 1, 1]
        };
        if is_gate(&factors, &x) {
            return receptive_kernels::scale_channels(x, factors);
        }
        if is_gate(&x, &factors) {
            return receptive_kernels::scale_channels(factors, x);
        }
    }
    x * factors
}

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
