//! The classes a model sees in a picture.

use crate::evaluate::logits;
use crate::metrics::{softmax, top};
use crate::{TrainError, Workers};
use burn::tensor::Device;
use receptive_data::{Batch, DecodeLimits, Normalize, decode_file, fit};
use receptive_model::{Artifact, InputSpec};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A class and how probable the model holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The class's name.
    pub class: String,
    /// From 0 to 1; all classes' sum to 1.
    pub probability: f64,
}

/// The same as [`predict_file`] for each of many files, in their order, on all threads: one that
/// can't be read does not hide the others' answers.
///
/// # Errors
/// When a thread gives up, which is a bug.
pub fn predict_files(
    artifact: &Artifact,
    files: &[PathBuf],
    k: usize,
    workers: &Workers,
    device: &Device,
) -> Result<Vec<Result<Vec<Prediction>, TrainError>>, TrainError> {
    workers
        .map(
            files.len(),
            || artifact.clone(),
            |artifact, i| predict_file(artifact, &files[i], k, device),
        )
        .map_err(|reason| TrainError::Worker { step: 0, reason })
}

/// The `k` most probable classes of an image file, the most probable first.
///
/// # Errors
/// When the file is no image, is damaged or too large.
pub fn predict_file(
    artifact: &Artifact,
    path: &Path,
    k: usize,
    device: &Device,
) -> Result<Vec<Prediction>, TrainError> {
    Ok(Input::read(path, &artifact.input)?.predict(artifact, k, device))
}

/// One picture as a network's input.
pub(crate) struct Input {
    /// Resized, channels last.
    pub(crate) pixels: Vec<u8>,
    /// Normalised, a batch of one.
    pub(crate) batch: Batch,
}

impl Input {
    pub(crate) fn read(path: &Path, input: &InputSpec) -> Result<Self, TrainError> {
        let size = input.size();
        let picture = decode_file(path, &DecodeLimits::default())?;
        Self::of_pixels(fit(&picture, &size, input.resize)?, input)
    }

    /// Of pixels that have the network's size, channels last.
    pub(crate) fn of_pixels(pixels: Vec<u8>, input: &InputSpec) -> Result<Self, TrainError> {
        let size = input.size();
        let normalise = Normalize::new(&input.mean, &input.std)?;
        let mut images = Vec::with_capacity(pixels.len());
        normalise.append(&pixels, &size, &mut images)?;
        Ok(Self {
            batch: Batch {
                images: images.into(),
                labels: vec![0],
                soft_targets: None,
                indices: vec![0],
                shape: [1, size.channels, size.height, size.width],
            },
            pixels,
        })
    }

    /// The `k` most probable classes, the most probable first.
    pub(crate) fn predict(
        &self,
        artifact: &Artifact,
        k: usize,
        device: &Device,
    ) -> Vec<Prediction> {
        let probabilities = softmax(&logits(&artifact.model, &self.batch, device));
        let order: Vec<f32> = probabilities.iter().map(|p| *p as f32).collect();
        top(&order, k)
            .into_iter()
            .filter_map(|class| {
                Some(Prediction {
                    class: artifact.classes.get(class)?.clone(),
                    probability: probabilities[class],
                })
            })
            .collect()
    }
}
