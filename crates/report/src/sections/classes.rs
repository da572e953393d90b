//! Precision, recall and F1 of each class.

use super::HeldOutImages;
use crate::html::table;
use crate::text::{Part, percent_or_dash};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_model::Artifact;
use receptive_train::RunLog;
use receptive_train::metrics::{ClassReport, report};

#[derive(Debug)]
pub(crate) struct Classes {
    rows: Vec<ClassReport>,
    /// Why the rows come from the run's log.
    from_log: Option<String>,
}

/// With more classes, only the weakest are visible at first.
const MAX_OPEN: usize = 30;
/// Number of classes shown then.
const WEAKEST: usize = 15;
/// With more classes, not all are listed, to keep the page small.
const MAX_LISTED: usize = 1000;
/// Number of classes listed then.
const LISTED: usize = 200;

impl Classes {
    pub(crate) fn new(
        held_out: &Part<HeldOutImages>,
        log: &Part<RunLog>,
        artifact: &Artifact,
    ) -> Part<Self> {
        match held_out {
            Ok(held_out) => Ok(Self {
                rows: report(&held_out.evaluation.confusion, &artifact.classes),
                from_log: None,
            }),
            Err(reason) => Self::logged(log, reason),
        }
    }

    /// The figures from the end of training.
    fn logged(log: &Part<RunLog>, reason: &str) -> Part<Self> {
        let end = log.as_ref().ok().and_then(|log| log.end.as_ref());
        let rows = end.map_or(Vec::new(), |end| end.classes.clone());
        if rows.is_empty() {
            return Err(reason.into());
        }
        Ok(Self {
            rows,
            from_log: Some(reason.into()),
        })
    }

    pub(crate) fn html(&self) -> Markup {
        let is_listed = self.rows.len() <= MAX_LISTED;
        let mut rows: Vec<Vec<String>> = match is_listed {
            true => self.rows.iter().map(row).collect(),
            false => self.weakest(LISTED),
        };
        let (listed, all) = (grouped(rows.len()), grouped(self.rows.len()));
        rows.push(self.mean());
        let head = ["class", "precision", "recall", "F1", "images"];
        let table = |caption: &str, rows: &[Vec<String>]| table(caption, &head, 1, rows);
        let summary = match is_listed {
            true => "All classes".to_string(),
            false => format!("The {listed} weakest of {all} classes"),
        };
        html! {
            @if let Some(reason) = &self.from_log {
                p.missing { (reason) " These are the figures from the end of training." }
            }
            @if self.rows.len() > MAX_OPEN {
                (table("The weakest classes, by F1", &self.weakest(WEAKEST)))
                details { summary { (summary) } (table("Precision, recall and F1", &rows)) }
                @if !is_listed { p.note { "The run's log.jsonl has the figures of all " (all) " classes." } }
            } @else { (table("Precision, recall and F1", &rows)) }
            p.note {
                "Precision: the fraction of the images predicted as the class that belong to it. \
                 Recall: the fraction of the class's images predicted as it. F1: their harmonic \
                 mean. Mean: the unweighted mean over classes. A dash means undefined."
            }
        }
    }

    /// The classes with the lowest F1; a class that is neither present nor predicted has none.
    fn weakest(&self, count: usize) -> Vec<Vec<String>> {
        let mut known: Vec<(f64, &ClassReport)> = self
            .rows
            .iter()
            .filter_map(|row| Some((row.f1?, row)))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        known
            .iter()
            .take(count)
            .map(|(_, class)| row(class))
            .collect()
    }

    /// The unweighted mean over classes.
    fn mean(&self) -> Vec<String> {
        let mean = |value: fn(&ClassReport) -> Option<f64>| {
            let known: Vec<f64> = self.rows.iter().filter_map(value).collect();
            let count = known.len();
            percent_or_dash((count > 0).then(|| known.iter().sum::<f64>() / count as f64))
        };
        vec![
            "mean".into(),
            mean(|row| row.precision),
            mean(|row| row.recall),
            mean(|row| row.f1),
            grouped(self.rows.iter().map(|row| row.images).sum()),
        ]
    }
}

fn row(class: &ClassReport) -> Vec<String> {
    vec![
        class.class.clone(),
        percent_or_dash(class.precision),
        percent_or_dash(class.recall),
        percent_or_dash(class.f1),
        grouped(class.images),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_never_predicted_has_a_dash_and_does_not_count_in_the_mean() {
        let one = |class: &str, precision, recall, images| ClassReport {
            class: class.into(),
            images,
            precision,
            recall,
            f1: recall,
        };
        let classes = Classes {
            rows: vec![
                one("a", Some(0.5), Some(1.0), 3),
                one("b", None, Some(0.0), 1),
            ],
            from_log: None,
        };
        let [_, precision, recall, _, images] = classes.mean().try_into().unwrap();
        assert_eq!(
            [precision, recall, images],
            ["50.0\u{a0}%", "50.0\u{a0}%", "4"]
        );
        assert!(
            classes
                .html()
                .into_string()
                .contains("<td class=\"number\">–</td>")
        );
    }

    #[test]
    fn of_many_classes_the_weakest_come_first_and_all_are_there() {
        let one = |class: usize| ClassReport {
            class: format!("class {class}"),
            images: 1,
            precision: None,
            recall: None,
            f1: (class != 5).then_some(1.0 - class as f64 / 100.0),
        };
        let mut classes = Classes {
            rows: (0..40).map(one).collect(),
            from_log: None,
        };
        let weakest = classes.weakest(WEAKEST);
        assert_eq!((weakest.len(), weakest[0][0].as_str()), (15, "class 39"));
        let page = classes.html().into_string();
        assert_eq!(page.matches("class 39").count(), 2);
        assert_eq!(page.matches("class 5<").count(), 1);
        classes.rows.truncate(30);
        assert!(!page.contains("log.jsonl"), "{page}");
        assert!(!classes.html().into_string().contains("weakest"));
    }

    #[test]
    fn of_very_many_classes_the_weakest_are_listed_and_the_mean_is_of_all() {
        let one = |class: usize| ClassReport {
            class: format!("class {class}"),
            images: 1,
            precision: None,
            recall: None,
            f1: Some(class as f64 / 21_843.0),
        };
        let classes = Classes {
            rows: (0..21_843).map(one).collect(),
            from_log: None,
        };
        let page = classes.html().into_string();
        assert!(page.len() < 60_000, "{}", page.len());
        assert!(page.contains("The 200 weakest of 21,843 classes"), "{page}");
        assert!(
            page.contains("log.jsonl has the figures of all 21,843"),
            "{page}"
        );
        assert!(
            page.contains("class 199<") && !page.contains("class 200<"),
            "{page}"
        );
        // The mean of 0/21843 to 21842/21843, and the total number of images.
        assert!(
            page.contains("50.0\u{a0}%") && page.contains("21,843</td>"),
            "{page}"
        );
    }

    #[test]
    fn without_images_and_without_an_end_it_says_why() {
        let reason = "The images were deleted.";
        assert_eq!(
            Classes::logged(&Ok(RunLog::default()), reason).unwrap_err(),
            reason
        );
        assert_eq!(
            Classes::logged(&Err("x".into()), reason).unwrap_err(),
            reason
        );
    }
}
