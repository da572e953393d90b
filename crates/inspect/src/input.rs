use crate::error::InspectError;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::{
    DecodeLimits, ImageIdentity, ImageSize, Normalize, Picture, fit, identify, identify_file,
};
use receptive_model::{Artifact, Classifier, InferenceDevice, InferenceNetwork, InputSpec};
use receptive_plot::Tile;
use serde::Serialize;
use std::cmp::Ordering;
use std::path::Path;

/// A class and its predicted probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The class's name.
    pub class: String,
    /// The probability, from 0 to 1; those of all classes sum to 1.
    pub probability: f64,
}

impl Prediction {
    /// The `k` most probable classes in decreasing order; `probabilities` has one value per class.
    pub fn most_probable(probabilities: &[f64], classes: &[String], k: usize) -> Vec<Self> {
        let order: Vec<f32> = probabilities.iter().map(|p| *p as f32).collect();
        top(&order, k)
            .into_iter()
            .filter_map(|class| {
                Some(Self {
                    class: classes.get(class)?.clone(),
                    probability: probabilities[class],
                })
            })
            .collect()
    }
}

/// One image as a network's input.
#[derive(Debug, Clone)]
pub struct InputImage {
    /// The resized image as bytes: `[height, width, channels]`.
    pixels: Vec<u8>,
    /// The normalised values: `[channels, height, width]`.
    values: Vec<f32>,
    size: ImageSize,
    identity: Option<ImageIdentity>,
}

impl InputImage {
    /// Reads an image file and resizes it to the network's input.
    ///
    /// # Errors
    /// If the file is not an image, is damaged or too large.
    pub fn read(path: &Path, input: &InputSpec) -> Result<Self, InspectError> {
        Self::read_within(path, input, &DecodeLimits::default())
    }

    /// Like [`read`](Self::read), with other limits.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_within(
        path: &Path,
        input: &InputSpec,
        limits: &DecodeLimits,
    ) -> Result<Self, InspectError> {
        let (image, identity) = identify_file(path, limits)?;
        Self::identified(&image, identity, input)
    }

    /// Like [`read`](Self::read), from the bytes of an image file; `name` is used in error
    /// messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_bytes(bytes: &[u8], name: &Path, input: &InputSpec) -> Result<Self, InspectError> {
        Self::from_bytes_within(bytes, name, input, &DecodeLimits::default())
    }

    /// Like [`from_bytes`](Self::from_bytes), with other limits.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_bytes_within(
        bytes: &[u8],
        name: &Path,
        input: &InputSpec,
        limits: &DecodeLimits,
    ) -> Result<Self, InspectError> {
        let (image, identity) = identify(bytes, name, limits)?;
        Self::identified(&image, identity, input)
    }

    fn identified(
        image: &Picture,
        identity: ImageIdentity,
        input: &InputSpec,
    ) -> Result<Self, InspectError> {
        let pixels = fit(image, &input.size(), input.fit())?;
        Ok(Self {
            identity: Some(identity),
            ..Self::from_pixels(pixels, input)?
        })
    }

    /// From `pixels` that already have the network's size: `[height, width, channels]`.
    ///
    /// # Errors
    /// If they do not.
    pub fn from_pixels(pixels: Vec<u8>, input: &InputSpec) -> Result<Self, InspectError> {
        let size = input.size();
        let normalize = Normalize::new(&input.mean, &input.std)?;
        let mut values = Vec::with_capacity(pixels.len());
        normalize.append(&pixels, &size, &mut values)?;
        Ok(Self {
            pixels,
            values,
            size,
            identity: None,
        })
    }

    /// The image's identity, from its content; `None` if it was not read from a file's bytes.
    pub fn identity(&self) -> Option<&ImageIdentity> {
        self.identity.as_ref()
    }

    /// The resized image as bytes: `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The normalised values: `[channels, height, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Height, width and channels.
    pub fn size(&self) -> [usize; 3] {
        [self.size.height, self.size.width, self.size.channels]
    }

    /// The image as a batch of one, `[1, channels, height, width]`.
    pub fn tensor(&self, device: &Device) -> Tensor<4> {
        let [height, width, channels] = self.size();
        let data = TensorData::new(self.values.clone(), [1, channels, height, width]);
        Tensor::from_data(data, device)
    }

    /// One logit per class. `device` is the model's.
    pub fn logits(&self, model: &Classifier, device: impl Into<InferenceDevice>) -> Vec<f32> {
        let device = device.into();
        self.logits_by(&model.prepare(&device), &device)
    }

    pub(crate) fn logits_by(
        &self,
        network: &InferenceNetwork,
        device: &InferenceDevice,
    ) -> Vec<f32> {
        let logits = network.forward(self.tensor(device));
        logits.into_data().iter::<f32>().collect()
    }

    /// The `k` most probable classes in decreasing order.
    pub fn predict(
        &self,
        artifact: &Artifact,
        k: usize,
        device: impl Into<InferenceDevice>,
    ) -> Vec<Prediction> {
        let device = device.into();
        self.predict_by(&artifact.model.prepare(&device), artifact, k, &device)
    }

    /// Like [`predict`](Self::predict), with the artifact's model prepared for many images.
    pub fn predict_by(
        &self,
        network: &InferenceNetwork,
        artifact: &Artifact,
        k: usize,
        device: &InferenceDevice,
    ) -> Vec<Prediction> {
        let logits = self.logits_by(network, device);
        Prediction::most_probable(
            &probabilities(&logits, artifact.temperature),
            &artifact.classes,
            k,
        )
    }

    /// The image as a tile for figures.
    pub fn tile(&self) -> Tile {
        tile(&self.pixels, self.size())
    }
}

