//! Cross entropy for shards: the value of a batch is the weighted sum of its shards' values.

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::AutodiffDevice;
use std::ops::Range;

/// burn's cross entropy on logits, with label smoothing and class weights.
#[derive(Debug)]
pub(super) struct Loss {
    cross_entropy: CrossEntropyLoss,
    weights: Option<Vec<f32>>,
    smoothing: f32,
}

impl Loss {
    pub(super) fn new(smoothing: f32, weights: Option<Vec<f32>>, device: &AutodiffDevice) -> Self {
        let cross_entropy = CrossEntropyLossConfig::new()
            .with_smoothing((smoothing > 0.0).then_some(smoothing))
            .with_weights(weights.clone())
            .init(device);
        Self {
            cross_entropy,
            weights,
            smoothing,
        }
    }

    /// The same loss for logits on another device.
    pub(super) fn on(&self, device: &AutodiffDevice) -> Self {
        Self::new(self.smoothing, self.weights.clone(), device)
    }

    /// The mean over the images, weighted by class. With soft targets, an image's weight is the mean of the
    /// class weights in proportion to its targets, and the targets are smoothed like labels.
    ///
    /// # Shapes
    /// - `logits`: `[images, classes]`
    /// - output: `[1]`
    pub(super) fn forward(&self, logits: Tensor<2>, of: Targets<'_>) -> Tensor<1> {
        let device = logits.device();
        let Some(soft) = of.soft else {
            return self
                .cross_entropy
                .forward(logits, targets(of.labels, &device));
        };
        let [rows, classes] = logits.dims();
        let smoothing = self.smoothing;
        let values = soft.iter().enumerate().map(|(at, value)| {
            let weight = self.class_weight(at % classes);
            weight * (value * (1.0 - smoothing) + smoothing / classes as f32)
        });
        let data = TensorData::new(values.collect::<Vec<f32>>(), [rows, classes]);
        let product = log_softmax(logits, 1) * Tensor::from_data(data, &device); // [rows, classes]
        product.sum().div_scalar(-self.weight(of))
    }

    /// The total weight of these images; the denominator of the mean.
    pub(super) fn weight(&self, of: Targets<'_>) -> f64 {
        self.weights(of).into_iter().sum()
    }

    /// The weights summed by [`weight`](Self::weight), in the order of the images.
    pub(super) fn weights(&self, of: Targets<'_>) -> Vec<f64> {
        match (of.soft, &self.weights) {
            (_, None) => vec![of.labels.len() as f64],
            (None, Some(_)) => {
                let weights = of.labels.iter().map(|label| self.class_weight(*label));
                weights.map(f64::from).collect()
            }
            (Some(soft), Some(weights)) => soft
                .iter()
                .zip(weights.iter().cycle())
                .map(|(value, weight)| f64::from(*value) * f64::from(*weight))
                .collect(),
        }
    }

    fn class_weight(&self, class: usize) -> f32 {
        let weights = self.weights.as_ref();
        weights.map_or(1.0, |weights| weights.get(class).copied().unwrap_or(1.0))
    }
}

/// The targets of some images: labels or, for mixed images, class probabilities (`[images, classes]`, row by
/// row).
#[derive(Debug, Clone, Copy)]
pub(super) struct Targets<'a> {
    labels: &'a [usize],
    soft: Option<&'a [f32]>,
}

impl<'a> Targets<'a> {
    /// The targets of these rows of a batch.
    pub(super) fn new(batch: &'a Batch, rows: Range<usize>) -> Self {
        Self {
            labels: &batch.labels[rows.clone()],
            soft: batch.soft_targets.as_ref().map(|soft| {
                let classes = soft.classes;
                &soft.values[rows.start * classes..rows.end * classes]
            }),
        }
    }

    /// The label of each image; for a mixed image, the class with the largest probability (the first of equal
    /// ones).
    pub(super) fn dominant(&self) -> Vec<usize> {
        let Some(soft) = self.soft else {
            return self.labels.to_vec();
        };
        let classes = soft.len() / self.labels.len().max(1);
        let largest = |row: &[f32]| {
            let best =
                |best: usize, class: usize| if row[class] > row[best] { class } else { best };
            (0..row.len()).fold(0, best)
        };
        soft.chunks_exact(classes.max(1)).map(largest).collect()
    }
}

/// The number of images for which the label has the largest logit.
///
/// # Shapes
/// - `logits`: `[images, classes]`
/// - output: `[1]`
pub(super) fn correct(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let rows = labels.len();
    let targets = targets(labels, &logits.device());
    logits
        .argmax(1) // [images, 1]
        .reshape([rows]) // [images]
        .equal(targets)
        .float()
        .sum()
}

/// The labels as a tensor: `[images]`.
fn targets(labels: &[usize], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let rows = labels.len();
    Tensor::from_data(TensorData::new(labels, [rows]), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_image_counts_for_the_label_with_the_largest_share() {
        let dominant = |soft| {
            Targets {
                labels: &[2, 0, 1],
                soft,
            }
            .dominant()
        };
        assert_eq!(dominant(None), [2, 0, 1]);
        let soft = [0.4, 0.0, 0.6, 0.2, 0.8, 0.0, 0.0, 0.5, 0.5];
        assert_eq!(dominant(Some(&soft)), [2, 1, 1]);
    }

    #[test]
    fn soft_targets_that_are_one_hot_give_the_loss_and_gradients_of_the_labels() {
        let device = AutodiffDevice::from(Device::flex());
        let labels = [2, 0, 1, 2];
        let soft = receptive_data::SoftTargets::from_labels(&labels, 3).values;
        let values: Vec<f32> = (0..12).map(|i| ((i * 7 % 12) as f32 - 5.0) / 3.0).collect();
        for (smoothing, weights) in [
            (0.0, None),
            (0.1, None),
            (0.0, Some(vec![0.5, 2.0, 3.0])),
            (0.2, Some(vec![0.5, 2.0, 3.0])),
        ] {
            let loss = Loss::new(smoothing, weights, &device);
            let of = |soft| Targets {
                labels: &labels,
                soft,
            };
            let run = |soft| {
                let data = TensorData::new(values.clone(), [4, 3]);
                let logits = Tensor::<2>::from_data(data, &device).require_grad();
                let value = loss.forward(logits.clone(), of(soft));
                let gradient = logits.grad(&value.backward()).unwrap();
                let gradient: Vec<f32> = gradient.into_data().iter().collect();
                (value.into_scalar::<f32>(), gradient)
            };
            let (hard, soft_run) = (run(None), run(Some(&soft)));
            assert!((hard.0 - soft_run.0).abs() < 1e-6, "{hard:?} {soft_run:?}");
            let apart = hard.1.iter().zip(&soft_run.1).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) < 1e-6, "{hard:?} {soft_run:?}");
            assert_eq!(loss.weight(of(None)), loss.weight(of(Some(&soft))));
        }
    }
}
