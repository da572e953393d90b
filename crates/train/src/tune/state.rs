//! `tune.json`: a search and the results of its trials.

use super::halving::Rung;
use super::space::TrialSettings;
use crate::config::Monitor;
use crate::records::Epoch;
use serde::{Deserialize, Serialize};

/// Options of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneOptions {
    /// Number of trials.
    pub trials: usize,
    /// The time after which no more trials are trained, in minutes; `None` trains all trials.
    pub minutes: Option<f64>,
    /// Presets to choose from; empty keeps the network.
    pub networks: Vec<String>,
}

/// The result of a trial in one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialResult {
    /// The trial, from 0.
    pub trial: usize,
    /// The round, from 0.
    pub rung: usize,
    /// The directory of its run, within that of the search.
    pub run: String,
    /// The planned number of epochs.
    pub epochs: usize,
    /// On the validation split, at the best epoch.
    pub val_loss: Option<f64>,
    /// As `val_loss`.
    pub val_top1: Option<f64>,
    /// As `val_loss`.
    pub val_mean_recall: Option<f64>,
    /// Seconds that the trial took, including preparation and evaluation.
    pub seconds: f64,
    /// Whether the time limit stopped it before its last epoch.
    pub cut: bool,
    /// The number of completed epochs, if the time limit stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained: Option<usize>,
    /// Why it has no result, for example because it diverged.
    pub failed: Option<String>,
}

impl TrialResult {
    /// Sets the metrics of the best of these epochs.
    pub(super) fn with_best(mut self, epochs: &[Epoch], monitor: Monitor) -> Self {
        let value = |epoch: &Epoch| match monitor {
            // If the last epoch is kept, trials are compared by its loss.
            Monitor::ValLoss | Monitor::Last => epoch.val_loss,
            Monitor::ValTop1 => epoch.val_top1,
            Monitor::ValMeanRecall => epoch.val_mean_recall,
        };
        let mut best: Option<(&Epoch, f64)> = None;
        for epoch in epochs {
            if let Some(value) = value(epoch).filter(|value| value.is_finite())
                && best.is_none_or(|(_, best)| monitor.is_better(value, best))
            {
                best = Some((epoch, value));
            }
        }
        if let Some((epoch, _)) = best {
            self.val_loss = epoch.val_loss;
            self.val_top1 = epoch.val_top1;
            self.val_mean_recall = epoch.val_mean_recall;
        }
        self
    }

    /// The metric by which trials are compared; `None` if it has no result.
    pub fn score(&self, monitor: Monitor) -> Option<f64> {
        match monitor {
            Monitor::ValLoss | Monitor::Last => self.val_loss,
            Monitor::ValTop1 => self.val_top1,
            Monitor::ValMeanRecall => self.val_mean_recall,
        }
    }
}

/// A search: its plan and its results so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuneState {
    pub(super) format: String,
    pub(super) version: u32,
    /// The options.
    pub options: TuneOptions,
    /// The metric by which trials are compared: `train.monitor`.
    pub monitor: Monitor,
    /// The rounds.
    pub rungs: Vec<Rung>,
    /// The settings of each trial.
    pub trials: Vec<TrialSettings>,
    /// The results, in the order in which they were obtained.
    pub results: Vec<TrialResult>,
    /// Number of completed rounds.
    pub rungs_done: usize,
    /// Seconds used so far.
    pub seconds: f64,
}

/// A round in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRound {
    /// Its number, from 1.
    pub round: usize,
    /// Number of its trials that have a result.
    pub done: usize,
    /// Number of all its trials.
    pub trials: usize,
}

impl TuneState {
    /// The first round in which trials have no result yet; `None` if all have one.
    pub fn open_round(&self) -> Option<OpenRound> {
        (0..self.rungs.len()).find_map(|rung| {
            let candidates = self.candidates(rung);
            let done = candidates
                .iter()
                .filter(|trial| self.has(**trial, rung))
                .count();
            (done < candidates.len()).then_some(OpenRound {
                round: rung + 1,
                done,
                trials: candidates.len(),
            })
        })
    }

    /// The results of a round, best first. Those without a score are left out; of equal ones, the earlier trial
    /// comes first.
    pub(super) fn ranked(&self, rung: usize) -> Vec<&TrialResult> {
        let of = self.results.iter().filter(|result| result.rung == rung);
        self.by_score(of)
    }

