//! The confusion matrix, and precision, recall and F1 per class.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often images of each class were predicted as each class. Only counts above 0 are stored: a full matrix
/// for 20,000 classes would take gigabytes, and an evaluation fills few of its cells.
///
/// In JSON it is one field: with up to [`MAX_ROWS`](Self::MAX_ROWS) classes `confusion`, the rows of the
/// matrix; with more classes `confusion_counts`, a list of `[true class, predicted class, count]` for each
/// count above 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// By (true class, predicted class).
    counts: BTreeMap<(usize, usize), usize>,
}

impl Confusion {
    /// Maximum number of classes for the whole matrix in JSON.
    pub const MAX_ROWS: usize = 1000;

    /// An empty matrix.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: BTreeMap::new(),
        }
    }

    /// Counts one image.
    pub fn add(&mut self, label: usize, predicted: usize) {
        self.add_many(label, predicted, 1);
    }

    /// Counts several images of one class with the same prediction.
    pub(crate) fn add_many(&mut self, label: usize, predicted: usize, count: usize) {
        if label.max(predicted) < self.classes && count > 0 {
            *self.counts.entry((label, predicted)).or_default() += count;
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How often images of class `label` were predicted as class `predicted`.
    pub fn count(&self, label: usize, predicted: usize) -> usize {
        self.counts.get(&(label, predicted)).copied().unwrap_or(0)
    }

    /// The counts above 0 as (true class, predicted class, count), in row-major order.
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let counts = self.counts.iter();
        counts.map(|((label, predicted), count)| (*label, *predicted, *count))
    }

    /// The row of a true class: how often its images were predicted as each class.
    pub fn row(&self, label: usize) -> Vec<usize> {
        let mut row = vec![0; self.classes];
        for ((_, predicted), count) in self.counts.range((label, 0)..(label + 1, 0)) {
            row[*predicted] = *count;
        }
        row
    }

    /// Number of images of each class.
    pub fn images(&self) -> Vec<usize> {
        self.sums(|label, _| label)
    }

    /// How often each class was predicted.
    pub fn predictions(&self) -> Vec<usize> {
        self.sums(|_, predicted| predicted)
    }

    fn sums(&self, class: fn(usize, usize) -> usize) -> Vec<usize> {
        let mut sums = vec![0; self.classes];
        for (label, predicted, count) in self.entries() {
            sums[class(label, predicted)] += count;
        }
        sums
    }

    /// Number of images counted.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Number of images classified correctly.
    pub fn correct(&self) -> usize {
        let right = self
            .entries()
            .filter(|(label, predicted, _)| label == predicted);
        right.map(|(.., count)| count).sum()
    }

    /// For each class, the number of images classified correctly and of all images.
    pub(crate) fn by_class(&self) -> Vec<[usize; 2]> {
        let images = self.images().into_iter().enumerate();
        images
            .map(|(class, images)| [self.count(class, class), images])
            .collect()
    }

    /// The mean recall over the classes that have images.
    pub fn mean_recall(&self) -> Option<f64> {
        mean_recall(&self.by_class())
    }

    /// The most frequent confusions: true class, predicted class, count.
    pub fn worst(&self, pairs: usize) -> Vec<(usize, usize, usize)> {
        let mut all: Vec<(usize, usize, usize)> = self
            .entries()
            .filter(|(label, predicted, _)| label != predicted)
            .collect();
        all.sort_by_key(|(label, predicted, count)| (usize::MAX - count, *label, *predicted));
        all.truncate(pairs);
        all
    }

    /// At most `max` classes, in their order: those of the most frequent confusions, then those with the most
    /// images.
    pub(crate) fn most_confused(&self, max: usize) -> Vec<usize> {
        let mut chosen = BTreeSet::new();
        for (label, predicted, _) in self.worst(usize::MAX) {
            let pair = BTreeSet::from([label, predicted]);
            // Only whole pairs: one class of a pair shows no confusion.
            if chosen.union(&pair).count() <= max {
                chosen.extend(pair);
            }
            if chosen.len() == max {
                break;
            }
        }
        let images = self.images();
        let mut rest: Vec<usize> = (0..self.classes).collect();
        rest.sort_by_key(|class| (usize::MAX - images[*class], *class));
        for class in rest {
            if chosen.len() >= max {
                break;
            }
            chosen.insert(class);
        }
        chosen.into_iter().collect()
    }
}

impl Serialize for Confusion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        if self.classes <= Self::MAX_ROWS {
            let rows: Vec<Vec<usize>> = (0..self.classes).map(|label| self.row(label)).collect();
            map.serialize_entry("confusion", &rows)?;
        } else {
            let counts: Vec<[usize; 3]> = self
                .entries()
                .map(|(label, predicted, count)| [label, predicted, count])
                .collect();
            map.serialize_entry("confusion_counts", &counts)?;
        }
        map.end()
    }
}

/// The results for one class. A ratio with denominator 0 is `None`, not 0 or 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The class's name.
    pub class: String,
    /// Number of its images.
    pub images: usize,
    /// Precision: the fraction of images predicted as this class that belong to it.
    pub precision: Option<f64>,
    /// Recall: the fraction of images of this class that are predicted as it.
    pub recall: Option<f64>,
    /// F1: the harmonic mean of precision and recall.
    pub f1: Option<f64>,
}

