//! The contents of a checkpoint other than the tensors.

use crate::averaged::AveragedOver;
use crate::config::{Monitor, PlateauState, ScheduleKind, TrainConfig};
use crate::error::SettingChange;
use crate::evaluate::Evaluation;
use crate::loss_scale::LossScale;
use crate::records::{Epoch, Outcome, RecorderState};
use receptive_model::InputSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The position of a checkpoint in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Completed steps since the start.
    pub(crate) step: u64,
    /// Complete epochs, including validation.
    pub(crate) epochs_done: usize,
    /// Completed steps of the next epoch: all of its steps if only validation is left.
    pub(crate) step_in_epoch: u64,
}

impl Position {
    /// The position after a step within this epoch.
    pub(crate) fn within(step: u64, epoch: usize, per_epoch: u64) -> Self {
        let epochs_done = epoch - 1;
        Self {
            step,
            epochs_done,
            step_in_epoch: step - per_epoch * epochs_done as u64,
        }
    }

    /// The position after the epoch's validation.
    pub(crate) fn after(step: u64, epoch: usize) -> Self {
        Self {
            step,
            epochs_done: epoch,
            step_in_epoch: 0,
        }
    }
}

/// The best value of one metric so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) value: f64,
    pub(crate) epoch: usize,
}

/// The part of a run's history that it needs to continue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingHistory {
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) best: Option<Best>,
    /// The best value of early stopping's own metric.
    pub(crate) stopping_best: Option<Best>,
    /// Epochs since that metric improved.
    pub(crate) waits: usize,
    /// State of the `plateau` schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plateau: Option<PlateauState>,
    /// Training images processed, and the seconds that this took, without validation.
    pub(crate) images: usize,
    pub(crate) training_seconds: f64,
    /// The part of these seconds spent waiting for data.
    pub(crate) waited_seconds: f64,
    /// Seconds since the first step, including validation, without the pauses between processes.
    pub(crate) seconds: f64,
}

impl TrainingHistory {
    /// The epoch of the kept model; without a validation split, the last one.
    pub(crate) fn best_epoch(&self) -> Option<usize> {
        let best = self.epochs.iter().rev().find(|epoch| epoch.best);
        best.map(|epoch| epoch.epoch)
    }

    /// Compares an epoch with the best so far, and updates early stopping's count. Returns whether its model is
    /// to be kept.
    pub(crate) fn compare(
        &mut self,
        config: &TrainConfig,
        epoch: usize,
        val: Option<&Evaluation>,
    ) -> bool {
        // Without a validation split there is nothing to select by, so the last model is kept.
        let Some(val) = val else {
            return true;
        };
        let figures = Figures::from(val);
        if let Some(stopping) = &config.early_stopping {
            self.wait(stopping.metric, &figures, epoch);
        }
        improves(&mut self.best, config.monitor, &figures, epoch)
    }

    /// Updates the `plateau` schedule with an epoch.
    pub(crate) fn step_plateau(&mut self, config: &TrainConfig, val: Option<&Evaluation>) {
        if config.schedule.kind != ScheduleKind::Plateau {
            return;
        }
        // If the last epoch is kept regardless of its metrics, the validation loss detects a plateau.
        let metric = match config.monitor {
            Monitor::Last => Monitor::ValLoss,
            metric => metric,
        };
        if let Some(value) = val.and_then(|val| Figures::from(val).value(metric)) {
            let rate = config.optimizer.learning_rate();
            let state = self.plateau.get_or_insert_default();
            state.step(&config.schedule.plateau, metric, value, rate);
        }
    }

    /// The learning rate after the drops so far, relative to the peak.
    pub(crate) fn plateau_share(&self, config: &TrainConfig) -> f64 {
        match &self.plateau {
            Some(state) if config.schedule.kind == ScheduleKind::Plateau => state.share,
            _ => 1.0,
        }
    }

    fn wait(&mut self, metric: Monitor, figures: &Figures, epoch: usize) {
        let improved = improves(&mut self.stopping_best, metric, figures, epoch);
        self.waits = if improved { 0 } else { self.waits + 1 };
    }

    /// Whether the patience of early stopping is exhausted.
    pub(crate) fn has_waited_enough(&self, config: &TrainConfig) -> bool {
        let stopping = &config.early_stopping;
        stopping.is_some_and(|stopping| self.waits >= stopping.patience)
    }

    /// How the run ended, if nothing is left to train from here.
    pub(crate) fn ended(&self, at: Position, config: &TrainConfig) -> Option<Outcome> {
        if at.epochs_done >= config.epochs {
            return Some(Outcome::Finished);
        }
        self.has_waited_enough(config)
            .then_some(Outcome::StoppedEarly)
    }

