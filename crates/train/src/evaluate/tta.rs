//! Test-time augmentation: a model's probabilities, averaged over several views of each image.

use crate::evaluate::forward::logits_of;
use receptive_data::Batch;
use receptive_inspect::probabilities;
use receptive_model::{InferenceDevice, InferenceNetwork};

/// The views of an image to average; none of them is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Tta {
    /// The image and its horizontal flip.
    Flip,
    /// The image, its four corner crops and its centre crop, seven eighths of its sides, resized to
    /// the input; each also flipped: twelve views.
    Crops,
}

/// The side of a crop relative to the image's: 224 of 256 pixels, as in the ten-crop test of
/// AlexNet (Krizhevsky et al. 2012).
const CROP: f32 = 0.875;
/// The left and top margin of each crop, as fractions of the available margin.
const CORNERS: [[f32; 2]; 5] = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]];

impl Tta {
    /// Number of views of an image.
    pub fn views(self) -> usize {
        2 * self.crops().count()
    }

    /// The crop for each pair of views; `None` for the whole image.
    fn crops(self) -> impl Iterator<Item = Option<[f32; 2]>> {
        let corners = match self {
            Self::Flip => &[][..],
            Self::Crops => &CORNERS,
        };
        std::iter::once(None).chain(corners.iter().copied().map(Some))
    }

    /// The mean probabilities over the views of normalised images, `[images, channels, height, width]`: one per
    /// class, image by image. The logits of each view are divided by `temperature`, if there is one.
    pub(crate) fn probabilities(
        self,
        network: &InferenceNetwork,
        temperature: Option<f64>,
        images: &[f32],
        shape: [usize; 4],
        device: &InferenceDevice,
    ) -> Vec<f64> {
        let classes = network.classifier().classes();
        let mut mean = vec![0.0; shape[0] * classes];
        let share = 1.0 / self.views() as f64;
        let mut add = |view: Vec<f32>| {
            let logits = logits_of(network, view, shape, device);
            let views = logits
                .chunks_exact(classes)
                .zip(mean.chunks_exact_mut(classes));
            for (logits, mean) in views {
                for (sum, one) in mean.iter_mut().zip(probabilities(logits, temperature)) {
                    *sum += share * one;
                }
            }
        };
        let size = [shape[2], shape[3]];
        for corner in self.crops() {
            let mut view = match corner {
                None => images.to_vec(),
                Some(corner) => crop(images, size, corner),
            };
            add(view.clone());
            view.chunks_exact_mut(size[1]).for_each(<[f32]>::reverse);
            add(view);
        }
        mean
    }

    /// The logarithms of the mean probabilities of a batch, used as logits.
    pub(crate) fn log_probabilities(
        self,
        network: &InferenceNetwork,
        temperature: Option<f64>,
        batch: &Batch,
        device: &InferenceDevice,
    ) -> Vec<f32> {
        let mean = self.probabilities(network, temperature, &batch.images, batch.shape, device);
        // Keeps the logit of a class with probability 0 finite.
        let log = |p: f64| p.max(f64::MIN_POSITIVE).ln() as f32;
        mean.into_iter().map(log).collect()
    }
}

/// A crop of each plane, resized to the plane's size bilinearly, with pixel centres at half-integers.
fn crop(planes: &[f32], [height, width]: [usize; 2], [left, top]: [f32; 2]) -> Vec<f32> {
    let along = |sides: usize, corner: f32| -> Vec<(usize, usize, f32)> {
        let part = (CROP * sides as f32).round().max(1.0);
        let start = ((sides as f32 - part) * corner).round();
        let last = start + part - 1.0;
        let place = |at: usize| {
            let place = start + (at as f32 + 0.5) * part / sides as f32 - 0.5;
            let place = place.clamp(start, last);
            let first = place as usize;
            (first, (first + 1).min(last as usize), place.fract())
        };
        (0..sides).map(place).collect()
    };
    let (rows, columns) = (along(height, top), along(width, left));
    let mut cropped = Vec::with_capacity(planes.len());
    for plane in planes.chunks_exact(height * width) {
        for (above, below, down) in &rows {
            for (first, second, right) in &columns {
                let at = |row: &usize| {
                    let (a, b) = (plane[row * width + first], plane[row * width + second]);
                    a + (b - a) * right
                };
                let (above, below) = (at(above), at(below));
                cropped.push(above + (below - above) * down);
            }
        }
    }
    cropped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_corners_at_the_size_of_the_image() {
        // An 8x8 ramp stays a ramp: 7 of 8 pixels from the corner, enlarged.
        let ramp: Vec<f32> = (0..64)
            .map(|i| (i % 8) as f32 + 10.0 * (i / 8) as f32)
            .collect();
        let near =
            |found: f32, wanted: f32| assert!((found - wanted).abs() < 1e-4, "{found} {wanted}");
        let [first, last] = [0.0, 6.0];
        for (corner, across, down) in [
            ([0.0, 0.0], 0.0, 0.0),
            ([1.0, 0.0], 1.0, 0.0),
            ([0.0, 1.0], 0.0, 1.0),
        ] {
            let cropped = crop(&ramp, [8, 8], corner);
            near(cropped[0], first + across + 10.0 * (first + down));
            near(cropped[63], last + across + 10.0 * (last + down));
            // (3 + 0.5) * 7/8 - 0.5 = 2.5625
            near(cropped[3 * 8 + 3], 2.5625 + across + 10.0 * (2.5625 + down));
        }
        assert_eq!(crop(&[1.0, 2.0], [1, 1], [0.5, 0.5]), [1.0, 2.0]);
    }

    #[test]
    fn views_are_counted() {
        assert_eq!((Tta::Flip.views(), Tta::Crops.views()), (2, 12));
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_mean_is_over_all_views_and_the_same_for_a_mirrored_image() {
        use burn::tensor::Device;
        use receptive_model::{Conv2dLayer, FlattenLayer, LinearLayer, ModelConfig};
        let device = InferenceDevice::from(Device::flex());
        let model = ModelConfig::new(1, 6, 14)
            .layer(Conv2dLayer::new(2, 3))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes())
            .with_classes(3);
        let model = model.plan().unwrap().init_seeded(1, &Device::flex());
        let model = model.prepare(Device::flex());
        // The centre of a crop of 12 of 14 columns is at a whole column.
        let image: Vec<f32> = (0..168)
            .map(|i| ((i * i) % 17) as f32 / 8.0 - 1.0)
            .collect();
        let mirrored: Vec<f32> = image
            .chunks(14)
            .flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>())
            .collect();
        let shape = [2, 1, 6, 14];
        let plain = |images: &[f32]| -> Vec<f64> {
            let logits = logits_of(&model, images.to_vec(), shape, &device);
            logits
                .chunks(3)
                .flat_map(|one| probabilities(one, Some(2.0)))
                .collect()
        };
        let mean = Tta::Flip.probabilities(&model, Some(2.0), &image, shape, &device);
        for ((mean, a), b) in mean.iter().zip(plain(&image)).zip(plain(&mirrored)) {
            assert!((mean - 0.5 * (a + b)).abs() < 1e-12);
        }
        for tta in [Tta::Flip, Tta::Crops] {
            let of = |images: &[f32]| tta.probabilities(&model, None, images, shape, &device);
            for (one, other) in of(&image).iter().zip(of(&mirrored)) {
                assert!((one - other).abs() < 1e-6, "{tta:?}");
            }
            assert!((of(&image)[..3].iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
