//! Training images as a network sees them, as bytes that can be drawn.

use crate::{Augment, DataError, Normalise, Sample, Samples};

/// Images of a split after their random changes: the pixels that a [`Loader`](crate::Loader) with
/// the same `augment`, `mean`, seed and epoch would normalise and deliver.
///
/// # Errors
///
/// A setting of `augment` out of range, an index out of range, a file that cannot be read (any
/// more).
pub fn augmented(
    samples: &Samples,
    indices: &[usize],
    augment: &Augment,
    mean: &[f32],
    (seed, epoch): (u64, u64),
) -> Result<Vec<Sample>, DataError> {
    augment.check()?;
    let size = samples.size();
    let fill = Normalise::neutral(mean);
    indices
        .iter()
        .map(|&index| {
            let Sample { pixels, label } = samples.get(index)?;
            let mut pixels = pixels.to_vec();
            augment.apply(&mut pixels, &size, &fill, (seed, epoch, index as u64));
            Ok(Sample {
                pixels: pixels.into(),
                label,
            })
        })
        .collect()
}
