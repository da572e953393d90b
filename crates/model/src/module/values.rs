//! A layer's numbers, read out.

use super::Classifier;
use super::cone::find;
use super::layer::Layer;
use burn::tensor::Tensor;

/// The values of one layer's tensors, row by row; empty where it has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerValues {
    /// Of a convolution `[filters, channels / groups, height, width]`, of a linear layer
    /// `[inputs, units]`.
    pub weight: Vec<f32>,
    /// Of a convolution or a linear layer.
    pub bias: Vec<f32>,
    /// Batch norm's scale.
    pub gamma: Vec<f32>,
    /// Batch norm's shift.
    pub beta: Vec<f32>,
    /// Batch norm's running mean.
    pub mean: Vec<f32>,
    /// Batch norm's running variance.
    pub variance: Vec<f32>,
}

impl Classifier {
    /// The values of the layer of this number (`3`, `4.2`); `None` where there is no such layer.
    pub fn values(&self, number: &str) -> Option<LayerValues> {
        let whole = (&self.layers[..], &self.plan.layers[..]);
        Some(match find(whole, number)? {
            Layer::Conv2d(conv) => LayerValues {
                weight: read(conv.weight.val()),
                bias: conv
                    .bias
                    .as_ref()
                    .map(|bias| read(bias.val()))
                    .unwrap_or_default(),
                ..LayerValues::default()
            },
            Layer::Linear(linear) => LayerValues {
                weight: read(linear.weight.val()),
                bias: linear
                    .bias
                    .as_ref()
                    .map(|bias| read(bias.val()))
                    .unwrap_or_default(),
                ..LayerValues::default()
            },
            Layer::BatchNorm(norm) => LayerValues {
                gamma: read(norm.gamma.val()),
                beta: read(norm.beta.val()),
                mean: read(norm.running_mean.value_sync()),
                variance: read(norm.running_var.value_sync()),
                ..LayerValues::default()
            },
            Layer::MaxPool2d(_)
            | Layer::AvgPool2d(_)
            | Layer::GlobalAvgPool2d(_)
            | Layer::Dropout(_)
            | Layer::Residual(_)
            | Layer::Plain(_) => LayerValues::default(),
        })
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    data.try_into_vec().unwrap_or_default()
}
