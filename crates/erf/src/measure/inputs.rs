//! The images on which a network is measured.

use crate::map::Region;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use receptive_core::hash::mix;

/// Images by index. A sample is a pure function of its index, so any thread may read any of them.
pub trait Inputs: Sync {
    /// `[channels, height, width]` of each image.
    fn shape(&self) -> [usize; 3];

    /// A part of one image as the network takes it (normalised): `[channels, height, width]`,
    /// row-major.
    ///
    /// # Errors
    /// A sentence saying why the image cannot be loaded.
    fn part(&self, sample: u64, part: &Region) -> Result<Vec<f32>, String>;

    /// Number of different images; `None` for no limit.
    fn count(&self) -> Option<u64> {
        None
    }

    /// Whether distant parts of one image are as independent as two images.
    fn is_independent(&self) -> bool {
        false
    }
}

/// Standard normal noise, independent for every pixel.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// Seed of the generator.
    pub seed: u64,
}

impl Inputs for Noise {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn part(&self, sample: u64, part: &Region) -> Result<Vec<f32>, String> {
        let [channels, height, _] = self.shape;
        let image = mix(self.seed, sample);
        let mut values = Vec::with_capacity(channels * part.area());
        for channel in 0..channels {
            for row in part.top..part.bottom() {
                // One generator per row, so that a part needs only its own rows.
                let line = (channel * height) as u64 + row as u64;
                let mut generator = ChaCha8Rng::seed_from_u64(mix(image, line));
                for column in 0..part.right() {
                    let value: f32 = StandardNormal.sample(&mut generator);
                    if column >= part.left {
                        values.push(value);
                    }
                }
            }
        }
        Ok(values)
    }

    fn is_independent(&self) -> bool {
        true
    }
}

/// Whole images, computed by a function of their index.
pub struct ImageFunction<F> {
    shape: [usize; 3],
    count: Option<u64>,
    image: F,
}

impl<F> std::fmt::Debug for ImageFunction<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImageFunction")
            .field("shape", &self.shape)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(u64) -> Result<Vec<f32>, String> + Sync> ImageFunction<F> {
    /// `image(n)` returns the values of image `n` (below `count`), `[channels, height, width]`,
    /// row-major.
    pub fn new(shape: [usize; 3], count: Option<u64>, image: F) -> Self {
        Self {
            shape,
            count,
            image,
        }
    }
}

impl<F: Fn(u64) -> Result<Vec<f32>, String> + Sync> Inputs for ImageFunction<F> {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn part(&self, sample: u64, part: &Region) -> Result<Vec<f32>, String> {
        // If the network is redrawn for each sample, images are used repeatedly.
        let image = self.count.map_or(sample, |count| sample % count.max(1));
        cut(&(self.image)(image)?, self.shape, part)
    }

    fn count(&self) -> Option<u64> {
        self.count
    }
}

/// A part of a whole image `[channels, height, width]`, row-major.
///
/// # Errors
/// If the number of values does not match the shape.
pub fn cut(whole: &[f32], shape: [usize; 3], part: &Region) -> Result<Vec<f32>, String> {
    let [channels, height, width] = shape;
    if whole.len() != channels * height * width {
        return Err(format!(
            "it has {} values, but {channels} x {height} x {width} need {}",
            whole.len(),
            channels * height * width
        ));
    }
    let mut values = Vec::with_capacity(channels * part.area());
    for channel in 0..channels {
        for row in part.top..part.bottom() {
            let line = (channel * height + row as usize) * width;
            let columns = line + part.left as usize..line + part.right() as usize;
            values.extend_from_slice(&whole[columns]);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_from_the_same_image() {
        let noise = Noise {
            shape: [2, 7, 9],
            seed: 3,
        };
        let part = Region {
            top: 2,
            left: 4,
            height: 3,
            width: 2,
        };
        let whole = noise.part(5, &Region::image(7, 9)).unwrap();
        let images = ImageFunction::new([2, 7, 9], None, |_| Ok(whole.clone()));
        assert_eq!(noise.part(5, &part), images.part(0, &part));
        assert_ne!(noise.part(6, &part), noise.part(5, &part));
    }

    #[test]
    fn an_image_of_another_size_is_rejected() {
        let images = ImageFunction::new([1, 2, 2], None, |_| Ok(vec![0.0; 3]));
        let error = images.part(0, &Region::image(2, 2)).unwrap_err();
        assert!(error.contains("3 values"), "{error}");
    }
}
