//! What fine-tuning added to the model that the run started from.

use super::held_out::split_words;
use crate::html::table;
use crate::text::{Part, percent, percent_or_dash};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_train::{RunConfig, RunLog, Score};

/// Of a run that started from a trained model, as it was measured at its end.
#[derive(Debug)]
pub(crate) struct Gain(receptive_train::Gain);

impl Gain {
    /// `None` if the run started from random weights.
    pub(crate) fn new(config: &RunConfig, log: &Part<RunLog>) -> Option<Part<Self>> {
        config.start.as_ref()?;
        Some(log.as_ref().map_err(String::clone).and_then(|log| {
            let end = log.end.as_ref().and_then(|end| end.gain.clone());
            end.map(Self).ok_or_else(|| {
                "The run's log has no figures of the frozen features: it has not ended, no images were \
                 held out, or an older version trained it."
                    .into()
            })
        }))
    }

    /// For programs.
    pub(crate) fn figures(&self) -> &receptive_train::Gain {
        &self.0
    }

    pub(crate) fn html(&self) -> Markup {
        let rows: Vec<Vec<String>> = self.0.rows().map(|(name, score)| row(name, score)).into();
        let head = [
            "classifier",
            "top-1",
            "95 % interval",
            "mean recall",
            "images",
        ];
        let caption = format!(
            "Before and after fine-tuning, {}",
            split_words(&self.0.split)
        );
        html! {
            p { (self.0.verdict()) }
            (table(&caption, &head, 1, &rows))
            p.note {
                "The first two are fitted to the features of the network as the run found it: the nearest \
                 mean of a class's features, and a linear head alone. The interval (Wilson) is what so many \
                 images say of the top-1 of images like them; McNemar's test compares the answers image by \
                 image, and so tells more than whether two intervals overlap."
            }
        }
    }
}

fn row(name: &str, score: &Score) -> Vec<String> {
    let [low, high] = score.interval;
    vec![
        name.into(),
        percent(score.top1),
        format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        percent_or_dash(score.mean_recall),
        grouped(score.images),
    ]
}
