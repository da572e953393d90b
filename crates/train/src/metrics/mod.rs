//! Metrics of a classifier.

mod calibration;
mod confusion;
mod top_losses;

pub use calibration::{
    Calibration, CalibrationProblem, CalibrationSums, MIN_CALIBRATION_IMAGES, RELIABILITY_BINS,
    Reliability, ReliabilityBin, ValLogits,
};
pub(crate) use confusion::mean_recall;
pub use confusion::{ClassReport, Confusion, report};
pub use top_losses::{TopLoss, TopLosses};

/// A model's output for one image.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The image's index in its split.
    pub index: usize,
    /// Its class.
    pub label: usize,
    /// One logit per class.
    pub logits: &'a [f32],
}

/// Whether `label` is among the `k` largest logits. Of equal logits the one with the lower index counts as
/// larger, so a constant network classifies one class correctly, not all.
pub fn in_top(logits: &[f32], label: usize, k: usize) -> bool {
    let Some(own) = logits.get(label) else {
        return false;
    };
    let larger = logits
        .iter()
        .enumerate()
        .filter(|(class, value)| *value > own || (*value == own && *class < label))
        .count();
    larger < k && own.is_finite()
}

/// The loss of one image: the negative logarithm of its own class's probability.
pub(crate) fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    cross_entropy_at(logits, label, None)
}

/// The loss of logits divided by a temperature.
pub(crate) fn cross_entropy_at(logits: &[f32], label: usize, temperature: Option<f64>) -> f64 {
    let temperature = temperature.unwrap_or(1.0);
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled = |x: f32| f64::from(x - largest) / temperature;
    let sum: f64 = logits.iter().map(|x| scaled(*x).exp()).sum();
    logits
        .get(label)
        .map_or(f64::NAN, |own| sum.ln() - scaled(*own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_ties_once() {
        let logits = [0.5, 2.0, 0.5, -1.0];
        assert!(in_top(&logits, 1, 1) && !in_top(&logits, 0, 1));
        assert!(in_top(&logits, 0, 2) && !in_top(&logits, 2, 2));
        assert!(!in_top(&[f32::NAN; 3], 0, 1) && !in_top(&logits, 9, 4));
    }

    #[test]
    fn losses_match_scipy() {
        // -log of the last of scipy.special.softmax([1, 2, 3]).
        assert!((cross_entropy(&[1.0, 2.0, 3.0], 2) - 0.40760596).abs() < 1e-8);
        assert!(cross_entropy(&[1e30, 0.0], 1) > 1e29);
    }
}
