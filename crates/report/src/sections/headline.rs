//! Key results.

use super::held_out::split_words;
use super::{FieldSection, HeldOutImages};
use crate::text::{Part, date, duration, percent, short};
use maud::{Markup, html};
use receptive_core::text::{Printable, counted, grouped, plural};
use receptive_erf::gaussian::Verdict;
use receptive_model::{Artifact, presets};
use receptive_train::{Outcome, RunConfig, RunDirectory, RunLog};

#[derive(Debug)]
pub(crate) struct Headline {
    /// The run's directory.
    pub(crate) run: String,
    /// The preset, if the network is one.
    pub(crate) network: Option<String>,
    /// The data set's name or path.
    pub(crate) data: String,
    pub(crate) params: usize,
    pub(crate) macs: usize,
    /// Completed epochs.
    pub(crate) epochs: usize,
    pub(crate) best_epoch: Option<usize>,
    /// Whether that epoch was selected by validation.
    chooses_epoch: bool,
    /// The figures of the kept model on the held-out split.
    pub(crate) held_out: Option<SplitFigures>,
    /// Whether the effective receptive field is a Gaussian.
    pub(crate) verdict: Option<Verdict>,
    /// Number of top-level layers of the network.
    layers: usize,
    started: Option<String>,
    /// Training time.
    seconds: Option<f64>,
    /// A remark if the run did not complete all epochs.
    remark: Option<String>,
}

/// Figures on a split.
#[derive(Debug)]
pub(crate) struct SplitFigures {
    pub(crate) split: &'static str,
    pub(crate) images: usize,
    pub(crate) top1: f64,
    pub(crate) mean_recall: Option<f64>,
    /// `None` with five classes or fewer.
    pub(crate) top5: Option<f64>,
    pub(crate) loss: f64,
}

impl Headline {
    pub(crate) fn new(
        run: &RunDirectory,
        config: &RunConfig,
        artifact: &Artifact,
        log: &Part<RunLog>,
        chooses_epoch: bool,
        held_out: &Part<HeldOutImages>,
        field: &Part<FieldSection>,
    ) -> Self {
        let plan = artifact.model.plan();
        let log = log.as_ref().ok();
        Self {
            run: run.path().printable().into_owned(),
            network: presets::name_of(&plan.config),
            data: config.data.source.clone(),
            params: plan.total.params,
            macs: plan.total.macs,
            epochs: log.map_or(0, |log| log.epochs.len()),
            best_epoch: log.and_then(best_epoch),
            chooses_epoch,
            held_out: held_out.as_ref().ok().map(|held_out| SplitFigures {
                split: held_out.split,
                images: held_out.evaluation.images,
                top1: held_out.evaluation.top1,
                mean_recall: held_out.evaluation.mean_recall,
                top5: held_out.evaluation.top5,
                loss: held_out.evaluation.loss,
            }),
            verdict: field.as_ref().ok().map(FieldSection::verdict),
            layers: plan.layers.len(),
            started: log.and_then(|log| date(log.began_ms?)),
            seconds: log.and_then(RunLog::seconds),
            remark: log.and_then(|log| remark(log, run, config.train.epochs)),
        }
    }

    /// The last part of the run's path.
    pub(crate) fn name(&self) -> String {
        let path = std::path::Path::new(&self.run);
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Network and data in a few words.
    fn words(&self) -> String {
        let network = match &self.network {
            Some(name) => format!("Network {name}"),
            None => format!("A network of {}", counted(self.layers, "layer")),
        };
        format!("{network} on {}", self.data)
    }

    pub(crate) fn html(&self) -> Markup {
        let best = self
            .best_epoch
            .map(|best| format!("{best} of {}", self.epochs));
        let kept = match self.chooses_epoch {
            true => "best epoch",
            false => "kept epoch",
        };
        let all: Vec<(&str, String)> = [
            (kept, best),
            ("parameters", Some(grouped(self.params))),
            ("multiply-adds per image", Some(short(self.macs))),
            ("training time", self.seconds.map(duration)),
            ("started", self.started.clone()),
            ("receptive field", self.verdict.map(verdict_words)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        html! {
            header {
                p.kind { "Report of a training run" }
                h1 { "Run " (self.name()) }
                p.lead { (self.words()) }
                @if let Some(remark) = &self.remark { p.missing { (remark) } }
                dl.cards {
                    @if let Some(figures) = &self.held_out {
                        div.main {
                            dt { "top-1, " (split_words(figures.split)) }
                            dd { (percent(figures.top1)) }
                            dd.more {
                                @if let Some(mean) = figures.mean_recall {
                                    "mean recall " (percent(mean)) ", "
                                }
                                @if let Some(top5) = figures.top5 { "top-5 " (percent(top5)) ", " }
                                "loss " (format!("{:.3}", figures.loss))
                                ", " (grouped(figures.images)) " images"
                            }
                        }
                    }
                    @for (name, value) in &all {
                        div { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
    }
}

/// The verdict as part of a sentence.
fn verdict_words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Gaussian => "Gaussian".into(),
        Verdict::NotGaussian => "not Gaussian".into(),
        other => other.to_string().to_lowercase(),
    }
}

/// The kept epoch, from 1.
fn best_epoch(log: &RunLog) -> Option<usize> {
    let best = log.epochs.iter().rev().find(|epoch| epoch.best);
    best.map(|epoch| epoch.epoch)
}

fn remark(log: &RunLog, run: &RunDirectory, epochs: usize) -> Option<String> {
    let done = log.epochs.len();
    let noun = plural(epochs, "epoch");
    let again = format!("receptive train --resume {}", run.path().shell_word());
    if let Some(message) = &log.diverged {
        return Some(format!("Stopped by an error: {message}"));
    }
    match log.end.as_ref().map(|end| end.outcome) {
        Some(Outcome::Finished) => None,
        Some(Outcome::StoppedEarly) => Some(format!(
            "Stopped early after {done} of {epochs} {noun}: no further improvement."
        )),
        Some(Outcome::Interrupted { .. }) => Some(format!(
            "Interrupted after {done} of {epochs} {noun}; `{again}` resumes it."
        )),
        None => Some(format!(
            "Still training or killed: {done} of {epochs} {noun} done. `{again}` resumes a killed \
             run."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_train::RunEnd;

    fn ended(outcome: Outcome) -> RunLog {
        RunLog {
            end: Some(RunEnd {
                outcome,
                best_epoch: 1,
                test_top1: None,
                train_seconds: 1.0,
                images_per_second: 1.0,
                weights_sha256: String::new(),
                split_sha256: None,
                classes: Vec::new(),
                gain: None,
            }),
            ..RunLog::default()
        }
    }

    #[test]
    fn a_run_that_was_cut_short_says_so_and_how_it_is_resumed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.toml"), "").unwrap();
        let run = RunDirectory::open(directory.path()).unwrap();
        assert_eq!(remark(&ended(Outcome::Finished), &run, 5), None);
        let stopped = remark(&ended(Outcome::Interrupted { signal: 2 }), &run, 5).unwrap();
        assert!(
            stopped.contains("0 of 5") && stopped.contains("--resume"),
            "{stopped}"
        );
        let killed = remark(&RunLog::default(), &run, 5).unwrap();
        assert!(killed.contains("killed"), "{killed}");
    }
}