    /// Re-evaluates the history with settings that were changed on resume.
    pub(crate) fn adopt(&mut self, changes: &[SettingChange], config: &TrainConfig) {
        let changed = |name: &str| {
            changes
                .iter()
                .any(|change| change.setting.starts_with(name))
        };
        if changed("train.monitor") {
            // The kept model remains the one to beat, even if the new metric would have selected another epoch.
            let kept = self.epochs.iter().rev().find(|epoch| epoch.best);
            let value = |epoch: &Epoch| Figures::of(epoch)?.value(config.monitor);
            self.best = kept.and_then(|epoch| {
                Some(Best {
                    value: value(epoch)?,
                    epoch: epoch.epoch,
                })
            });
        }
        if (changed("train.monitor") || changed("train.schedule"))
            && let Some(state) = &mut self.plateau
        {
            // The rate stays as it is; counting improvements starts again.
            *state = PlateauState {
                share: state.share,
                ..PlateauState::default()
            };
        }
        if changed("train.early_stopping") {
            (self.stopping_best, self.waits) = (None, 0);
            if let Some(stopping) = &config.early_stopping {
                let past: Vec<_> = self
                    .epochs
                    .iter()
                    .map(|e| (e.epoch, Figures::of(e)))
                    .collect();
                for (epoch, figures) in past {
                    if let Some(figures) = figures {
                        self.wait(stopping.metric, &figures, epoch);
                    }
                }
            }
        }
        // A changed setting should be tried, so the count starts again.
        if !changes.is_empty() && self.has_waited_enough(config) {
            self.waits = 0;
        }
    }
}

/// The metrics of an epoch.
struct Figures {
    loss: f64,
    top1: f64,
    mean_recall: Option<f64>,
}

impl Figures {
    fn from(val: &Evaluation) -> Self {
        Self {
            loss: val.loss,
            top1: val.top1,
            mean_recall: val.mean_recall,
        }
    }

    /// `None` for an epoch without validation.
    fn of(epoch: &Epoch) -> Option<Self> {
        Some(Self {
            loss: epoch.val_loss?,
            top1: epoch.val_top1?,
            mean_recall: epoch.val_mean_recall,
        })
    }

    fn value(&self, metric: Monitor) -> Option<f64> {
        match metric {
            Monitor::ValLoss | Monitor::Last => Some(self.loss),
            Monitor::ValTop1 => Some(self.top1),
            Monitor::ValMeanRecall => self.mean_recall,
        }
    }
}

/// Whether this epoch is better than the best so far; if so, it replaces it.
fn improves(best: &mut Option<Best>, metric: Monitor, val: &Figures, epoch: usize) -> bool {
    let Some(value) = val.value(metric) else {
        return false;
    };
    // An epoch with a loss that is NaN or infinite is never the best, whatever its top-1.
    let wins = val.loss.is_finite() && best.is_none_or(|best| metric.is_better(value, best.value));
    if wins {
        *best = Some(Best { value, epoch });
    }
    wins
}

/// Sums over the steps of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) images: usize,
    pub(crate) loss: f64,
    pub(crate) correct: f64,
    pub(crate) learning_rate: f64,
    /// The images of skipped steps among these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) skipped_images: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) skipped_steps: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Totals {
    /// The number of images included in the loss and the correct predictions.
    pub(crate) fn counted_images(&self) -> usize {
        self.images.saturating_sub(self.skipped_images)
    }
}

/// The state needed to resume, besides the tensors. Randomness needs none: it is a pure function of seed, epoch
/// and step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) at: Position,
    /// Of the current epoch.
    pub(crate) totals: Totals,
    pub(crate) memory: TrainingHistory,
    #[serde(
        default,
        alias = "fields",
        skip_serializing_if = "RecorderState::is_empty"
    )]
    pub(crate) recorders: RecorderState,
    pub(crate) classes: Vec<String>,
    pub(crate) data_fingerprint: String,
    /// Every setting that affects the weights, as TOML. `None` in checkpoints of versions that stored only a
    /// hash of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<String>,
    pub(crate) settings_sha256: String,
    /// The other settings, by name; empty in a checkpoint of an older version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) execution: BTreeMap<String, String>,
    /// The input spec, which a fine-tuned run takes from its pretrained model; `None`
    /// in a checkpoint of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<InputSpec>,
    /// The kind of averaged weights, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) averaged: Option<AveragedOver>,
    /// The loss scale of a run in float16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loss_scale: Option<LossScale>,
    /// Number of tensors in the optimizer's record, because burn silently omits what it cannot read.
    pub(crate) optimizer_tensors: usize,
}
