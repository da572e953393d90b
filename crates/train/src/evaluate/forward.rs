//! A batch through a network.

use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{InferenceDevice, InferenceNetwork};

/// The logits of a batch, image by image.
pub(crate) fn logits(
    network: &InferenceNetwork,
    batch: &Batch,
    device: &InferenceDevice,
) -> Vec<f32> {
    logits_of(network, batch.images.to_vec(), batch.shape, device)
}

/// The logits of normalised images, `[images, channels, height, width]`, image by image.
pub(crate) fn logits_of(
    network: &InferenceNetwork,
    images: Vec<f32>,
    shape: [usize; 4],
    device: &InferenceDevice,
) -> Vec<f32> {
    let images = Tensor::<4>::from_data(TensorData::new(images, shape), device);
    let logits = network.forward(images); // [images, classes]
    logits.into_data().iter::<f32>().collect()
}
