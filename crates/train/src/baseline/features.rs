//! The features of images before the head, computed once.

use crate::compute::{Compute, upload};
use crate::error::TrainError;
use crate::evaluate::{Answers, in_order};
use receptive_data::{Batch, Samples, order};
use receptive_model::{Classifier, InferenceDevice, InputSpec};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Maximum number of training images, which is enough for an accurate baseline.
const MAX_IMAGES: usize = 20_000;

/// The pretrained network.
#[derive(Clone, Copy)]
pub(super) struct Frozen<'a> {
    /// On a device without autodiff.
    pub(super) model: &'a Classifier,
    pub(super) input: &'a InputSpec,
    pub(super) compute: &'a Compute,
}

impl Frozen<'_> {
    /// Passes each image's features and label to `take`, in order, in inference and without augmentation.
    /// Returns whether all images were processed.
    pub(super) fn each(
        self,
        samples: &Arc<Samples>,
        indices: &[usize],
        watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f32], usize),
    ) -> Result<bool, TrainError> {
        let Self {
            model,
            input,
            compute,
        } = self;
        let mut done = 0;
        in_order(
            model,
            input,
            samples,
            indices,
            compute,
            &features,
            &mut |part| {
                for answer in part.answers {
                    take(answer.logits, answer.label);
                }
                done = part.done;
                watch(part)
            },
        )?;
        Ok(done == indices.len())
    }
}

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
    /// The features of the images of `samples`, or of some drawn by `seed` if there are more than
    /// [`MAX_IMAGES`]. `None` if `watch` ended it early.
    pub(super) fn new(
        frozen: Frozen<'_>,
        samples: &Arc<Samples>,
        classes: usize,
        seed: u64,
        watch: &mut dyn FnMut(&Answers<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>, TrainError> {
        let labels: Vec<usize> = (0..samples.len()).map(|i| samples.label(i)).collect();
        let indices = drawn(&labels, classes, MAX_IMAGES, seed);
        let mut set = Self {
            width: 0,
            values: Vec::new(),
            labels: Vec::with_capacity(indices.len()),
        };
        let is_whole = frozen.each(samples, &indices, watch, &mut |features, label| {
            set.width = features.len();
            set.values.extend_from_slice(features);
            set.labels.push(label);
        })?;
        Ok(is_whole.then_some(set))
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

/// The indices, in order, of all images with these labels, or of at most `max` drawn by `seed`: all those of
/// small classes, since all classes have equal weight, and an equal number of each of the others.
fn drawn(labels: &[usize], classes: usize, max: usize, seed: u64) -> Vec<usize> {
    if labels.len() <= max {
        return (0..labels.len()).collect();
    }
    let mut counts = vec![0usize; classes];
    for label in labels {
        counts[*label] += 1;
    }
    let drawn = |each: usize| -> usize { counts.iter().map(|count| (*count).min(each)).sum() };
    let most = counts.iter().copied().max().unwrap_or(0);
    // With more classes than `max`, one image of each, until there are enough.
    let each = (1..most).take_while(|each| drawn(*each) <= max).last();
    let each = each.unwrap_or(1);
    let mut taken = vec![0usize; classes];
    let mut indices = order(labels.len(), seed, 0);
    indices.retain(|index| {
        let taken = &mut taken[labels[*index]];
        *taken += 1;
        *taken <= each
    });
    indices.truncate(max);
    indices.sort_unstable();
    indices
}

/// The features of a batch, image by image.
fn features(model: &Classifier, batch: &Batch, device: &InferenceDevice) -> Vec<f32> {
    let images = upload::images_on(batch, 0..batch.labels.len(), device);
    let features = model.forward_features(images); // [images, features]
    features.into_data().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_images_small_classes_are_kept_whole() {
        let labels: Vec<usize> = (0..1000)
            .map(|i| if i % 100 == 7 { 2 } else { i % 2 })
            .collect();
        let count = |indices: &[usize], class: usize| {
            let of = indices.iter().filter(|index| labels[**index] == class);
            of.count()
        };
        let all = drawn(&labels, 3, 1000, 5);
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        let some = drawn(&labels, 3, 111, 5);
        assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!([0, 1, 2].map(|class| count(&some, class)), [50, 50, 10]);
        assert_ne!(some, drawn(&labels, 3, 111, 6));
        // More classes than images.
        let labels: Vec<usize> = (0..50).collect();
        assert_eq!(drawn(&labels, 50, 20, 5).len(), 20);
    }
}
