//! A batch through a network.

use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{Classifier, InferenceDevice};

/// The logits of a batch, image by image.
pub(crate) fn logits(model: &Classifier, batch: &Batch, device: &InferenceDevice) -> Vec<f32> {
    logits_of(model, batch.images.to_vec(), batch.shape, device)
}

/// The logits of normalized images, `[images, channels, height, width]`, image by image.
pub(crate) fn logits_of(
    model: &Classifier,
    images: Vec<f32>,
    shape: [usize; 4],
    device: &InferenceDevice,
) -> Vec<f32> {
    let images = Tensor::<4>::from_data(TensorData::new(images, shape), device);
    let logits = model.forward(images); // [images, classes]
    logits.into_data().iter::<f32>().collect()
}
