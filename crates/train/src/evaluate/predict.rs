//! Predicting the most probable classes of images.

use crate::compute::Compute;
use crate::error::TrainError;
use crate::evaluate::tta::Tta;
use receptive_data::{DecodeLimits, ImageIdentity};
use receptive_inspect::{InputImage, Prediction};
use receptive_model::{Artifact, InferenceDevice, InferenceNetwork};
use std::path::{Path, PathBuf};

/// The prediction for an image file.
#[derive(Debug, Clone)]
pub struct FilePrediction {
    /// The most probable classes, in descending order.
    pub top: Vec<Prediction>,
    /// The image's identity, to look it up in the record of a run.
    pub identity: ImageIdentity,
}

/// Like [`predict_file`], for many files on all threads, with results in their order. A file that cannot be
/// read does not affect the other predictions.
///
/// # Errors
/// A thread panics, which is a bug.
pub fn predict_files(
    artifact: &Artifact,
    files: &[PathBuf],
    k: usize,
    tta: Option<Tta>,
    limits: &DecodeLimits,
    compute: &Compute,
) -> Result<Vec<Result<FilePrediction, TrainError>>, TrainError> {
    let networks = compute.on_each(&artifact.model, |model, device| model.prepare(device));
    compute
        .map(
            files.len(),
            |device| device.clone(),
            |device, i| {
                let image = InputImage::read_within(&files[i], &artifact.input, limits)?;
                Ok(FilePrediction {
                    top: predict_by(networks.get(device), &image, artifact, k, tta, device),
                    identity: image.identity().copied().unwrap_or_default(),
                })
            },
        )
        .map_err(|reason| TrainError::Worker { step: 0, reason })
}

/// The `k` most probable classes of an image, in descending order; with test-time augmentation, by the mean
/// probabilities of its views.
pub fn predict_image(
    image: &InputImage,
    artifact: &Artifact,
    k: usize,
    tta: Option<Tta>,
    device: &InferenceDevice,
) -> Vec<Prediction> {
    let network = artifact.model.prepare(device);
    predict_by(&network, image, artifact, k, tta, device)
}

/// Predicts with the prepared model of an artifact.
fn predict_by(
    network: &InferenceNetwork,
    image: &InputImage,
    artifact: &Artifact,
    k: usize,
    tta: Option<Tta>,
    device: &InferenceDevice,
) -> Vec<Prediction> {
    let Some(tta) = tta else {
        return image.predict_by(network, artifact, k, device);
    };
    let [height, width, channels] = image.size();
    let shape = [1, channels, height, width];
    let temperature = artifact.temperature;
    let mean = tta.probabilities(network, temperature, image.values(), shape, device);
    Prediction::most_probable(&mean, &artifact.classes, k)
}

/// The `k` most probable classes of an image file, in descending order.
///
/// # Errors
/// The file is not an image, is damaged or is too large.
pub fn predict_file(
    artifact: &Artifact,
    path: &Path,
    k: usize,
    device: impl Into<InferenceDevice>,
) -> Result<Vec<Prediction>, TrainError> {
    let image = InputImage::read(path, &artifact.input)?;
    Ok(image.predict(artifact, k, device))
}
