//! The features of images before the head, computed once and stored.

use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::{Answers, in_order};
use burn::tensor::{Tensor, TensorData};
use receptive_data::{Batch, Samples, order};
use receptive_model::{Classifier, InferenceDevice, InputSpec};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Maximum number of images per split, which is enough for an accurate baseline.
const MAX_IMAGES: usize = 20_000;

/// The frozen features of some images.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FeatureSet {
    /// Number of features per image.
    pub(crate) width: usize,
    /// `[images, features]`, image by image.
    pub(crate) values: Vec<f32>,
    /// One per image.
    pub(crate) labels: Vec<usize>,
}

impl FeatureSet {
    /// The features of the images of `samples` (or of [`MAX_IMAGES`] drawn by `seed`, if there are more), in
    /// inference and without augmentation. `None` if `watch` ended it early.
    pub(crate) fn new(
        model: &Classifier,
        input: &InputSpec,
        samples: &Arc<Samples>,
        seed: u64,
        compute: &Compute,
        watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>, TrainError> {
        let mut indices: Vec<usize> = (0..samples.len()).collect();
        if samples.len() > MAX_IMAGES {
            indices = order(samples.len(), seed, 0);
            indices.truncate(MAX_IMAGES);
            indices.sort_unstable();
        }
        let images = indices.len();
        let mut set = Self {
            width: 0,
            values: Vec::new(),
            labels: Vec::with_capacity(images),
        };
        in_order(
            model,
            input,
            samples,
            &indices,
            compute,
            &features,
            &mut |part| {
                for answer in part.answers {
                    set.width = answer.logits.len();
                    set.values.extend_from_slice(answer.logits);
                    set.labels.push(answer.label);
                }
                watch(part)
            },
        )?;
        Ok((set.labels.len() == images).then_some(set))
    }

    /// Number of images.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The features, one slice per image.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks(self.width.max(1))
    }
}

/// The features of a batch, image by image.
fn features(model: &Classifier, batch: &Batch, device: &InferenceDevice) -> Vec<f32> {
    let data = TensorData::new(batch.images.to_vec(), batch.shape);
    let images = Tensor::<4>::from_data(data, device); // [images, channels, height, width]
    let features = model.forward_features(images); // [images, features]
    features.into_data().iter::<f32>().collect()
}
