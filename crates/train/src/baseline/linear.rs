//! Linear classifiers on frozen features: the nearest class mean, and a fitted head.

use super::features::FeatureSet;
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use receptive_model::InferenceDevice;

/// A linear classifier on features.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LinearHead {
    /// `[features, classes]`
    pub(crate) weight: Vec<f32>,
    /// One value per class.
    pub(crate) bias: Vec<f32>,
}

/// The scale of the cosine similarities to the class means, before the fit (Gidaris and Komodakis 2018).
const SCALE: f32 = 10.0;
/// The strength of the regularisation towards the class means. With one image per class the fit hardly leaves
/// them, which is the best possible; with many images it learns to separate the classes.
const DECAY: f64 = 0.001;
/// Steps of the fit, and its maximum number of multiplications, so that there are fewer steps with many images
/// and classes.
const STEPS: f64 = 150.0;
const MIN_STEPS: f64 = 20.0;
const MULTIPLICATIONS: f64 = 1e12;

impl LinearHead {
    /// The nearest-class-mean classifier for features of unit length: the logit `x m - m m / 2` of class mean
    /// `m` is largest for the nearest one (Mensink et al. 2013; unit length as in Wang et al. 2019,
    /// "SimpleShot").
    pub(crate) fn nearest_mean(train: &FeatureSet, classes: usize) -> Self {
        let mut sums = vec![0.0f64; train.width * classes]; // [features, classes]
        let mut counts = vec![0usize; classes];
        for (row, label) in train.rows().zip(&train.labels) {
            let scale = inverse(length(row));
            counts[*label] += 1;
            for (sums, value) in sums.chunks_mut(classes).zip(row) {
                sums[*label] += f64::from(*value) * scale;
            }
        }
        let mut squares = vec![0.0; classes];
        for means in sums.chunks_mut(classes) {
            for ((mean, count), square) in means.iter_mut().zip(&counts).zip(&mut squares) {
                *mean /= (*count).max(1) as f64;
                *square += *mean * *mean;
            }
        }
        // The mean of a class without images would be 0; it is treated as a unit vector orthogonal to all
        // features.
        let bias = squares.iter().zip(&counts).map(|(square, count)| {
            let square = if *count == 0 { 1.0 } else { *square };
            (-0.5 * square) as f32
        });
        Self {
            bias: bias.collect(),
            weight: sums.into_iter().map(|mean| mean as f32).collect(),
        }
    }

    /// Logistic regression on features of unit length, regularised towards the nearest class mean instead of 0.
    /// Trained by Nesterov's accelerated gradient method, with the step size that the curvature of the loss
    /// allows. All classes have equal weight, whatever their sizes. The result is for unnormalised features.
    /// Without `has_bias` the bias is 0.
    pub(crate) fn fit(
        train: &FeatureSet,
        classes: usize,
        has_bias: bool,
        device: &InferenceDevice,
    ) -> Self {
        let (images, width) = (train.len(), train.width);
        let lengths: Vec<f64> = train.rows().map(length).collect();
        let unit: Vec<f32> = train
            .rows()
            .zip(&lengths)
            .flat_map(|(row, length)| {
                let scale = inverse(*length);
                row.iter()
                    .map(move |value| (f64::from(*value) * scale) as f32)
            })
            .collect();
        let mut counts = vec![0usize; classes];
        for label in &train.labels {
            counts[*label] += 1;
        }
        let there = counts.iter().filter(|count| **count > 0).count();
        // The weight of an image: all classes weigh the same, and the sum is 1.
        let share = |label: &usize| 1.0 / (there * counts[*label]) as f32;
        let shares: Vec<f32> = train.labels.iter().map(share).collect();
        let mut targets = vec![0.0f32; images * classes];
        for (row, label) in targets.chunks_mut(classes).zip(&train.labels) {
            row[*label] = 1.0;
        }
        let matrix = |values: Vec<f32>, dims: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, dims), device)
        };
        let x = matrix(unit, [images, width]);
        let targets = matrix(targets, [images, classes]);
        let shares = matrix(shares, [images, 1]);
        let means = Self::nearest_mean(train, classes);
        let centre = matrix(means.weight, [width, classes]) * SCALE;
        let (mut weight, mut ahead) = (centre.clone(), centre.clone());
        let mut bias = matrix(means.bias, [1, classes]) * if has_bias { SCALE } else { 0.0 };
        let mut bias_ahead = bias.clone();

        // The curvature of the softmax loss is at most 1/2 for rows of unit length, plus 1/2 for the bias.
        let curvature = 1.0 + DECAY;
        let root = (DECAY / curvature).sqrt();
        let momentum = (1.0 - root) / (1.0 + root);
        let work = 2.0 * images as f64 * width as f64 * classes as f64;
        let steps = (MULTIPLICATIONS / work.max(1.0)).clamp(MIN_STEPS, STEPS);
        for _ in 0..steps as usize {
            let logits = x.clone().matmul(ahead.clone()) + bias_ahead.clone(); // [images, classes]
            let error = (softmax(logits, 1) - targets.clone()) * shares.clone();
            let pull = (ahead.clone() - centre.clone()) * DECAY;
            let slope = x.clone().transpose().matmul(error.clone()) + pull; // [features, classes]
            let next = ahead - slope / curvature;
            ahead = next.clone() + (next.clone() - weight) * momentum;
            weight = next;
            if has_bias {
                let next = bias_ahead - error.sum_dim(0) / curvature; // [1, classes]
                bias_ahead = next.clone() + (next.clone() - bias) * momentum;
                bias = next;
            }
        }
        let mean_length = lengths.iter().sum::<f64>() / images.max(1) as f64;
        Self {
            weight: (weight * inverse(mean_length)).into_data().iter().collect(),
            bias: bias.into_data().iter().collect(),
        }
    }

    /// The logits of one image's features.
    pub(crate) fn logits(&self, row: &[f32]) -> Vec<f32> {
        let classes = self.bias.len();
        let mut logits: Vec<f64> = self.bias.iter().map(|bias| f64::from(*bias)).collect();
        for (value, weights) in row.iter().zip(self.weight.chunks(classes.max(1))) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += f64::from(*value) * f64::from(*weight);
            }
        }
        logits.into_iter().map(|logit| logit as f32).collect()
    }

    /// Like [`logits`](Self::logits), with the features scaled to unit length.
    pub(crate) fn unit_logits(&self, row: &[f32]) -> Vec<f32> {
        let scale = inverse(length(row));
        let unit: Vec<f32> = row
            .iter()
            .map(|value| (f64::from(*value) * scale) as f32)
            .collect();
        self.logits(&unit)
    }
}

