//! The confusion matrix, and each class's precision, recall and F1.

use serde::{Deserialize, Serialize};

/// How often images of each class were predicted as each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Confusion {
    /// `[true class][predicted class]`.
    counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// All zero.
    pub fn new(classes: usize) -> Self {
        Self {
            counts: vec![vec![0; classes]; classes],
        }
    }

    /// Counts one image.
    pub fn add(&mut self, label: usize, predicted: usize) {
        if let Some(count) = self
            .counts
            .get_mut(label)
            .and_then(|row| row.get_mut(predicted))
        {
            *count += 1;
        }
    }

    /// The counts: `[true class][predicted class]`.
    pub fn rows(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// Number of images counted.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Number of images classified correctly.
    pub fn correct(&self) -> usize {
        self.counts
            .iter()
            .enumerate()
            .filter_map(|(class, row)| row.get(class))
            .sum()
    }

    /// The mean over the classes that have images of the share that is classified correctly.
    pub fn mean_recall(&self) -> Option<f64> {
        let recalls: Vec<f64> = (self.counts.iter().enumerate())
            .filter_map(|(class, row)| {
                let images: usize = row.iter().sum();
                let right = row.get(class).copied().unwrap_or(0);
                (images > 0).then(|| right as f64 / images as f64)
            })
            .collect();
        (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
    }

    /// The most frequent confusions: true class, predicted class, count.
    pub fn worst(&self, pairs: usize) -> Vec<(usize, usize, usize)> {
        let mut all: Vec<(usize, usize, usize)> = self
            .counts
            .iter()
            .enumerate()
            .flat_map(|(label, row)| {
                row.iter()
                    .enumerate()
                    .map(move |(predicted, count)| (label, predicted, *count))
            })
            .filter(|(label, predicted, count)| label != predicted && *count > 0)
            .collect();
        all.sort_by_key(|(label, predicted, count)| (usize::MAX - count, *label, *predicted));
        all.truncate(pairs);
        all
    }
}

/// The results for one class. A ratio whose denominator is 0 is `None`, not 0 or 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The class's name.
    pub class: String,
    /// Number of its images.
    pub images: usize,
    /// Precision: the share of images predicted as this class that belong to it.
    pub precision: Option<f64>,
    /// Recall: the share of images of this class that are predicted as it.
    pub recall: Option<f64>,
    /// F1: the harmonic mean of both.
    pub f1: Option<f64>,
}

/// Precision, recall and F1 of each class.
pub fn report(confusion: &Confusion, classes: &[String]) -> Vec<ClassReport> {
    let rows = confusion.rows();
    classes
        .iter()
        .enumerate()
        .map(|(class, name)| {
            let images = rows.get(class).map_or(0, |row| row.iter().sum());
            let taken: usize = rows.iter().filter_map(|row| row.get(class)).sum();
            let right = rows
                .get(class)
                .and_then(|row| row.get(class))
                .copied()
                .unwrap_or(0);
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
        // sklearn.metrics.balanced_accuracy_score of the same.
        assert!(near(confusion.mean_recall(), (2.0 / 3.0 + 1.0) / 3.0));
        assert_eq!(Confusion::new(3).mean_recall(), None);
    }
}