/// Precision, recall and F1 of each class.
pub fn report(confusion: &Confusion, classes: &[String]) -> Vec<ClassReport> {
    let (images, predictions) = (confusion.images(), confusion.predictions());
    classes
        .iter()
        .enumerate()
        .map(|(class, name)| {
            let images = images.get(class).copied().unwrap_or(0);
            let taken = predictions.get(class).copied().unwrap_or(0);
            let right = confusion.count(class, class);
            let ratio = |whole: usize| (whole > 0).then(|| right as f64 / whole as f64);
            ClassReport {
                class: name.clone(),
                images,
                precision: ratio(taken),
                recall: ratio(images),
                f1: (taken + images > 0).then(|| 2.0 * right as f64 / (taken + images) as f64),
            }
        })
        .collect()
}

/// The mean recall over the classes that have images, each given as the number of correct ones and of all.
pub(crate) fn mean_recall(classes: &[[usize; 2]]) -> Option<f64> {
    let with_images = classes.iter().filter(|[_, images]| *images > 0);
    let recalls: Vec<f64> = with_images
        .map(|[correct, images]| *correct as f64 / *images as f64)
        .collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_matches_scikit_learn() {
        // sklearn.metrics.classification_report([0,0,0,1,1,2], [0,0,1,1,1,0]):
        // 0: .667 .667 .667; 1: .667 1. .8; 2: 0 (undefined) 0 0.
        let mut confusion = Confusion::new(3);
        for (label, predicted) in [0, 0, 0, 1, 1, 2].into_iter().zip([0, 0, 1, 1, 1, 0]) {
            confusion.add(label, predicted);
        }
        let names = ["a", "b", "c"].map(String::from);
        let rows = report(&confusion, &names);
        let near = |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() < 1e-9;
        assert!(near(rows[0].precision, 2.0 / 3.0) && near(rows[0].f1, 2.0 / 3.0));
        assert!(near(rows[1].recall, 1.0) && near(rows[1].f1, 0.8));
        assert_eq!(rows[2].precision, None);
        assert!(near(rows[2].recall, 0.0) && near(rows[2].f1, 0.0));
        assert_eq!((confusion.correct(), confusion.total()), (4, 6));
        assert_eq!(confusion.worst(1), [(0, 1, 1)]);
        // sklearn.metrics.balanced_accuracy_score of the same data.
        assert!(near(confusion.mean_recall(), (2.0 / 3.0 + 1.0) / 3.0));
        assert_eq!(Confusion::new(3).mean_recall(), None);
    }

    fn counted(classes: usize, pairs: &[(usize, usize, usize)]) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for (label, predicted, count) in pairs {
            (0..*count).for_each(|_| confusion.add(*label, *predicted));
        }
        confusion
    }

    #[test]
    fn rows_and_sums_are_those_of_the_whole_matrix() {
        let confusion = counted(3, &[(0, 0, 2), (0, 2, 1), (2, 0, 4)]);
        let rows: Vec<Vec<usize>> = (0..3).map(|label| confusion.row(label)).collect();
        assert_eq!(rows, [[2, 0, 1], [0, 0, 0], [4, 0, 0]]);
        assert_eq!(confusion.images(), [3, 0, 4]);
        assert_eq!(confusion.predictions(), [6, 0, 1]);
        assert_eq!((confusion.count(2, 0), confusion.count(1, 0)), (4, 0));
        // A label or prediction outside the classes is not counted.
        let before = confusion.clone();
        let mut confusion = confusion;
        confusion.add(3, 0);
        confusion.add(0, 3);
        assert_eq!(confusion, before);
    }

    #[test]
    fn json_has_the_whole_matrix_of_few_classes_and_the_counts_of_many() {
        let json = |confusion: &Confusion| serde_json::to_value(confusion).unwrap();
        let few = json(&counted(2, &[(0, 1, 3)]));
        assert_eq!(few, serde_json::json!({ "confusion": [[0, 3], [0, 0]] }));
        let limit = json(&Confusion::new(Confusion::MAX_ROWS));
        assert_eq!(limit["confusion"].as_array().map(Vec::len), Some(1000));
        let many = json(&counted(1001, &[(7, 7, 2), (1000, 0, 1)]));
        let counts = serde_json::json!({ "confusion_counts": [[7, 7, 2], [1000, 0, 1]] });
        assert_eq!(many, counts);
    }

    #[test]
    fn the_most_confused_classes_come_in_whole_pairs_then_by_images() {
        let confusion = counted(9, &[(8, 2, 5), (4, 8, 3), (0, 1, 2), (6, 6, 9), (3, 3, 1)]);
        assert_eq!(confusion.most_confused(2), [2, 8]);
        assert_eq!(confusion.most_confused(3), [2, 4, 8]);
        // Only one class of the pair 0, 1 would fit, so class 6 is added, which has the most images.
        assert_eq!(confusion.most_confused(4), [2, 4, 6, 8]);
        assert_eq!(confusion.most_confused(99), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
