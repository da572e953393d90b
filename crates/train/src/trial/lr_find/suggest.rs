//! Suggested learning rates by fastai's rules (<https://docs.fast.ai/callback.schedule.html>). Each uses the
//! smoothed losses without the first tenth, in which the mean is still noisy, and without the last five, which
//! diverge.

use super::LrStep;
use serde::Serialize;

/// Suggested rates, by rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// In the middle of the longest decrease. Conservative, hence the default suggestion.
    pub valley: f64,
    /// Where the loss decreases fastest with the logarithm of the rate.
    pub steepest: f64,
    /// A tenth of the rate with the smallest loss.
    pub minimum_over_ten: f64,
}

/// Minimum relative decrease of the mean for a suggestion.
const FALL: f64 = 0.01;
/// Number of steps ignored at the end.
const DIVERGED: usize = 5;

impl Rates {
    /// `None` if the loss never decreased. `steps` is the planned number of steps.
    pub(super) fn from_steps(tried: &[LrStep], steps: usize) -> Option<Self> {
        let kept = tried.get(steps / 10..tried.len().saturating_sub(DIVERGED))?;
        let lowest = kept
            .iter()
            .min_by(|a, b| a.smoothed.total_cmp(&b.smoothed))?;
        let first = kept.first()?.smoothed;
        (kept.len() > 2 && lowest.smoothed < (1.0 - FALL) * first).then(|| Self {
            valley: kept[valley(kept)].learning_rate,
            steepest: kept[steepest(kept)].learning_rate,
            minimum_over_ten: lowest.learning_rate / 10.0,
        })
    }
}

/// fastai's valley: halfway through the middle third of the longest decreasing subsequence of losses.
fn valley(tried: &[LrStep]) -> usize {
    // The length of the longest decreasing subsequence that ends at each step.
    let mut lengths = vec![1usize; tried.len()];
    let mut end = 0;
    for i in 1..tried.len() {
        for j in 0..i {
            if tried[i].smoothed < tried[j].smoothed {
                lengths[i] = lengths[i].max(lengths[j] + 1);
            }
        }
        if lengths[i] > lengths[end] {
            end = i;
        }
    }
    // As in fastai: one before the first step of the subsequence, if that has no gaps.
    let start = end as i64 - lengths[end] as i64;
    let third = (end as i64 - start) as f64 / 3.0;
    (start + third as i64 + (third / 2.0) as i64).max(0) as usize
}

/// The step after which the loss decreases fastest.
fn steepest(tried: &[LrStep]) -> usize {
    let slope = |pair: &[LrStep]| {
        (pair[1].smoothed - pair[0].smoothed)
            / (pair[1].learning_rate.ln() - pair[0].learning_rate.ln())
    };
    let slopes = tried.windows(2).map(slope).enumerate();
    slopes
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::super::RangeTest;
    use super::*;

    fn curve(loss: impl Fn(f64) -> f64) -> Vec<LrStep> {
        let test = RangeTest::default();
        (0..test.steps)
            .map(|step| {
                let learning_rate = test.rate(step);
                let loss = loss(learning_rate.log10());
                LrStep {
                    step: step + 1,
                    learning_rate,
                    loss,
                    smoothed: loss,
                }
            })
            .collect()
    }

    /// Flat, then a decrease that is steepest at 1e-3 and ends at 1e-1, then divergence.
    fn typical(x: f64) -> f64 {
        let fall = 2.3 - 1.5 / (1.0 + (-4.0 * (x + 3.0)).exp());
        fall + if x > -1.0 {
            3.0 * (x + 1.0).powi(2)
        } else {
            0.0
        }
    }

    #[test]
    fn each_rule_reads_the_curve_as_fastai_does() {
        // fastai's valley, steep and minimum on the same losses, computed with numpy:
        //   lrs = 10.0 ** np.linspace(-7, 1, 100)[10:-5]; x = np.log10(lrs)
        //   losses = 2.3 - 1.5/(1+np.exp(-4*(x+3))) + np.where(x > -1, 3*(x+1)**2, 0)
        let rates = Rates::from_steps(&curve(typical), 100).unwrap();
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-6, "{a} is not {b}");
        near(rates.valley, VALLEY);
        near(rates.steepest, STEEPEST);
        near(rates.minimum_over_ten, MINIMUM / 10.0);
    }

    const VALLEY: f64 = 0.000_170_735_264_747_069_22;
    const STEEPEST: f64 = 0.000_911_162_756_115_489_6;
    const MINIMUM: f64 = 0.095_454_845_666_183_47;

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        assert_eq!(Rates::from_steps(&curve(|_| 2.3), 100), None);
        assert_eq!(Rates::from_steps(&curve(|x| 3.0 + 0.1 * x), 100), None);
        assert_eq!(Rates::from_steps(&[], 100), None);
        assert_eq!(Rates::from_steps(&curve(typical)[..12], 100), None);
    }
}
