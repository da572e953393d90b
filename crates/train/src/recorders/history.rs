//! `metrics.csv` and `log.jsonl`: the history of a run, readable at any time.

use super::{EpochEnd, Recorder, RunFinish, RunStart};
use crate::baseline::Gain;
use crate::error::{SettingChange, TrainError};
use crate::metrics::{ClassReport, report};
use crate::records::{Divergence, Epoch, Outcome, ResumePoint};
use crate::run::{LOG, RunDirectory};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Both files, open for appending.
#[derive(Debug)]
pub(super) struct History {
    run: RunDirectory,
    csv: (PathBuf, File),
    log: (PathBuf, File),
}

const CSV: &str = "metrics.csv";
const HEADER: &str = "epoch,train_loss,train_top1,val_loss,val_top1,val_top5,val_mean_recall,\
                      learning_rate,images_per_second,data_wait,seconds,best,erf_sigma,erf_tv,erf_verdict,weights\n";

/// A line of `log.jsonl`.
#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    /// Milliseconds since 1970 (UTC).
    time_ms: u128,
    event: &'a str,
    #[serde(flatten)]
    values: &'a T,
}

#[derive(Serialize)]
struct NoteEvent<'a> {
    message: &'a str,
}

/// Logged when a run is resumed. Epochs after these that were logged before are repeated, because the
/// checkpoint does not contain them.
#[derive(Serialize)]
struct ResumeEvent<'a> {
    step: u64,
    epochs: usize,
    checkpoint: Option<String>,
    refused: Vec<&'a str>,
    /// Settings that differ from the checkpoint's.
    changes: Vec<&'a SettingChange>,
}

#[derive(Serialize)]
struct EndEvent<'a> {
    outcome: Outcome,
    best_epoch: usize,
    test_top1: Option<f64>,
    test_loss: Option<f64>,
    /// The mean recall over the classes.
    test_mean_recall: Option<f64>,
    /// The temperature of the kept model.
    temperature: Option<f64>,
    train_seconds: f64,
    images_per_second: f64,
    weights_sha256: &'a str,
    /// Of the record of splits, which is thus recognised as this run's.
    split_sha256: Option<String>,
    /// Precision, recall and F1 on the test split, or on the validation split if there is no test split.
    classes: Vec<ClassReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gain: Option<&'a Gain>,
}

impl Recorder for History {
    fn started(&mut self, start: &mut RunStart<'_>) -> Result<(), TrainError> {
        match &start.erf {
            Some(field) => self.event("erf", field),
            None => Ok(()),
        }
    }

    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.truncate(&from.epochs)?;
        let event = ResumeEvent {
            step: from.step,
            epochs: from.epochs.len(),
            checkpoint: from
                .path
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
            refused: from.invalid.iter().map(|one| one.reason.as_str()).collect(),
            changes: from.changes.iter().chain(&from.execution).collect(),
        };
        self.event("resumed", &event)
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        append(&self.csv.0, &mut self.csv.1, &csv_line(&end.record))?;
        self.event("epoch", &end.record)
    }

    fn diverged(&mut self, divergence: &Divergence) -> Result<(), TrainError> {
        self.event("diverged", divergence)
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        self.event("note", &NoteEvent { message: note })
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        let result = end.result;
        let reported = result.test.as_ref().or(result.val.as_ref());
        let event = EndEvent {
            outcome: result.outcome,
            best_epoch: result.best_epoch,
            test_top1: result.test.as_ref().map(|test| test.top1),
            test_loss: result.test.as_ref().map(|test| test.loss),
            test_mean_recall: result.test.as_ref().and_then(|test| test.mean_recall),
            temperature: result.temperature,
            train_seconds: result.train_seconds,
            images_per_second: result.images_per_second,
            weights_sha256: &result.weights_sha256,
            split_sha256: self.run.split_sha256()?,
            classes: reported.map_or(Vec::new(), |evaluation| {
                report(&evaluation.confusion, &end.model.classes)
            }),
            gain: result.gain.as_ref(),
        };
        self.event("end", &event)
    }
}

impl History {
    /// Opens both files, and writes the header of a new `metrics.csv`.
    pub(super) fn open(run: &RunDirectory) -> Result<Self, TrainError> {
        let open = |name: &str| {
            let path = run.path().join(name);
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(TrainError::io(&path, "open"))?;
            Ok::<_, TrainError>((path, file))
        };
        let mut history = Self {
            run: run.clone(),
            csv: open(CSV)?,
            log: open(LOG)?,
        };
        let (path, file) = &mut history.csv;
        let length = file
            .metadata()
            .map_err(TrainError::io(&*path, "read"))?
            .len();
        if length == 0 {
            append(path, file, HEADER)?;
        }
        Ok(history)
    }

    /// Removes all other epochs from `metrics.csv`; `log.jsonl` keeps everything that ever happened.
    fn truncate(&mut self, epochs: &[Epoch]) -> Result<(), TrainError> {
        let (path, _) = &self.csv;
        let text = std::fs::read_to_string(path).map_err(TrainError::io(path, "read"))?;
        let kept: String = if text.starts_with(HEADER) {
            text.split_inclusive('\n').take(1 + epochs.len()).collect()
        } else {
            // Written by an older version, with other columns.
            let lines = epochs.iter().map(csv_line);
            std::iter::once(HEADER.to_string()).chain(lines).collect()
        };
        if kept != text {
            self.run.write(CSV, kept.as_bytes())?;
            // The file was replaced, so it must be reopened.
            *self = Self::open(&self.run)?;
        }
        Ok(())
    }

    /// Appends an event to `log.jsonl`.
    fn event<T: Serialize>(&mut self, event: &str, values: &T) -> Result<(), TrainError> {
        let time_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |t| t.as_millis());
        let line = serde_json::to_string(&Line {
            time_ms,
            event,
            values,
        })
        .map_err(|error| TrainError::run(&self.log.0, error.to_string()))?;
        append(&self.log.0, &mut self.log.1, &format!("{line}\n"))
    }
}

fn csv_line(epoch: &Epoch) -> String {
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    format!(
        "{},{},{},{},{},{},{},{},{:.1},{:.4},{:.3},{},{},{}\n",
        epoch.epoch,
        epoch.train_loss,
        epoch.train_top1,
        optional(epoch.val_loss),
        optional(epoch.val_top1),
        optional(epoch.val_top5),
        optional(epoch.val_mean_recall),
        epoch.learning_rate,
        epoch.images_per_second,
        epoch.data_wait,
        epoch.seconds,
        epoch.best,
        epoch.erf.map_or(",,".into(), |erf| {
            format!("{:.4},{:.4},{}", erf.sigma, erf.tv, erf.verdict)
        }),
        epoch.weights.name()
    )
}

/// A single write per line, so that readers never see half a line.
fn append(path: &Path, file: &mut File, line: &str) -> Result<(), TrainError> {
    file.write_all(line.as_bytes())
        .map_err(TrainError::io(path, "write"))
}
