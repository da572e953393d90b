//! The gain of fine-tuning over the frozen features.

use super::{Baselines, Score, baseline_rows};
use crate::evaluate::Evaluation;
use receptive_core::proportion::sign_test;
use receptive_core::text::{counted, percent};
use serde::{Deserialize, Serialize};

/// A fine-tuned model compared with the classifiers on the frozen features, on the same images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The split: `test`, or `val` without a test split.
    pub split: String,
    /// The nearest class mean of the frozen features.
    pub nearest_mean: Score,
    /// Only a head, trained on the frozen features.
    pub head_only: Score,
    /// The kept model.
    pub fine_tuned: Score,
    /// Images classified correctly by the fine-tuned model but not by the head alone.
    pub gained: usize,
    /// Images classified correctly by the head alone but not by the fine-tuned model.
    pub lost: usize,
    /// The p-value of McNemar's exact test on these counts.
    pub p: f64,
    /// Whether the kept model is the pretrained network with the fitted head: no other layer was trained.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_head: bool,
}

/// Below this p-value two models differ significantly.
const SIGNIFICANT: f64 = 0.05;

impl Gain {
    /// `None` if the baselines are for other images than this evaluation; `right` tells for each image whether
    /// the fine-tuned model classified it correctly.
    pub(crate) fn new(
        baselines: &Baselines,
        split: &str,
        evaluation: &Evaluation,
        right: &[bool],
        only_head: bool,
    ) -> Option<Self> {
        let of = baselines.splits.iter().find(|one| one.split == split)?;
        if of.head_right.len() != right.len() {
            return None;
        }
        let pairs = || right.iter().zip(&of.head_right);
        let gained = pairs().filter(|(now, before)| **now && !**before).count();
        let lost = pairs().filter(|(now, before)| !**now && **before).count();
        Some(Self {
            split: split.into(),
            nearest_mean: of.nearest_mean.clone(),
            head_only: of.head_only.clone(),
            fine_tuned: Score::of(evaluation),
            gained,
            lost,
            p: sign_test(gained, lost),
            only_head,
        })
    }

    /// The comparison over the images of several, such as the folds of a cross-validation; `None` without any.
    pub(crate) fn of_all(gains: &[&Self]) -> Option<Self> {
        let first = gains.first()?;
        let sum = |count: fn(&Self) -> usize| gains.iter().map(|gain| count(gain)).sum::<usize>();
        let score = |of: fn(&Self) -> &Score| Score::of_all(gains.iter().map(|gain| of(gain)));
        let [gained, lost] = [sum(|gain| gain.gained), sum(|gain| gain.lost)];
        Some(Self {
            split: first.split.clone(),
            nearest_mean: score(|gain| &gain.nearest_mean)?,
            head_only: score(|gain| &gain.head_only)?,
            fine_tuned: score(|gain| &gain.fine_tuned)?,
            gained,
            lost,
            p: sign_test(gained, lost),
            only_head: gains.iter().all(|gain| gain.only_head),
        })
    }

    /// The results by name, from the least to the most training.
    pub fn rows(&self) -> Vec<(&'static str, &Score)> {
        let mut rows = baseline_rows(&self.nearest_mean, &self.head_only).to_vec();
        if !self.only_head {
            rows.push(("fine-tuned", &self.fine_tuned));
        }
        rows
    }

    /// Whether the gain is significant, and whether the simplest classifier does better, in sentences.
    pub fn verdict(&self) -> String {
        let mut verdict = self.of_fine_tuning();
        if self.nearest_mean.top1 > self.fine_tuned.top1 {
            verdict += &format!(
                " The nearest class mean classifies more of these images correctly ({}).",
                percent(self.nearest_mean.top1)
            );
        }
        verdict
    }

    fn of_fine_tuning(&self) -> String {
        let images = counted(self.fine_tuned.images, "image");
        if self.only_head {
            return "Only the head was trained, so the model that is kept is \"head only\".".into();
        }
        if self.gained + self.lost == 0 {
            return format!(
                "Of {images}, fine-tuning and the head alone classify the same ones correctly."
            );
        }
        let are = if self.gained == 1 { "is" } else { "are" };
        let counts = format!(
            "Of {images}, {} {are} classified correctly only after fine-tuning and {} only by the head alone",
            self.gained, self.lost
        );
        if self.gained == self.lost {
            return format!("{counts}: no difference.");
        }
        let test = format!("(McNemar's exact test, p = {})", p_value(self.p));
        if self.p >= SIGNIFICANT {
            return format!("{counts}: the difference may be due to chance {test}.");
        }
        let direction = if self.gained > self.lost {
            "better"
        } else {
            "worse"
        };
        format!("{counts}: fine-tuning is {direction} than the head alone {test}.")
    }
}

