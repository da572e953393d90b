//! Training curves.

use crate::html::{Figure, figure, table};
use crate::text::{Part, percent, percent_or_dash};
use maud::{Markup, html};
use receptive_core::text::counted;
use receptive_plot::Chart;
use receptive_train::{Epoch, RunLog, curve_panels, recall_panel};

#[derive(Debug)]
pub(crate) struct Curves {
    loss: Figure,
    top1: Figure,
    /// Only if the classes are imbalanced.
    recall: Option<Figure>,
    epochs: Vec<Epoch>,
}

impl Curves {
    /// `chooses_epoch`: whether the kept epoch is the best one instead of the last.
    pub(crate) fn new(log: &Part<RunLog>, shows_recall: bool, chooses_epoch: bool) -> Part<Self> {
        let log = log.as_ref().map_err(|sentence| {
            format!("There are no curves, since the log of the run is damaged: {sentence}")
        })?;
        if log.epochs.is_empty() {
            return Err("No epoch was completed, so there are no curves.".into());
        }
        let epochs: Vec<Epoch> = log
            .epochs
            .iter()
            .map(|epoch| epoch.marked(chooses_epoch))
            .collect();
        // One chart per figure: next to each other on a wide screen, below each other on a phone.
        let drawn = |panel| {
            let chart = Chart {
                x_label: "epoch".into(),
                x_whole: true,
                panels: vec![panel],
                ..Chart::new("")
            };
            Figure::drawn(&chart)
        };
        let [loss, top1] = curve_panels(&epochs);
        Ok(Self {
            loss: drawn(loss)?,
            top1: drawn(top1)?,
            recall: recall_panel(&epochs)
                .filter(|_| shows_recall)
                .map(drawn)
                .transpose()?,
            epochs,
        })
    }

    pub(crate) fn html(&self) -> Markup {
        let rows: Vec<Vec<String>> = self.epochs.iter().map(row).collect();
        let head = [
            "epoch",
            "training loss",
            "training top-1",
            "validation loss",
            "validation top-1",
            "learning rate",
            "images/s",
        ];
        let loss = self.words(
            "Loss",
            |epoch| Some(epoch.train_loss),
            |epoch| epoch.val_loss,
            |loss| format!("{loss:.3}"),
        );
        let top1 = self.words(
            "Top-1",
            |epoch| Some(epoch.train_top1),
            |epoch| epoch.val_top1,
            percent,
        );
        let recall_words = self.words(
            "Mean recall",
            |_| None,
            |epoch| epoch.val_mean_recall,
            percent,
        );
        html! {
            div.pair {
                (figure(&self.loss, &loss, &html! { "Loss per epoch." }))
                (figure(&self.top1, &top1, &html! { "Accuracy per epoch." }))
                @if let Some(recall) = &self.recall {
                    (figure(recall, &recall_words, &html! {
                        "The unweighted mean of the classes' recalls."
                    }))
                }
            }
            p.note {
                "Training is measured on augmented images, with the dropout, label smoothing and class weights of the \
                 run; validation without any of them."
            }
            details {
                summary { "Data table" }
                (table("Every epoch", &head, 1, &rows))
            }
        }
    }

    /// A description of the curves for screen readers.
    fn words(
        &self,
        what: &str,
        train: fn(&Epoch) -> Option<f64>,
        val: fn(&Epoch) -> Option<f64>,
        number: fn(f64) -> String,
    ) -> String {
        let way = |value: fn(&Epoch) -> Option<f64>| {
            let first = value(self.epochs.first()?)?;
            let last = value(self.epochs.last()?)?;
            Some(format!("from {} to {}", number(first), number(last)))
        };
        let mut words = format!("{what} over {}", counted(self.epochs.len(), "epoch"));
        for (name, way) in [("training", way(train)), ("validation", way(val))] {
            if let Some(way) = way {
                words += &format!("; {name} {way}");
            }
        }
        words
    }
}

fn row(epoch: &Epoch) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
    let best = if epoch.best { " ★" } else { "" };
    vec![
        format!("{}{best}", epoch.epoch),
        number(Some(epoch.train_loss)),
        percent(epoch.train_top1),
        number(epoch.val_loss),
        percent_or_dash(epoch.val_top1),
        format!("{:.2e}", epoch.learning_rate),
        format!("{:.0}", epoch.images_per_second),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_log_or_an_epoch_it_says_so() {
        let none = Curves::new(&Ok(RunLog::default()), false, true).unwrap_err();
        assert!(none.contains("No epoch"), "{none}");
        let unread = Curves::new(&Err("it is missing.".into()), false, true).unwrap_err();
        assert!(unread.contains("it is missing."), "{unread}");
    }

    #[test]
    fn a_run_without_validation_has_curves_and_dashes() {
        let epoch = |number: usize| Epoch {
            epoch: number,
            train_loss: 2.0 / number as f64,
            train_top1: 0.25 * number as f64,
            val_loss: None,
            val_top1: None,
            val_top5: None,
            val_mean_recall: None,
            learning_rate: 0.1,
            images_per_second: 100.0,
            data_wait: 0.0,
            seconds: number as f64,
            best: true,
            weights: receptive_train::Weights::Trained,
            erf: None,
        };
        let log = RunLog {
            epochs: vec![epoch(1), epoch(2)],
            ..RunLog::default()
        };
        let page = Curves::new(&Ok(log), true, false)
            .unwrap()
            .html()
            .into_string();
        assert!(page.contains("training from 2.000 to 1.000"), "{page}");
        assert!(!page.contains("; validation from"), "{page}");
        assert!(page.contains("<td class=\"number\">–</td>"), "{page}");
        assert!(
            !page.contains('★') && !page.contains("best epoch"),
            "{page}"
        );
    }
}