    /// All results with a score, best first; those stopped by the time limit come last.
    pub fn best_first(&self) -> Vec<&TrialResult> {
        let mut all = self.by_score(self.results.iter());
        all.sort_by_key(|result| result.cut);
        all
    }

    /// The best result. One stopped by the time limit is used only if there is no other.
    pub fn best(&self) -> Option<&TrialResult> {
        self.best_first().first().copied()
    }

    fn by_score<'a>(&self, results: impl Iterator<Item = &'a TrialResult>) -> Vec<&'a TrialResult> {
        let monitor = self.monitor;
        let rises = matches!(monitor, Monitor::ValTop1 | Monitor::ValMeanRecall);
        // Smaller is better.
        let score = |result: &TrialResult| {
            let score = result.score(monitor)?;
            Some(if rises { -score } else { score })
        };
        let mut scored: Vec<(f64, &TrialResult)> = results
            .filter_map(|result| Some((score(result)?, result)))
            .collect();
        // Of equal scores, the one with more epochs comes first, then the earlier trial.
        scored.sort_by(|(a, one), (b, other)| {
            let order = a.total_cmp(b).then(other.epochs.cmp(&one.epochs));
            order.then(one.trial.cmp(&other.trial))
        });
        scored.into_iter().map(|(_, result)| result).collect()
    }

    /// The trials of a round, the best of the previous round first.
    pub(super) fn candidates(&self, rung: usize) -> Vec<usize> {
        let most = self.rungs.get(rung).map_or(0, |rung| rung.trials);
        match rung.checked_sub(1) {
            None => (0..self.trials.len()).collect(),
            Some(before) => {
                let ranked = self.ranked(before).into_iter().take(most);
                ranked.map(|result| result.trial).collect()
            }
        }
    }

    pub(super) fn has(&self, trial: usize, rung: usize) -> bool {
        let mut results = self.results.iter();
        results.any(|result| (result.trial, result.rung) == (trial, rung))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(trial: usize, rung: usize, val_top1: Option<f64>) -> TrialResult {
        TrialResult {
            trial,
            rung,
            run: String::new(),
            epochs: 1 + rung,
            val_loss: val_top1.map(|top1| 1.0 - top1),
            val_top1,
            val_mean_recall: None,
            seconds: 1.0,
            cut: false,
            trained: None,
            failed: None,
        }
    }

    fn state(monitor: Monitor) -> TuneState {
        TuneState {
            format: String::new(),
            version: 1,
            options: TuneOptions {
                trials: 4,
                minutes: None,
                networks: Vec::new(),
            },
            monitor,
            rungs: super::super::halving::rungs(6, 3),
            trials: Vec::new(),
            results: vec![
                result(0, 0, Some(0.5)),
                result(1, 0, None),
                result(2, 0, Some(0.7)),
                result(3, 0, Some(0.7)),
                result(2, 1, Some(0.6)),
            ],
            rungs_done: 1,
            seconds: 0.0,
        }
    }

    #[test]
    fn the_best_of_a_round_go_on_and_those_without_a_result_never() {
        for monitor in [Monitor::ValTop1, Monitor::ValLoss, Monitor::Last] {
            let state = state(monitor);
            let ranked: Vec<usize> = state.ranked(0).iter().map(|one| one.trial).collect();
            assert_eq!(ranked, [2, 3, 0]);
            assert_eq!(state.candidates(1), [2, 3]);
        }
    }

    #[test]
    fn the_round_that_is_not_over_is_known() {
        let mut state = state(Monitor::ValTop1);
        state.trials = vec![
            TrialSettings {
                learning_rate: 0.1,
                weight_decay: 0.0,
                augment: 1.0,
                network: None,
                body_rate: None,
            };
            4
        ];
        let open = |round, done, trials| OpenRound {
            round,
            done,
            trials,
        };
        assert_eq!(state.open_round(), Some(open(2, 1, 2)));
        state.results.push(result(3, 1, None));
        assert_eq!(state.open_round(), None);
        state.results.remove(0);
        assert_eq!(state.open_round(), Some(open(1, 3, 4)));
    }

    #[test]
    fn a_trial_that_was_cut_short_is_the_best_only_if_there_is_no_other() {
        let mut state = state(Monitor::ValTop1);
        assert_eq!(state.best().unwrap().trial, 2);
        state
            .results
            .iter_mut()
            .for_each(|one| one.cut = one.trial == 2);
        assert_eq!(state.best().unwrap().trial, 3);
        state.results.retain(|one| one.cut);
        assert_eq!(state.best().unwrap().trial, 2);
    }
}
