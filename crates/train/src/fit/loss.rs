//! Cross entropy, such that a batch's loss is the weighted sum of its shards'.

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

/// burn's cross entropy on logits, with label smoothing and a weight for each class.
#[derive(Debug)]
pub(super) struct Loss {
    cross_entropy: CrossEntropyLoss,
    weights: Option<Vec<f32>>,
}

impl Loss {
    pub(super) fn new(smoothing: f32, weights: Option<Vec<f32>>, device: &Device) -> Self {
        let cross_entropy = CrossEntropyLossConfig::new()
            .with_smoothing((smoothing > 0.0).then_some(smoothing))
            .with_weights(weights.clone())
            .init(device);
        Self {
            cross_entropy,
            weights,
        }
    }

    /// The mean over the images, each weighted by its class.
    ///
    /// # Shapes
    /// - `logits`: `[images, classes]`
    /// - output: `[1]`
    pub(super) fn forward(&self, logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let targets = targets(labels, &logits.device());
        self.cross_entropy.forward(logits, targets)
    }

    /// The total weight of these images; the denominator of the mean.
    pub(super) fn weight(&self, labels: &[usize]) -> f64 {
        match &self.weights {
            None => labels.len() as f64,
            Some(weights) => labels
                .iter()
                .map(|label| f64::from(weights.get(*label).copied().unwrap_or(1.0)))
                .sum(),
        }
    }
}

/// How many rows have the label's logit as their largest: `[1]`.
pub(super) fn correct(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let rows = labels.len();
    let targets = targets(labels, &logits.device());
    logits
        .argmax(1)
        .reshape([rows])
        .equal(targets)
        .float()
        .sum()
}

fn targets(labels: &[usize], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let rows = labels.len();
    Tensor::from_data(TensorData::new(labels, [rows]), device)
}
