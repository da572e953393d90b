use serde::Serialize;

/// How often images of each class were taken for each class.
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

    /// How many images were counted.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// How many were taken for what they are.
    pub fn correct(&self) -> usize {
        self.counts
            .iter()
            .enumerate()
            .filter_map(|(class, row)| row.get(class))
            .sum()
    }

    /// The pairs of classes taken for one another most often: true, predicted, how often.
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
