//! Reading `log.jsonl`, the log of a run.

use super::{LOG, RunDirectory};
use crate::baseline::Gain;
use crate::error::{SettingChange, TrainError};
use crate::metrics::ClassReport;
use crate::records::{Epoch, EpochField, Outcome};
use receptive_model::store::read_text;
use serde::Deserialize;
use serde_json::Value;

/// Maximum size of a log, in bytes.
const MAX_LOG_BYTES: u64 = 256 << 20;

/// The history of a run from its log, in which epochs that a resumed run repeated occur once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunLog {
    /// When the first step started, in milliseconds since 1970 (UTC).
    pub began_ms: Option<u64>,
    /// The completed epochs, in order.
    pub epochs: Vec<Epoch>,
    /// The effective receptive field before the first epoch, if measured.
    pub field_before: Option<EpochField>,
    /// How it ended; `None` if it was killed or is still running.
    pub end: Option<RunEnd>,
    /// The error message of a run that diverged.
    pub diverged: Option<String>,
    /// The settings changed each time the run was resumed, with the number of epochs completed before.
    pub changes: Vec<(usize, Vec<SettingChange>)>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RunEnd {
    /// The outcome.
    pub outcome: Outcome,
    /// The epoch whose model was kept, from 1; 0 if no epoch was completed.
    pub best_epoch: usize,
    /// The kept model's top-1 accuracy on the test split.
    pub test_top1: Option<f64>,
    /// Seconds from the first step to the end of the last epoch, including validation.
    pub train_seconds: f64,
    /// Training images per second, without validation.
    pub images_per_second: f64,
    /// SHA-256 of the kept weights.
    pub weights_sha256: String,
    /// SHA-256 of the record of splits; `None` in a log of an older version.
    #[serde(default)]
    pub split_sha256: Option<String>,
    /// Precision, recall and F1 on the test split, or on the validation split if there is no test split.
    pub classes: Vec<ClassReport>,
    /// For fine-tuning: its gain over the frozen features.
    #[serde(default)]
    pub gain: Option<Gain>,
}

impl RunLog {
    /// Reads the log of a run. A truncated last line, from a killed process, is ignored.
    ///
    /// # Errors
    /// There is no log, or a line before the last is invalid.
    pub fn read(run: &RunDirectory) -> Result<Self, TrainError> {
        let path = run.path().join(LOG);
        let text = read_text(&path, MAX_LOG_BYTES)?;
        let mut log = Self::default();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let added = serde_json::from_str(line)
                .map_err(|error| error.to_string())
                .and_then(|event| log.add(event));
            match added {
                Err(reason) if lines.peek().is_some() => {
                    let line = index + 1;
                    return Err(TrainError::run(
                        &path,
                        format!("line {line} was not written by training: {reason}"),
                    ));
                }
                _ => {}
            }
        }
        Ok(log)
    }

    fn add(&mut self, event: Value) -> Result<(), String> {
        let time_ms = event["time_ms"].as_u64();
        match event["event"].as_str() {
            Some("erf") => {
                self.started(time_ms, 0.0);
                self.field_before = parse(event).ok();
            }
            Some("epoch") => {
                let epoch = epoch(event)?;
                self.started(time_ms, epoch.seconds);
                self.epochs.push(epoch);
            }
            Some("resumed") => {
                let epochs = event["epochs"].as_u64().unwrap_or(0) as usize;
                self.epochs.retain(|epoch| epoch.epoch <= epochs);
                // Changes after an epoch that was repeated had no effect.
                self.changes.retain(|(after, _)| *after <= epochs);
                let changes: Vec<SettingChange> =
                    parse(event["changes"].clone()).unwrap_or_default();
                if !changes.is_empty() {
                    self.changes.push((epochs, changes));
                }
                (self.end, self.diverged) = (None, None);
            }
            Some("end") => self.end = Some(parse(event)?),
            Some("diverged") => {
                self.diverged = event["message"].as_str().map(String::from);
            }
            // Newer versions may log other events.
            _ => {}
        }
        Ok(())
    }

    fn started(&mut self, time_ms: Option<u64>, seconds: f64) {
        let before = (1000.0 * seconds) as u64;
        let started = time_ms.map(|now| now.saturating_sub(before));
        self.began_ms = self.began_ms.or(started);
    }

    /// Seconds from the first step to the latest event that records the time.
    pub fn seconds(&self) -> Option<f64> {
        let end = self.end.as_ref().map(|end| end.train_seconds);
        end.or(self.epochs.last().map(|epoch| epoch.seconds))
    }
}

/// A field without a finite size is written as null; the epoch is then read without it.
fn epoch(mut event: Value) -> Result<Epoch, String> {
    if parse::<EpochField>(event["erf"].clone()).is_err()
        && let Some(values) = event.as_object_mut()
    {
        values.remove("erf");
    }
    parse(event)
}

fn parse<T: for<'a> Deserialize<'a>>(event: Value) -> Result<T, String> {
    serde_json::from_value(event).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[String]) -> Result<RunLog, TrainError> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.toml"), "").unwrap();
        std::fs::write(directory.path().join(LOG), lines.join("\n")).unwrap();
        RunLog::read(&RunDirectory::open(directory.path()).unwrap())
    }

    fn epoch(number: usize, erf: &str) -> String {
        format!(
            r#"{{"time_ms":{},"event":"epoch","epoch":{number},"train_loss":1.0,"train_top1":0.5,
            "val_loss":null,"val_top1":null,"val_top5":null,"learning_rate":0.1,
            "images_per_second":10.0,"data_wait":0.0,"seconds":{}.0,"best":true{erf}}}"#,
            10_000 + 1000 * number,
            2 * number
        )
        .replace('\n', "")
    }

    #[test]
    fn a_resumed_run_is_told_once() {
        let resumed = r#"{"time_ms":1,"event":"resumed","step":5,"epochs":1,
            "changes":[{"setting":"train.epochs","old":"1","new":"2"}]}"#
            .replace('\n', "");
        let log = read(&[epoch(1, ""), epoch(2, ""), resumed, epoch(2, "")]).unwrap();
        let (after, changes) = &log.changes[0];
        assert_eq!(
            (*after, changes[0].to_string()),
            (1, "train.epochs: 1 -> 2".into())
        );
        let numbers: Vec<usize> = log.epochs.iter().map(|epoch| epoch.epoch).collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!((log.began_ms, log.seconds()), (Some(9_000), Some(4.0)));
        assert_eq!(log.end, None);
    }

    #[test]
    fn a_line_cut_short_is_left_out_but_not_one_in_the_middle() {
        let cut = epoch(2, "")[..40].to_string();
        assert_eq!(read(&[epoch(1, ""), cut.clone()]).unwrap().epochs.len(), 1);
        let error = read(&[cut, epoch(1, "")]).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_field_without_a_size_does_not_cost_the_epoch() {
        let erf = r#","erf":{"sigma":null,"tv":0.1,"verdict":"inconclusive"}"#;
        let log = read(&[epoch(1, erf)]).unwrap();
        assert_eq!((log.epochs.len(), log.epochs[0].erf), (1, None));
    }
}
