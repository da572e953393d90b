//! A split at one image size, in batches that worker threads prepare ahead of time.

pub(crate) mod draws;
pub(crate) mod images;
pub(crate) mod loader;
pub(crate) mod options;
pub(crate) mod samples;
mod stats;

use crate::augment::batch::{BatchAugment, SoftTargets};
use crate::augment::normalize::Normalize;
use crate::augment::settings::Augment;
use crate::error::DataError;
use images::Images;
use receptive_core::panic;
use samples::Samples;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Some images with their labels, ready for a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[n, channels, height, width]`, `(value / 255 - mean) / std`; or bytes, for a device to normalise.
    pub images: Images,
    /// The label of each image, before any mixing.
    pub labels: Vec<usize>,
    /// `[n, classes]`: the targets instead of the labels, if a
    /// [`BatchAugment`](crate::BatchAugment) mixes images.
    pub soft_targets: Option<SoftTargets>,
    /// The index of each image in its split.
    pub indices: Vec<usize>,
    /// `[n, channels, height, width]`
    pub shape: [usize; 4],
}

/// Turns indices into a [`Batch`]; shared by all workers.
struct Pipeline {
    normalize: Arc<Normalize>,
    /// Whether images stay bytes.
    bytes: bool,
    augment: Augment,
    /// One per class if classes differ; otherwise empty, and `augment` applies to all.
    class_augments: Vec<Augment>,
    batch_augment: Option<Arc<dyn BatchAugment>>,
    mixing: Mixing,
    /// The mean colour, for erased pixels and [`Fill::Mean`](crate::Fill::Mean).
    fill: Vec<u8>,
    seed: u64,
    epoch: u64,
}

impl Pipeline {
    /// Builds the batch of these indices in `images`, which must be empty. `repeats` is as in
    /// [`Draws`](draws::Draws); only the images needed for `rows` are read.
    fn batch(
        &self,
        samples: &Samples,
        indices: &[usize],
        repeats: &[u64],
        rows: &Range<usize>,
        scratch: &mut Vec<u8>,
        mut images: Images,
    ) -> Result<Batch, DataError> {
        let size = samples.size();
        let mut labels = Vec::with_capacity(indices.len());
        let repeated = |place: usize| repeats.get(place).copied().unwrap_or(0);
        for (place, &index) in indices.iter().enumerate() {
            labels.push(samples.label(index));
            if !self.reads(place, rows, indices.len()) {
                images.append_blank(&size);
                continue;
            }
            catching(
                || samples.path(index),
                || {
                    samples.read_into(index, scratch)?; // [height, width, channels]
                    let again = repeated(place).wrapping_mul(samples.len() as u64);
                    let key = (self.seed, self.epoch, again.wrapping_add(index as u64));
                    let augment = self.class_augments.get(samples.label(index));
                    let augment = augment.unwrap_or(&self.augment);
                    augment.apply(scratch, &size, &self.fill, key);
                    images.append(scratch, &size, &self.normalize)
                },
            )?;
        }
        let shape = [indices.len(), size.channels, size.height, size.width];
        let mut soft_targets = None;
        if let (Some(augment), Some(&first)) = (&self.batch_augment, indices.first()) {
            let mut targets = SoftTargets::from_labels(&labels, samples.split().classes());
            catching(
                || format!("the batch that begins with {}", samples.path(first)),
                || {
                    let key = (self.seed, self.epoch, first as u64);
                    augment.apply(images.values_mut(), shape, &mut targets, key);
                    Ok(())
                },
            )?;
            soft_targets = Some(targets);
        }
        Ok(Batch {
            images,
            labels,
            soft_targets,
            indices: indices.to_vec(),
            shape,
        })
    }
}

impl Pipeline {
    /// Whether the image of `row` is needed to compute the rows `wanted`, in a batch of `length` rows.
    fn reads(&self, row: usize, wanted: &Range<usize>, length: usize) -> bool {
        match self.mixing {
            Mixing::None => wanted.contains(&row),
            Mixing::Before => {
                let next = (row + 1) % length.max(1);
                wanted.contains(&row) || wanted.contains(&next)
            }
            Mixing::Any => true,
        }
    }
}

/// The images on which one row of a batch depends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixing {
    /// Only its own.
    None,
    /// Its own and the preceding one (for the first row, the last).
    Before,
    /// Possibly all.
    Any,
}

/// The result of `work`, or its panic as an error about `image`. A panic must neither end the epoch early nor
/// leave the consumer waiting.
fn catching<T>(
    image: impl Fn() -> String,
    work: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(DataError::Panicked {
            image: image(),
            message: panic::message(&*panic),
        })
    })
}