fn length(row: &[f32]) -> f64 {
    let squares = row
        .iter()
        .map(|value| f64::from(*value) * f64::from(*value));
    squares.sum::<f64>().sqrt()
}

fn inverse(length: f64) -> f64 {
    if length > 0.0 { length.recip() } else { 0.0 }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::metrics::in_top;
    use burn::tensor::Device;

    fn set(rows: &[([f32; 3], usize)]) -> FeatureSet {
        FeatureSet {
            width: 3,
            values: rows.iter().flat_map(|(row, _)| *row).collect(),
            labels: rows.iter().map(|(_, label)| *label).collect(),
        }
    }

    fn fit(train: &FeatureSet) -> LinearHead {
        LinearHead::fit(train, 3, true, &Device::flex().into())
    }

    #[test]
    fn the_nearest_mean_goes_by_direction_and_knows_no_class_without_an_image() {
        let train = set(&[
            ([3.0, 1.0, 0.0], 0),
            ([50.0, 10.0, 0.0], 0),
            ([1.0, 4.0, 0.0], 2),
        ]);
        let nearest = LinearHead::nearest_mean(&train, 3);
        for (row, class) in [
            ([9.0, 1.0, 0.0], 0),
            ([0.2, 0.9, 0.0], 2),
            ([80.0, 99.0, 5.0], 2),
        ] {
            assert!(in_top(&nearest.unit_logits(&row), class, 1), "{row:?}");
        }
    }

    #[test]
    fn of_one_image_a_class_the_fitted_head_is_the_nearest_mean() {
        let train = set(&[
            ([1.0, 0.2, 0.1], 0),
            ([0.2, 1.0, 0.3], 1),
            ([0.3, 0.2, 1.0], 2),
        ]);
        let (nearest, head) = (LinearHead::nearest_mean(&train, 3), fit(&train));
        let mut seed = 7u32;
        for _ in 0..300 {
            let mut value = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1 << 24) as f32
            };
            let row = [value(), value(), value()];
            let mut sorted = nearest.unit_logits(&row);
            let class = (0..3).find(|class| in_top(&sorted, *class, 1)).unwrap();
            sorted.sort_by(f32::total_cmp);
            if sorted[2] - sorted[1] > 0.05 {
                assert!(in_top(&head.logits(&row), class, 1), "{row:?}");
            }
        }
    }

    #[test]
    fn many_images_move_the_head_where_the_means_alone_are_wrong() {
        // The first feature varies most but carries no information; the second separates the classes.
        let rows: Vec<([f32; 3], usize)> = (0..60)
            .map(|i| {
                let class = i % 2;
                let noise =
                    if i % 20 < 14 { 1.0 } else { 6.0 } * if class == 0 { 1.0 } else { 0.4 };
                (
                    [noise, 0.5 + 0.3 * class as f32, 0.5 - 0.3 * class as f32],
                    class,
                )
            })
            .collect();
        let train = set(&rows);
        let right = |logits: &dyn Fn(&[f32]) -> Vec<f32>| {
            let pairs = train.rows().zip(&train.labels);
            pairs
                .filter(|(row, label)| in_top(&logits(row), **label, 1))
                .count()
        };
        let nearest = LinearHead::nearest_mean(&train, 3);
        let head = fit(&train);
        let (before, after) = (
            right(&|row| nearest.unit_logits(row)),
            right(&|row| head.logits(row)),
        );
        assert!(after >= before && after > 40, "{before} {after} of 60");
        // Duplicating one class's images must not change anything, since classes have equal weight.
        let again: Vec<_> = rows
            .iter()
            .filter(|(_, class)| *class == 0)
            .copied()
            .collect();
        let doubled = fit(&set(&[rows, again].concat()));
        for (a, b) in head.bias.iter().zip(&doubled.bias) {
            assert!((a - b).abs() < 0.05, "{:?} {:?}", head.bias, doubled.bias);
        }
    }
}