impl Score {
    /// `89.0 % [81.7, 93.6]`.
    pub fn words(&self) -> String {
        let [low, high] = self.interval;
        format!(
            "{} [{:.1}, {:.1}]",
            percent(self.top1),
            100.0 * low,
            100.0 * high
        )
    }
}

fn p_value(p: f64) -> String {
    if p < 0.001 {
        "below 0.001".into()
    } else {
        format!("{p:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::SplitBaselines;
    use super::*;
    use crate::evaluate::EvaluationSums;

    /// Two classifiers on the same images of two classes: true where they are right.
    fn gain(head: &[bool], tuned: &[bool]) -> Gain {
        let evaluation = |right: &[bool]| {
            let mut sums = EvaluationSums::new(2);
            for right in right {
                sums.add(&[1.0, 0.0], usize::from(!right));
            }
            sums.finish()
        };
        let baselines = Baselines {
            seconds: 0.0,
            splits: vec![SplitBaselines {
                split: "test".into(),
                nearest_mean: Score::of(&evaluation(head)),
                head_only: Score::of(&evaluation(head)),
                head_right: head.to_vec(),
            }],
        };
        assert!(Gain::new(&baselines, "val", &evaluation(tuned), tuned, false).is_none());
        Gain::new(&baselines, "test", &evaluation(tuned), tuned, false).unwrap()
    }

    #[test]
    fn a_difference_of_few_images_cannot_be_told_and_one_of_many_can() {
        let mut head = [true; 100];
        head[..20].fill(false);
        let mut tuned = head;
        tuned[..4].fill(true);
        tuned[99] = false;
        let few = gain(&head, &tuned);
        assert_eq!((few.gained, few.lost), (4, 1));
        assert!((few.p - 0.375).abs() < 1e-12); // 2 * (1 + 5) / 32
        assert!(
            few.verdict().contains("may be due to chance"),
            "{}",
            few.verdict()
        );
        assert_eq!(few.head_only.words(), "80.0 % [71.1, 86.7]");

        tuned[..18].fill(true);
        let many = gain(&head, &tuned);
        assert!(
            many.verdict().contains("better than the head alone"),
            "{}",
            many.verdict()
        );
        let mut moved = head;
        moved[..2].fill(true);
        moved[98..].fill(false);
        let level = gain(&head, &moved).verdict();
        assert!(
            level.contains("2 only by the head alone: no difference."),
            "{level}"
        );
        let all = Gain::of_all(&[&few, &gain(&head, &moved)]).unwrap();
        assert_eq!((all.gained, all.lost, all.fine_tuned.images), (6, 3, 200));
        assert!((all.head_only.top1 - 0.8).abs() < 1e-12);
        // Recalls are of all images, not the mean of the parts' (here 0.5 and 0).
        let parts = [&[true, true, true, false][..], &[false, false]];
        let parts = parts.map(|right| gain(right, right).head_only);
        let pooled = Score::of_all(parts.iter()).unwrap();
        assert_eq!(pooled.classes, [[3, 3], [0, 3]]);
        assert_eq!(pooled.mean_recall, Some(0.5));
        assert_eq!(all.p, sign_test(6, 3));
        assert_eq!(Gain::of_all(&[]), None);
        let alone = Gain {
            only_head: true,
            ..gain(&head, &head)
        };
        assert_eq!(alone.rows().len(), 2);
        assert!(
            alone.verdict().contains("Only the head"),
            "{}",
            alone.verdict()
        );
        let worse = gain(&tuned, &head);
        // The nearest class mean is the head's equal here.
        assert!(
            worse
                .verdict()
                .contains("nearest class mean classifies more")
        );
        assert!(worse.verdict().contains("worse"), "{}", worse.verdict());
        assert!(
            gain(&head, &head)
                .verdict()
                .contains("classify the same ones correctly")
        );
    }
}
