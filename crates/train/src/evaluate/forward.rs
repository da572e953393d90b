//! A batch through a network.

use crate::compute::upload;
use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{InferenceDevice, InferenceNetwork};

/// The logits of a batch, image by image.
pub(crate) fn logits(
    network: &InferenceNetwork,
    batch: &Batch,
    device: &InferenceDevice,
) -> Vec<f32> {
    answers(
        network,
        upload::images_on(batch, 0..batch.labels.len(), device),
    )
}

/// The logits of normalised images, `[images, channels, height, width]`, image by image.
pub(crate) fn logits_of(
    network: &InferenceNetwork,
    images: Vec<f32>,
    shape: [usize; 4],
    device: &InferenceDevice,
) -> Vec<f32> {
    answers(
        network,
        Tensor::from_data(TensorData::new(images, shape), device),
    )
}

/// The logits of images on the network's device, image by image.
fn answers(network: &InferenceNetwork, images: Tensor<4>) -> Vec<f32> {
    let logits = network.forward(images); // [images, classes]
    logits.into_data().iter::<f32>().collect()
}
