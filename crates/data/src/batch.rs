//! One batch, and how its images are made.

use std::panic::{AssertUnwindSafe, catch_unwind};

use receptive_core::panic;

use crate::{Augment, DataError, Images, Normalise, Samples};

/// Some images with their labels, ready for a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[n, channels, height, width]`, `(value / 255 - mean) / std`.
    pub images: Images,
    /// The label of each image.
    pub labels: Vec<usize>,
    /// The place of each image in its split.
    pub indices: Vec<usize>,
    /// `[n, channels, height, width]`
    pub shape: [usize; 4],
}

/// What turns indices into a [`Batch`]; shared by all workers.
pub(crate) struct Recipe {
    pub(crate) normalise: Normalise,
    pub(crate) augment: Augment,
    /// The colour of erased pixels.
    pub(crate) fill: Vec<u8>,
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
}

impl Recipe {
    /// The batch of these indices, written into `images`, which is empty.
    pub(crate) fn batch(
        &self,
        samples: &Samples,
        indices: &[usize],
        scratch: &mut Vec<u8>,
        mut images: Images,
    ) -> Result<Batch, DataError> {
        let size = samples.size();
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            // A panic must neither end the epoch early nor leave the consumer waiting.
            let image = catch_unwind(AssertUnwindSafe(|| {
                samples.read_into(index, scratch)?;
                let key = (self.seed, self.epoch, index as u64);
                self.augment.apply(scratch, &size, &self.fill, key);
                self.normalise.append(scratch, &size, images.values_mut())
            }));
            image.unwrap_or_else(|panic| {
                Err(DataError::Panicked {
                    image: samples.path(index),
                    message: panic::message(&*panic),
                })
            })?;
            labels.push(samples.label(index));
        }
        let shape = [indices.len(), size.channels, size.height, size.width];
        Ok(Batch {
            images,
            labels,
            indices: indices.to_vec(),
            shape,
        })
    }
}
