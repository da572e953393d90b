//! The gain by fine-tuning over the pretrained model.

use super::held_out::split_words;
use crate::html::table;
use crate::text::{Part, percent, percent_or_dash};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_train::{MeanGain, RunConfig, RunLog, Score, SeriesMeans, Spread};

/// The gain of a run that started from a pretrained model, measured at its end.
#[derive(Debug)]
pub(crate) struct GainSection(receptive_train::Gain);

impl GainSection {
    /// `None` if the run started from random weights.
    pub(crate) fn new(config: &RunConfig, log: &Part<RunLog>) -> Option<Part<Self>> {
        config.start.as_ref()?;
        Some(log.as_ref().map_err(String::clone).and_then(|log| {
            let end = log.end.as_ref().and_then(|end| end.gain.clone());
            end.map(Self).ok_or_else(|| {
                "The run's log has no figures for the frozen features: it has not finished, no \
                 images were held out, or it was trained by an older version."
                    .into()
            })
        }))
    }

    /// Of all folds of a cross-validation.
    pub(crate) fn of_folds(gain: &receptive_train::Gain) -> Self {
        Self(gain.clone())
    }

    /// The figures for programs.
    pub(crate) fn figures(&self) -> &receptive_train::Gain {
        &self.0
    }

    pub(crate) fn html(&self) -> Markup {
        let rows = self.0.rows().into_iter();
        let rows: Vec<Vec<String>> = rows.map(|(name, score)| row(name, score)).collect();
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
                "The first two are fitted to the features of the pretrained network: the nearest \
                 class mean, and a linear head alone. The interval (Wilson) is the uncertainty of \
                 top-1 with this number of images; McNemar's test compares the predictions image \
                 by image, and so is more powerful than comparing intervals."
            }
        }
    }
}

/// What fine-tuning added in the mean of several seeds.
pub(crate) fn mean_gain(means: &SeriesMeans, gain: &MeanGain) -> Markup {
    let interval = |spread: &Spread| match spread.interval {
        Some([low, high]) => format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high),
        None => "–".into(),
    };
    let kept = ("fine-tuned", &means.top1);
    let kept = (!gain.only_head).then_some(kept);
    let rows: Vec<Vec<String>> = gain
        .rows()
        .into_iter()
        .chain(kept)
        .map(|(name, top1)| vec![name.into(), percent(top1.mean), interval(top1)])
        .collect();
    let caption = format!(
        "Before and after fine-tuning, {}",
        split_words(&means.split)
    );
    html! {
        p { (gain.verdict()) }
        (table(&caption, &["classifier", "mean top-1", "95 % interval"], 1, &rows))
        p.note {
            "The first two are fitted to the features of the pretrained network, in each run: the nearest class \
             mean, and a linear head alone. The change is that of each run over its own head, so it can be told \
             more precisely than the intervals of the means suggest."
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
