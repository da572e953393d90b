//! A split's images as inputs for measuring a receptive field.

use crate::error::TrainError;
use receptive_data::{Normalize, Samples};
use receptive_erf::{Inputs, Region};
use receptive_model::InputSpec;
use std::sync::Arc;

/// The images of a split, normalised as in training. Consecutive indices are far apart in the split, so that
/// the first few images cover all classes.
#[derive(Debug)]
pub struct SplitInputs {
    samples: Arc<Samples>,
    normalize: Normalize,
    step: usize,
}

impl SplitInputs {
    /// Inputs from `samples`, which must not be empty and must have the size given by `input`.
    ///
    /// # Errors
    /// If `samples` is empty or has another size, or `input` has no usable mean and deviation.
    pub fn new(samples: Arc<Samples>, input: &InputSpec) -> Result<Self, TrainError> {
        if samples.is_empty() {
            return Err(TrainError::setting(
                "input",
                "the split has no images; choose another data set",
            ));
        }
        Ok(Self {
            step: far_step(samples.len()),
            normalize: Normalize::new(&input.mean, &input.std)?,
            samples,
        })
    }

    fn index(&self, sample: u64) -> usize {
        let images = self.samples.len() as u64;
        ((sample % images) * self.step as u64 % images) as usize
    }
}

impl Inputs for SplitInputs {
    fn shape(&self) -> [usize; 3] {
        let size = self.samples.size();
        [size.channels, size.height, size.width]
    }

    fn part(&self, sample: u64, part: &Region) -> Result<Vec<f32>, String> {
        let size = self.samples.size();
        let read = || {
            let image = self.samples.get(self.index(sample))?;
            let mut values = Vec::with_capacity(image.pixels.len());
            self.normalize.append(&image.pixels, &size, &mut values)?;
            Ok::<_, receptive_data::DataError>(values)
        };
        let whole = read().map_err(|error| error.to_string())?;
        receptive_erf::cut(&whole, self.shape(), part)
    }

    fn count(&self) -> Option<u64> {
        Some(self.samples.len() as u64)
    }
}

/// A step near the golden section of `count` and coprime to it, so that it visits every index.
fn far_step(count: usize) -> usize {
    let near = (count as f64 * 0.618) as usize;
    (near.max(1)..count.max(2))
        .find(|step| common_divisor(*step, count) == 1)
        .unwrap_or(1)
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_comes_once_and_neighbours_lie_apart() {
        for count in [1, 2, 3, 10, 60, 1000, 4096] {
            let step = far_step(count);
            let mut seen: Vec<usize> = (0..count).map(|n| n * step % count).collect();
            if count > 10 {
                assert!(seen[1] > count / 4, "{count}: {step}");
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count), "{count}: {step}");
        }
    }
}
