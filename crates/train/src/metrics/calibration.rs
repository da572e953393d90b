//! The calibration of a model's probabilities, and temperature scaling.
//!
//! A network is calibrated if, for example, 80 % of the images predicted with a probability of 80 % are
//! classified correctly. Trained networks are usually overconfident. Temperature scaling (Guo et al. 2017)
//! divides all logits by one number, fitted on the validation split, which changes probabilities but not
//! predictions.

use super::{Answer, cross_entropy_at};
use receptive_inspect::{probabilities, top};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of bins of equal width, from 0 to 1, for the expected calibration error.
pub const RELIABILITY_BINS: usize = 15;
/// Minimum size of a validation split for fitting a temperature: with fewer images its relative standard error
/// exceeds a fifth, and it would do harm as often as good.
pub const MIN_CALIBRATION_IMAGES: usize = 50;
/// A temperature outside this range indicates a network that is always right, or no better than chance.
const RANGE: [f64; 2] = [0.05, 20.0];
/// Maximum number of logits kept for the fit: 64 MiB.
const MAX_VALUES: usize = 16 << 20;

/// The images with a largest probability in one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower bound of the bin's probabilities, exclusive.
    pub lower: f64,
    /// Upper bound, inclusive.
    pub upper: f64,
    /// Number of images.
    pub images: usize,
    /// The mean probability of their predicted classes; `None` without images.
    pub confidence: Option<f64>,
    /// Their accuracy; `None` without images.
    pub accuracy: Option<f64>,
}

/// The calibration of a split's probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// The mean negative logarithm of the probability of an image's own class.
    pub nll: f64,
    /// The expected calibration error (Naeini et al. 2015): the mean absolute difference between confidence and
    /// accuracy over the bins, weighted by their numbers of images.
    pub ece: f64,
    /// Bins of equal width of the predicted class's probability, from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// The calibration of a model's probabilities on a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The model's temperature; `None` if it was not fitted.
    pub temperature: Option<f64>,
    /// For the unscaled logits.
    pub before: Reliability,
    /// For the logits divided by the temperature; `None` if there is none.
    pub after: Option<Reliability>,
}

/// Computes a [`Calibration`] image by image.
#[derive(Debug, Clone)]
pub struct CalibrationSums {
    temperature: Option<f64>,
    before: ReliabilitySums,
    after: ReliabilitySums,
}

impl CalibrationSums {
    /// For a model with this temperature.
    pub fn new(temperature: Option<f64>) -> Self {
        Self {
            temperature,
            before: ReliabilitySums::default(),
            after: ReliabilitySums::default(),
        }
    }

    /// Adds an image.
    pub fn add(&mut self, answer: &Answer<'_>) {
        self.before.add(answer, None);
        if self.temperature.is_some() {
            self.after.add(answer, self.temperature);
        }
    }

    /// The calibration on the images so far.
    pub fn finish(&self) -> Calibration {
        Calibration {
            temperature: self.temperature,
            before: self.before.finish(),
            after: self.temperature.map(|_| self.after.finish()),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct ReliabilitySums {
    images: usize,
    nll: f64,
    bins: [(usize, f64, usize); RELIABILITY_BINS],
}

impl ReliabilitySums {
    fn add(&mut self, answer: &Answer<'_>, temperature: Option<f64>) {
        let Some(&predicted) = top(answer.logits, 1).first() else {
            return;
        };
        let confidence = probabilities(answer.logits, temperature)[predicted];
        self.images += 1;
        self.nll += cross_entropy_at(answer.logits, answer.label, temperature);
        // A bin includes its upper bound. NaN goes to the first bin, whose mean then is NaN.
        let bin = (confidence * RELIABILITY_BINS as f64).ceil() as usize;
        let bin = bin.clamp(1, RELIABILITY_BINS) - 1;
        let (images, sum, right) = &mut self.bins[bin];
        *images += 1;
        *sum += confidence;
        *right += usize::from(predicted == answer.label);
    }

    fn finish(&self) -> Reliability {
        let all = self.images.max(1) as f64;
        let width = 1.0 / RELIABILITY_BINS as f64;
        let bins = self.bins.iter().enumerate();
        let bins: Vec<ReliabilityBin> = bins
            .map(|(at, (images, sum, right))| {
                let mean = |sum: f64| (*images > 0).then(|| sum / *images as f64);
                ReliabilityBin {
                    lower: at as f64 * width,
                    upper: (at + 1) as f64 * width,
                    images: *images,
                    confidence: mean(*sum),
                    accuracy: mean(*right as f64),
                }
            })
            .collect();
        let gaps = bins.iter().filter_map(|bin| {
            let gap = (bin.accuracy? - bin.confidence?).abs();
            Some(bin.images as f64 / all * gap)
        });
        Reliability {
            nll: self.nll / all,
            ece: gaps.sum(),
            bins,
        }
    }
}

/// Why no temperature was fitted; probabilities are then those of the unscaled logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationProblem {
    /// There is no validation split.
    NoValidation,
    /// It has fewer than [`MIN_CALIBRATION_IMAGES`].
    TooFew(usize),
    /// The likelihood has no maximum at a plausible temperature: all images are classified correctly, or no
    /// more than by chance.
    Unbounded,
}

impl fmt::Display for CalibrationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValidation => {
                f.write_str("there is no validation split to fit a temperature on")
            }
            Self::TooFew(images) => write!(
                f,
                "{images} validation images are too few to fit a temperature; at least \
                 {MIN_CALIBRATION_IMAGES} are needed"
            ),
            Self::Unbounded => f.write_str(
                "no temperature can be fitted: the model classifies all validation images \
                 correctly, or no better than chance",
            ),
        }
    }
}

