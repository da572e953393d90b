//! What fine-tuning added over the frozen features, in several runs.

use super::student::Spread;
use crate::baseline::Gain;
use receptive_core::text::counted;
use serde::{Deserialize, Serialize};

/// The top-1 accuracies of the classifiers that a [`Gain`] compares, as means over the runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeanGain {
    /// The nearest class mean of the frozen features.
    pub nearest_mean: Spread,
    /// Only a head, trained on the frozen features.
    pub head_only: Spread,
    /// The kept model's accuracy minus that of the head alone in the same run; its unit is 1, not a percent.
    pub difference: Spread,
    /// Whether no run has trained another layer than the head.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_head: bool,
}

impl MeanGain {
    /// `None` without any.
    pub(super) fn of(gains: &[&Gain]) -> Option<Self> {
        let spread = |of: fn(&Gain) -> f64| {
            let values: Vec<f64> = gains.iter().map(|gain| of(gain)).collect();
            Spread::of(&values)
        };
        Some(Self {
            nearest_mean: spread(|gain| gain.nearest_mean.top1)?.within(0.0, 1.0),
            head_only: spread(|gain| gain.head_only.top1)?.within(0.0, 1.0),
            difference: spread(|gain| gain.fine_tuned.top1 - gain.head_only.top1)?,
            only_head: gains.iter().all(|gain| gain.only_head),
        })
    }

    /// The classifiers by name.
    pub fn rows(&self) -> [(&'static str, &Spread); 2] {
        [
            ("nearest class mean", &self.nearest_mean),
            ("head only", &self.head_only),
        ]
    }

    /// Whether the mean difference can be told from chance, in a sentence.
    pub fn verdict(&self) -> String {
        if self.only_head {
            return "Only the head was trained, so the models that are kept are \"head only\"."
                .into();
        }
        let Spread { count, mean, .. } = self.difference;
        let points = |value: f64| format!("{:+.1}", 100.0 * value);
        let changed = format!(
            "Compared with the head alone, fine-tuning changes the top-1 accuracy by {} points",
            points(mean)
        );
        let runs = counted(count, "run");
        let Some([low, high]) = self.difference.interval else {
            return format!("{changed} in {runs}.");
        };
        let mean_of = format!(
            "{changed} in the mean of {runs} (95 % interval {} to {})",
            points(low),
            points(high)
        );
        match (low > 0.0, high < 0.0) {
            (true, _) => format!("{mean_of}: it is better."),
            (_, true) => format!("{mean_of}: it is worse."),
            _ => format!("{mean_of}, which may be due to chance."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Score;

    fn gain(head: f64, tuned: f64) -> Gain {
        let score = |top1| Score {
            images: 100,
            top1,
            interval: [0.0, 1.0],
            mean_recall: None,
            classes: Vec::new(),
        };
        Gain {
            split: "test".into(),
            nearest_mean: score(0.7),
            head_only: score(head),
            fine_tuned: score(tuned),
            gained: 0,
            lost: 0,
            p: 1.0,
            only_head: false,
        }
    }

    #[test]
    fn the_differences_of_the_runs_are_compared_not_their_means() {
        // The runs differ by ten points, fine-tuning by one to three from the head of its run.
        let gains = [gain(0.80, 0.81), gain(0.90, 0.93), gain(0.85, 0.87)];
        let [first, second, third] = &gains;
        let mean = MeanGain::of(&[first, second, third]).unwrap();
        assert!((mean.head_only.mean - 0.85).abs() < 1e-12);
        assert!((mean.difference.mean - 0.02).abs() < 1e-12);
        // 2 points, and 4.303 * 1 / sqrt(3) around them.
        let verdict = mean.verdict();
        assert!(
            verdict.contains("+2.0 points in the mean of 3 runs"),
            "{verdict}"
        );
        assert!(
            verdict.contains("-0.5 to +4.5), which may be due to chance"),
            "{verdict}"
        );

        let alike = MeanGain::of(&[first, &gain(0.90, 0.91)]).unwrap();
        assert!(
            alike.verdict().ends_with(": it is better."),
            "{}",
            alike.verdict()
        );
        let worse = MeanGain::of(&[&gain(0.90, 0.81), &gain(0.91, 0.82)]).unwrap();
        assert!(
            worse.verdict().ends_with(": it is worse."),
            "{}",
            worse.verdict()
        );

        let one = MeanGain::of(&[second]).unwrap().verdict();
        assert!(one.ends_with("by +3.0 points in 1 run."), "{one}");
        let head = Gain {
            only_head: true,
            ..gain(0.9, 0.9)
        };
        let only = MeanGain::of(&[&head]).unwrap().verdict();
        assert!(only.contains("Only the head"), "{only}");
        assert_eq!(MeanGain::of(&[]), None);
    }
}