/// Channels-last pixels as a tile; `size` is height, width and channels.
pub(crate) fn tile(pixels: &[u8], [height, width, channels]: [usize; 3]) -> Tile {
    match channels {
        3 => Tile::rgb(width, height, pixels),
        1 => Tile::grey(width, height, pixels),
        // Other numbers of channels cannot be displayed, so only the first one is.
        more => {
            let first: Vec<u8> = pixels.iter().step_by(more).copied().collect();
            Tile::grey(width, height, &first)
        }
    }
}

/// The indices of the `k` largest values in decreasing order; the first of equal values comes
/// first.
pub fn top(values: &[f32], k: usize) -> Vec<usize> {
    if k == 1 {
        // A single pass without a list of all indices, which for 20,000 classes would take much of
        // an evaluation's time.
        let indices = 0..values.len();
        let first = indices.reduce(|best, at| match values[at].total_cmp(&values[best]) {
            Ordering::Greater => at,
            _ => best,
        });
        return first.into_iter().collect();
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    let larger = |a: &usize, b: &usize| values[*b].total_cmp(&values[*a]).then(a.cmp(b));
    // Only these few out of thousands of classes are sorted.
    if k < order.len() {
        order.select_nth_unstable_by(k, larger);
        order.truncate(k);
    }
    order.sort_unstable_by(larger);
    order
}

/// Probabilities from logits, in f64.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    probabilities(logits, None)
}

/// Probabilities from logits divided by a model's temperature
/// ([`Artifact::temperature`](receptive_model::Artifact::temperature)), in f64.
pub fn probabilities(logits: &[f32], temperature: Option<f64>) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let temperature = temperature.unwrap_or(1.0);
    let powers: Vec<f64> = logits
        .iter()
        .map(|x| (f64::from(x - largest) / temperature).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_match_scipy() {
        // scipy.special.softmax([1, 2, 3]).
        let probabilities = softmax(&[1.0, 2.0, 3.0]);
        for (ours, scipy) in probabilities
            .iter()
            .zip([0.09003057, 0.24472847, 0.66524096])
        {
            assert!((ours - scipy).abs() < 1e-8);
        }
    }

    #[test]
    fn a_temperature_flattens_or_sharpens_and_keeps_the_order() {
        // scipy.special.softmax([0.5, 1, 1.5]) and softmax([2, 4, 6]).
        for (temperature, expected) in [
            (2.0, [0.18632372, 0.30719589, 0.50648039]),
            (0.5, [0.01587624, 0.11731043, 0.86681333]),
        ] {
            let found = probabilities(&[1.0, 2.0, 3.0], Some(temperature));
            for (ours, scipy) in found.iter().zip(expected) {
                assert!((ours - scipy).abs() < 1e-8, "{found:?}");
            }
        }
    }

    #[test]
    fn of_equal_values_the_first_comes_first() {
        assert_eq!(top(&[0.5, 2.0, 0.5, -1.0], 3), [1, 0, 2]);
        // With `k = 1`, too, the first of several maxima is returned.
        for values in [
            &[0.5, 2.0, 0.5, 2.0][..],
            &[-1.0],
            &[],
            &[0.0, f32::NAN, 3.0],
            &[-0.0, 0.0],
        ] {
            assert_eq!(top(values, 1).first(), top(values, 2).first(), "{values:?}");
        }
    }
}
