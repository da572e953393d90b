//! The numbers of images on which the recipe depends.

use receptive_data::{DataSet, Split};

/// The numbers of images on which the recipe depends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counts {
    /// Training images.
    pub(super) train: usize,
    /// Validation images.
    pub(super) val: usize,
    /// Validation images of the smallest class that has any.
    pub(super) val_of_smallest: usize,
    /// Training images per class, on average.
    pub(super) per_class: usize,
    /// Training images of the smallest class that has any, and of the largest class.
    pub(super) extremes: [usize; 2],
    /// How many times as many training images the largest class has as another, on average over the classes.
    pub(super) mean_ratio: f64,
    /// Classes.
    pub(super) classes: usize,
    /// Whether the images may be photographs.
    pub(super) are_coloured: bool,
}

impl Counts {
    pub(crate) fn of(data: &DataSet) -> Self {
        Self {
            train: data.train.len(),
            val: data.val.len(),
            val_of_smallest: extremes(&data.val)[0],
            extremes: extremes(&data.train),
            mean_ratio: mean_ratio(&data.train),
            classes: data.classes.len(),
            per_class: data.train.len() / data.classes.len().max(1),
            are_coloured: data.natural_size().is_none_or(|size| size.channels == 3),
        }
    }

    /// How many times as many training images the largest class has as the smallest.
    pub(super) fn ratio(self) -> f64 {
        let [smallest, largest] = self.extremes.map(|count| count.max(1) as f64);
        largest / smallest
    }
}

/// The numbers of images of the smallest class that has any and of the largest class.
fn extremes(split: &Split) -> [usize; 2] {
    let counts = counts(split);
    [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0))
}

/// How many times as many images the largest class has as another, on average over the classes that have any.
fn mean_ratio(split: &Split) -> f64 {
    let counts = counts(split);
    let largest = counts.iter().copied().max().unwrap_or(1) as f64;
    let ratios: f64 = counts.iter().map(|count| largest / *count as f64).sum();
    ratios / counts.len().max(1) as f64
}

/// The numbers of images of the classes that have any.
fn counts(split: &Split) -> Vec<usize> {
    let counts = split.class_counts().into_iter();
    counts.filter(|count| *count > 0).collect()
}
