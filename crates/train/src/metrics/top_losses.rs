//! The images with the largest losses.

use super::{Answer, cross_entropy_at};
use receptive_inspect::{probabilities, top};

/// The images with the largest losses, with their predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct TopLosses {
    max: usize,
    temperature: Option<f64>,
    /// In descending order of the loss.
    found: Vec<TopLoss>,
}

/// One image with a large loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopLoss {
    /// The image's index in its split.
    pub index: usize,
    /// Its class.
    pub label: usize,
    /// The class with the largest logit.
    pub predicted: usize,
    /// The predicted class's probability.
    pub probability: f64,
    /// Its own class's probability.
    pub own_probability: f64,
    /// The cross entropy.
    pub loss: f64,
}

impl TopLosses {
    /// Keeps at most `max` images. Probabilities are those of the unscaled logits.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            temperature: None,
            found: Vec::new(),
        }
    }

    /// Uses calibrated probabilities: the logits are divided by the model's temperature, if it has one.
    #[must_use]
    pub fn with_temperature(self, temperature: Option<f64>) -> Self {
        Self {
            temperature,
            ..self
        }
    }

    /// Adds an image; of equal losses, the one added first comes first.
    pub fn add(&mut self, answer: &Answer<'_>) {
        let loss = cross_entropy_at(answer.logits, answer.label, self.temperature);
        let place = self.found.partition_point(|other| other.loss >= loss);
        let Some(&predicted) = top(answer.logits, 1).first() else {
            return;
        };
        if place >= self.max || loss.is_nan() {
            return;
        }
        let probabilities = probabilities(answer.logits, self.temperature);
        let probability = |class: usize| probabilities.get(class).copied().unwrap_or(0.0);
        let one = TopLoss {
            index: answer.index,
            label: answer.label,
            predicted,
            probability: probability(predicted),
            own_probability: probability(answer.label),
            loss,
        };
        self.found.insert(place, one);
        self.found.truncate(self.max);
    }

    /// The images, in descending order of the loss.
    pub fn found(&self) -> &[TopLoss] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_losses_come_first_and_the_rest_is_dropped() {
        let mut losses = TopLosses::new(2);
        for (index, logits) in [[2.0, 0.0], [0.0, 4.0], [0.0, 1.0], [f32::NAN, 0.0]]
            .iter()
            .enumerate()
        {
            losses.add(&Answer {
                index,
                label: 0,
                logits,
            });
        }
        let found = losses.found();
        assert_eq!([found[0].index, found[1].index], [1, 2]);
        assert_eq!((found.len(), found[0].predicted), (2, 1));
        assert!((found[0].probability - 0.982014).abs() < 1e-6);
        assert!((found[0].own_probability - 0.017986).abs() < 1e-6);
        assert!((found[0].loss - 4.018150).abs() < 1e-6);
    }
}
