//! Converting bytes to a network's normalised input.

use crate::error::DataError;
use receptive_core::ImageSize;

/// `(value / 255 - mean) / std` per channel, as a lookup table for the 256 values of a byte.
#[derive(Clone)]
pub struct Normalize {
    tables: Vec<[f32; 256]>,
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl std::fmt::Debug for Normalize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Normalize({} channels)", self.tables.len())
    }
}

impl Normalize {
    /// From the mean and standard deviation of every channel, in units of the full range (0 to 1).
    ///
    /// # Errors
    /// Unequal numbers of means and deviations, a mean that is not finite, or a deviation that is not positive
    /// and finite.
    pub fn new(mean: &[f32], std: &[f32]) -> Result<Self, DataError> {
        if mean.len() != std.len() || mean.is_empty() {
            return Err(DataError::setting(
                "mean and std",
                format!(
                    "expected one mean and one std per channel, found {} and {}",
                    mean.len(),
                    std.len()
                ),
            ));
        }
        let mut tables = Vec::with_capacity(mean.len());
        for (&mean, &std) in mean.iter().zip(std) {
            if !mean.is_finite() || !std.is_finite() || std <= 0.0 {
                return Err(DataError::setting(
                    "mean and std",
                    format!("mean {mean} and std {std}: both must be finite, and std above 0"),
                ));
            }
            tables.push(std::array::from_fn(|value| {
                (value as f32 / 255.0 - mean) / std
            }));
        }
        Ok(Self {
            tables,
            mean: mean.to_vec(),
            std: std.to_vec(),
        })
    }

    /// One channel, byte values unchanged; used if the options were rejected.
    pub(crate) fn identity() -> Self {
        Self {
            tables: vec![std::array::from_fn(|value| value as f32)],
            mean: vec![0.0],
            std: vec![1.0 / 255.0],
        }
    }

    /// Mean and standard deviation of each channel, in units of the full range (0 to 1).
    pub(crate) fn mean_and_std(&self) -> [&[f32]; 2] {
        [&self.mean, &self.std]
    }

    /// Appends one image to `out`.
    ///
    /// # Shapes
    /// `pixels` is `[height, width, channels]`; `[channels, height, width]` is appended.
    ///
    /// # Errors
    /// `pixels` does not have the length of `size`, or the number of channels differs from that of means.
    pub fn append(
        &self,
        pixels: &[u8],
        size: &ImageSize,
        out: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        self.check(pixels, size)?;
        self.append_unchecked(pixels, out);
        Ok(())
    }

    /// Checks that an image fits.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub(crate) fn check(&self, pixels: &[u8], size: &ImageSize) -> Result<(), DataError> {
        if pixels.len() != size.len() || size.channels != self.tables.len() {
            return Err(DataError::setting(
                "mean and std",
                format!(
                    "expected an image of {} channels of {} x {} pixels, with one mean and one std \
                     per channel, found {} bytes and {} means",
                    size.channels,
                    size.height,
                    size.width,
                    pixels.len(),
                    self.tables.len()
                ),
            ));
        }
        Ok(())
    }

    /// Appends one image, which has the right number of channels.
    pub(crate) fn append_unchecked(&self, pixels: &[u8], out: &mut Vec<f32>) {
        match self.tables.as_slice() {
            [table] => out.extend(pixels.iter().map(|&value| table[usize::from(value)])),
            tables => {
                for (channel, table) in tables.iter().enumerate() {
                    let plane = pixels.chunks_exact(tables.len());
                    out.extend(plane.map(|pixel| table[usize::from(pixel[channel])]));
                }
            }
        }
    }

    /// The byte nearest to each channel's mean, which is normalised to nearly 0. Erased pixels are filled with
    /// it.
    pub(crate) fn neutral(mean: &[f32]) -> Vec<u8> {
        mean.iter()
            .map(|mean| (mean * 255.0).round().clamp(0.0, 255.0) as u8)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_scaled_and_transposed() {
        let normalize = Normalize::new(&[0.0, 0.5, 1.0], &[1.0, 0.5, 2.0]).expect("valid");
        let size = ImageSize::new(3, 1, 2);
        let mut out = vec![9.0];
        normalize
            .append(&[0, 255, 255, 255, 0, 0], &size, &mut out)
            .expect("fits");
        assert_eq!(out, [9.0, 0.0, 1.0, 1.0, -1.0, 0.0, -0.5]);
    }

    #[test]
    fn impossible_numbers_are_rejected() {
        for (mean, std) in [
            (&[0.5][..], &[0.0][..]),
            (&[0.5], &[f32::NAN]),
            (&[f32::INFINITY], &[1.0]),
            (&[0.5], &[1.0, 1.0]),
            (&[], &[]),
        ] {
            assert!(Normalize::new(mean, std).is_err(), "{mean:?} {std:?}");
        }
        let normalize = Normalize::new(&[0.5], &[1.0]).expect("valid");
        let size = ImageSize::new(3, 1, 1);
        assert!(
            normalize
                .append(&[1, 2, 3], &size, &mut Vec::new())
                .is_err()
        );
    }
}