/// The logits of a validation split, to fit a temperature on.
#[derive(Debug, Clone)]
pub struct ValLogits {
    classes: usize,
    /// Every `step`-th image is kept, to limit the memory.
    step: usize,
    images: usize,
    labels: Vec<usize>,
    logits: Vec<f32>,
}

impl ValLogits {
    /// For a split with this many images.
    pub fn new(images: usize, classes: usize) -> Self {
        let values = images.saturating_mul(classes);
        Self {
            classes,
            step: values.div_ceil(MAX_VALUES).max(1),
            images: 0,
            labels: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Adds the next image.
    pub fn add(&mut self, answer: &Answer<'_>) {
        let is_kept = self.images.is_multiple_of(self.step);
        self.images += 1;
        if is_kept && answer.logits.len() == self.classes && answer.label < self.classes {
            self.labels.push(answer.label);
            self.logits.extend_from_slice(answer.logits);
        }
    }

    /// The temperature with the smallest mean negative log likelihood.
    ///
    /// The loss is a convex function of the reciprocal of the temperature, so Newton's method within a bracket
    /// finds its only minimum. A single thread sums the images in order, so equal logits always give the same
    /// temperature.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn temperature(&self) -> Result<f64, CalibrationProblem> {
        if self.images == 0 {
            return Err(CalibrationProblem::NoValidation);
        }
        if self.images < MIN_CALIBRATION_IMAGES {
            return Err(CalibrationProblem::TooFew(self.images));
        }
        let [mut low, mut high] = [1.0 / RANGE[1], 1.0 / RANGE[0]];
        let slope = |at: f64| self.derivatives(at).0;
        // Both comparisons are false for NaN, which results from logits that are not finite.
        if !(slope(low) < 0.0 && slope(high) > 0.0) {
            return Err(CalibrationProblem::Unbounded);
        }
        let mut inverse = 1.0;
        for _ in 0..100 {
            let (first, second) = self.derivatives(inverse);
            if first > 0.0 {
                high = inverse;
            } else {
                low = inverse;
            }
            let newton = inverse - first / second;
            let next = match newton > low && newton < high {
                true => newton,
                false => 0.5 * (low + high),
            };
            let moved = (next - inverse).abs();
            inverse = next;
            if moved <= 1e-12 * inverse {
                break;
            }
        }
        Ok(1.0 / inverse)
    }

    /// The first and second derivative of the summed negative log likelihood with respect to the reciprocal
    /// temperature: the mean of the logits under the predicted probabilities minus the logit of the own class,
    /// and their variance.
    fn derivatives(&self, inverse: f64) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        for (logits, &label) in self.logits.chunks_exact(self.classes).zip(&self.labels) {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let (mut sum, mut mean, mut square) = (0.0, 0.0, 0.0);
            for logit in logits {
                let logit = f64::from(logit - largest);
                let power = (inverse * logit).exp();
                sum += power;
                mean += power * logit;
                square += power * logit * logit;
            }
            mean /= sum;
            first += mean - f64::from(logits[label] - largest);
            second += square / sum - mean * mean;
        }
        (first, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of the true class frequencies, multiplied by `scale`, which the fit must find.
    fn scaled(scale: f32) -> Vec<([f32; 3], usize)> {
        let mut images = Vec::new();
        for counts in [[6usize, 3, 1], [1, 8, 1], [2, 2, 6]] {
            let logits = counts.map(|count| scale * (count as f32 / 10.0).ln());
            for (label, count) in counts.into_iter().enumerate() {
                images.extend(std::iter::repeat_n((logits, label), 2 * count));
            }
        }
        images
    }

    fn answers(images: &[([f32; 3], usize)]) -> impl Iterator<Item = Answer<'_>> {
        images
            .iter()
            .enumerate()
            .map(|(index, (logits, label))| Answer {
                index,
                label: *label,
                logits,
            })
    }

    fn fit(images: &[([f32; 3], usize)]) -> Result<f64, CalibrationProblem> {
        let mut logits = ValLogits::new(images.len(), 3);
        answers(images).for_each(|answer| logits.add(&answer));
        logits.temperature()
    }

    #[test]
    fn the_temperature_undoes_the_scale_of_the_logits() {
        for scale in [0.2f32, 1.0, 3.0, 12.0] {
            let found = fit(&scaled(scale)).unwrap();
            let expected = f64::from(scale);
            assert!((found / expected - 1.0).abs() < 1e-6, "{scale}: {found}");
        }
    }

    #[test]
    fn calibrated_probabilities_have_a_smaller_loss_and_error() {
        let images = scaled(3.0);
        let mut sums = CalibrationSums::new(Some(fit(&images).unwrap()));
        answers(&images).for_each(|answer| sums.add(&answer));
        let Calibration { before, after, .. } = sums.finish();
        let after = after.unwrap();
        assert!(before.ece > 0.2 && after.ece < 1e-6, "{before:?} {after:?}");
        // The entropy of the frequencies, which is the minimum of the loss.
        let entropy = |shares: [f64; 3]| -> f64 { shares.iter().map(|p| -p * p.ln()).sum() };
        let least =
            (entropy([0.6, 0.3, 0.1]) + entropy([0.1, 0.8, 0.1]) + entropy([0.2, 0.2, 0.6])) / 3.0;
        assert!((after.nll - least).abs() < 1e-6 && before.nll > least + 0.2);
        let images: usize = after.bins.iter().map(|bin| bin.images).sum();
        assert_eq!((images, after.bins.len()), (60, RELIABILITY_BINS));
    }

    #[test]
    fn the_error_is_what_its_formula_says() {
        // Two images of confidence 0.9, one of them correct, and two of confidence 0.6, both correct.
        let sure = [0.9f32.ln(), 0.1f32.ln()];
        let unsure = [0.4f32.ln(), 0.6f32.ln()];
        let mut sums = CalibrationSums::new(None);
        for (logits, label) in [(&sure, 0), (&sure, 1), (&unsure, 1), (&unsure, 1)] {
            sums.add(&Answer {
                index: 0,
                label,
                logits,
            });
        }
        let Calibration { before, after, .. } = sums.finish();
        assert!(
            (before.ece - (0.5 * 0.4 + 0.5 * 0.4)).abs() < 1e-6,
            "{before:?}"
        );
        assert_eq!(after, None);
        let bin = &before.bins[13]; // 13/15 = 0.867 to 0.933
        assert_eq!((bin.images, bin.accuracy), (2, Some(0.5)));
    }

    #[test]
    fn without_enough_to_fit_on_nothing_is_fitted() {
        let few: Vec<_> = scaled(3.0).into_iter().take(49).collect();
        assert_eq!(fit(&few), Err(CalibrationProblem::TooFew(49)));
        assert_eq!(fit(&[]), Err(CalibrationProblem::NoValidation));
        let right = vec![([2.0, 0.0, 1.0], 0); 60];
        let wrong = vec![([2.0, 0.0, 1.0], 1); 60];
        let infinite = vec![([f32::NAN, 0.0, 1.0], 1); 60];
        for images in [right, wrong, infinite] {
            assert_eq!(fit(&images), Err(CalibrationProblem::Unbounded));
        }
    }

    #[test]
    fn of_very_many_logits_a_part_is_kept() {
        let classes = MAX_VALUES / 60;
        let mut logits = ValLogits::new(180, classes);
        let values = vec![0.0; classes];
        for index in 0..180 {
            logits.add(&Answer {
                index,
                label: index,
                logits: &values,
            });
        }
        assert_eq!((logits.labels.len(), logits.labels[1]), (60, 3));
    }
}
