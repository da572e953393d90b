//! The gradients of one logit, and the maps computed from them.

use crate::error::InspectError;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use receptive_erf::{Inputs, Map, Noise, Region};
use receptive_model::{AutodiffDevice, Classifier, InferenceDevice, WatchedLogits, exactly};

/// SmoothGrad's noise: its standard deviation relative to the range of the input's values.
const NOISE: f32 = 0.15;
/// The largest number of SmoothGrad's noisy copies in one backward pass.
pub const SMOOTH_COPIES: usize = 8;

/// Gradients of one class's logit with respect to a layer's units and to the pixels.
#[derive(Debug, Clone)]
pub struct ClassMaps {
    /// The logit.
    pub logit: f32,
    /// Grad-CAM's weights: for each channel of the layer the mean gradient of the logit over its
    /// units.
    pub weights: Vec<f32>,
    /// Grad-CAM over the layer's rows and columns: `max(sum of weight * map over channels, 0)`.
    pub cam: Map,
    /// The logit's gradient with respect to the normalised input, `[channels, height, width]`.
    pub gradient: Vec<f32>,
    /// Its largest absolute value over the channels, at each pixel.
    pub saliency: Map,
    /// The same for the mean gradient over noisy copies of the image.
    pub smooth: Option<Map>,
}

/// One forward and one backward pass in inference, and further ones for `smooth` noisy copies.
///
/// `image` is one normalised image, `[channels, height, width]`; `layer` is a number or name;
/// `device` is the model's.
///
/// # Errors
/// If the layer does not exist or outputs no feature maps, the class or the image does not fit the
/// network, or a gradient is not finite.
pub fn class_maps(
    model: &Classifier,
    image: &[f32],
    layer: &str,
    class: usize,
    smooth: usize,
    device: impl Into<InferenceDevice>,
) -> Result<ClassMaps, InspectError> {
    let input = model.input();
    let shape = [input.channels, input.height, input.width];
    if image.len() != shape.iter().product::<usize>() {
        return Err(InspectError::setting(
            "image",
            format!(
                "it has {} values, but the network takes {shape:?} (channels, height, width)",
                image.len()
            ),
        ));
    }
    if class >= model.classes() {
        return Err(InspectError::setting(
            "class",
            format!(
                "it is {class}, but the network has classes 0 to {}",
                model.classes().saturating_sub(1)
            ),
        ));
    }
    let device = &device.into().autodiff();
    let logit = Logit {
        model: model.copied_to(device).freeze(),
        layer,
        class,
        shape,
        device,
    };
    let (watched, units, gradient) = logit.backward(image.to_vec())?;
    let [_, channels, rows, columns] = watched.maps.dims();
    let area = (rows * columns).max(1);
    let weights: Vec<f32> = units
        .chunks(area)
        .map(|one| (one.iter().map(|g| f64::from(*g)).sum::<f64>() / area as f64) as f32)
        .collect();
    let maps: Vec<f32> = watched.maps.into_data().iter::<f32>().collect();
    let cam = Map::from_fn(Region::image(rows, columns), |row, column| {
        let place = row as usize * columns + column as usize;
        let sum: f64 = (0..channels)
            .map(|channel| f64::from(weights[channel]) * f64::from(maps[channel * area + place]))
            .sum();
        sum.max(0.0)
    });
    let logits: Vec<f32> = watched.logits.into_data().iter::<f32>().collect();
    Ok(ClassMaps {
        logit: logits[class],
        weights,
        cam,
        saliency: saliency(&gradient, shape),
        smooth: match smooth {
            0 => None,
            copies => Some(saliency(&logit.smooth(image, copies)?, shape)),
        },
        gradient,
    })
}

/// The logit of one class, and the layer whose units it is differentiated with respect to.
struct Logit<'a> {
    model: Classifier,
    layer: &'a str,
    class: usize,
    shape: [usize; 3],
    device: &'a AutodiffDevice,
}

impl Logit<'_> {
    /// One forward and one backward pass for all images in `values`: the gradients of the sum of
    /// their logits with respect to the layer's units and to the pixels.
    fn backward(
        &self,
        values: Vec<f32>,
    ) -> Result<(WatchedLogits, Vec<f32>, Vec<f32>), InspectError> {
        let [channels, height, width] = self.shape;
        let batch = values.len() / (channels * height * width).max(1);
        let data = TensorData::new(values, [batch, channels, height, width]);
        let images = Tensor::<4>::from_data(data, self.device).require_grad();
        // Where the logit does not depend on an input, its gradient must be exactly 0.
        let (watched, gradients) = exactly(|| {
            let watched = self.model.forward_watching(images.clone(), self.layer)?;
            let logit = watched
                .logits
                .clone()
                .slice([0..batch, self.class..self.class + 1])
                .sum();
            let gradients = logit.backward();
            Ok::<_, InspectError>((watched, gradients))
        })?;
        // There is no gradient if the logit does not depend on the tensor.
        let read = |tensor: &Tensor<4>| -> Vec<f32> {
            match tensor.grad(&gradients) {
                Some(gradient) => gradient.into_data().iter::<f32>().collect(),
                None => vec![0.0; tensor.dims().iter().product()],
            }
        };
        let (units, pixels) = (read(&watched.offset), read(&images));
        if !units.iter().chain(&pixels).all(|value| value.is_finite()) {
            return Err(InspectError::setting(
                "image",
                format!(
                    "the gradient of class {} is not finite; look for weights that are NaN, \
                     infinite, or so large that a product of layers overflows",
                    self.class
                ),
            ));
        }
        Ok((watched, units, pixels))
    }

    /// The mean gradient with respect to the pixels over noisy copies.
    fn smooth(&self, image: &[f32], copies: usize) -> Result<Vec<f32>, InspectError> {
        let (low, high) = image
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        let deviation = NOISE * (high - low);
        let noise = Noise {
            shape: self.shape,
            seed: 0,
        };
        let whole = Region::image(self.shape[1], self.shape[2]);
        let mut sum = vec![0.0f64; image.len()];
        for first in (0..copies).step_by(SMOOTH_COPIES) {
            let mut noisy = Vec::new();
            for copy in first..copies.min(first + SMOOTH_COPIES) {
                let noise = noise
                    .part(copy as u64, &whole)
                    .map_err(|problem| InspectError::setting("smooth", problem))?;
                noisy.extend(image.iter().zip(noise).map(|(x, n)| x + deviation * n));
            }
            let (_, _, gradients) = self.backward(noisy)?;
            for one in gradients.chunks(image.len()) {
                for (sum, value) in sum.iter_mut().zip(one) {
                    *sum += f64::from(*value);
                }
            }
        }
        let mean = |sum: f64| (sum / copies as f64) as f32;
        Ok(sum.into_iter().map(mean).collect())
    }
}

/// The largest absolute value over the channels, at each pixel.
fn saliency(gradient: &[f32], [channels, height, width]: [usize; 3]) -> Map {
    Map::from_fn(Region::image(height, width), |row, column| {
        let place = row as usize * width + column as usize;
        (0..channels)
            .map(|channel| f64::from(gradient[channel * height * width + place].abs()))
            .fold(0.0, f64::max)
    })
}
