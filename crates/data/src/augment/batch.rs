//! Augmentation of whole batches, such as mixup and CutMix.

/// The targets of mixed images: one probability per class.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftTargets {
    /// The number of classes.
    pub classes: usize,
    /// `[n, classes]`, row by row; each row sums to 1.
    pub values: Vec<f32>,
}

impl SoftTargets {
    /// A 1 at each label and 0 elsewhere (one-hot). `labels` must be below `classes`.
    pub fn from_labels(labels: &[usize], classes: usize) -> Self {
        let mut values = vec![0.0; labels.len() * classes];
        for (row, label) in values.chunks_exact_mut(classes.max(1)).zip(labels) {
            if let Some(value) = row.get_mut(*label) {
                *value = 1.0;
            }
        }
        Self { classes, values }
    }
}

/// An augmentation of a whole batch, applied after its images are augmented individually and normalised.
///
/// ```
/// use receptive_data::{BatchAugment, SoftTargets};
///
/// /// Half of each image and of its target is the next one's.
/// #[derive(Debug)]
/// struct Halves;
///
/// impl BatchAugment for Halves {
///     fn apply(
///         &self,
///         images: &mut [f32],
///         [n, ..]: [usize; 4],
///         targets: &mut SoftTargets,
///         _key: (u64, u64, u64),
///     ) {
///         for values in [images, &mut targets.values] {
///             let mut mixed = values.to_vec();
///             mixed.rotate_left(values.len() / n);
///             for (value, other) in values.iter_mut().zip(mixed) {
///                 *value = 0.5 * *value + 0.5 * other;
///             }
///         }
///     }
/// }
///
/// let mut targets = SoftTargets::from_labels(&[0, 2], 3);
/// Halves.apply(&mut [0.0, 1.0], [2, 1, 1, 1], &mut targets, (0, 0, 0));
/// assert_eq!(targets.values, [0.5, 0.0, 0.5, 0.5, 0.0, 0.5]);
/// ```
pub trait BatchAugment: std::fmt::Debug + Send + Sync {
    /// Changes `images` and `targets` in place. Must be a pure function of them and `key`, which is `(seed,
    /// epoch, index of the batch's first image)`: unique within the epoch, and the same when an epoch is
    /// resumed. Called from worker threads, in any order.
    ///
    /// # Shapes
    /// `images` is `[n, channels, height, width]` of `shape`, `targets` is `[n, classes]`.
    fn apply(
        &self,
        images: &mut [f32],
        shape: [usize; 4],
        targets: &mut SoftTargets,
        key: (u64, u64, u64),
    );
}
