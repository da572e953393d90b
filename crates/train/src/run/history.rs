//! `metrics.csv` and `log.jsonl`: what happened, epoch by epoch, readable at any moment.

use super::{LOG, RunDirectory};
use crate::{Epoch, TrainError};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The two files, open for appending.
#[derive(Debug)]
pub(crate) struct History {
    csv: (PathBuf, File),
    log: (PathBuf, File),
}

const CSV: &str = "metrics.csv";
const HEADER: &str = "epoch,train_loss,train_top1,val_loss,val_top1,val_top5,learning_rate,\
                      images_per_second,data_wait,seconds,best,erf_sigma,erf_tv,erf_verdict\n";

/// A line of `log.jsonl`.
#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    /// Milliseconds since 1970 (UTC).
    time_ms: u128,
    event: &'a str,
    #[serde(flatten)]
    values: &'a T,
}

impl History {
    /// Opens both, with a header on a new `metrics.csv`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn open(run: &RunDirectory) -> Result<Self, TrainError> {
        let open = |name: &str| {
            let path = run.path().join(name);
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(TrainError::io(&path, "opening"))?;
            Ok::<_, TrainError>((path, file))
        };
        let mut history = Self {
            csv: open(CSV)?,
            log: open(LOG)?,
        };
        let (path, file) = &mut history.csv;
        let length = file
            .metadata()
            .map_err(TrainError::io(&*path, "reading"))?
            .len();
        if length == 0 {
            append(path, file, HEADER)?;
        }
        Ok(history)
    }

    /// Takes the lines of all but the first `epochs` out of `metrics.csv`; `log.jsonl` keeps
    /// everything that ever happened.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn truncate(&mut self, run: &RunDirectory, epochs: usize) -> Result<(), TrainError> {
        let (path, _) = &self.csv;
        let text = std::fs::read_to_string(path).map_err(TrainError::io(path, "reading"))?;
        let kept: String = text.split_inclusive('\n').take(1 + epochs).collect();
        if kept != text {
            run.write(CSV, kept.as_bytes())?;
            // The old file is no longer the one of that name.
            *self = Self::open(run)?;
        }
        Ok(())
    }

    /// Appends an epoch to both.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn epoch(&mut self, epoch: &Epoch) -> Result<(), TrainError> {
        let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let line = format!(
            "{},{},{},{},{},{},{},{:.1},{:.4},{:.3},{},{}\n",
            epoch.epoch,
            epoch.train_loss,
            epoch.train_top1,
            optional(epoch.val_loss),
            optional(epoch.val_top1),
            optional(epoch.val_top5),
            epoch.learning_rate,
            epoch.images_per_second,
            epoch.data_wait,
            epoch.seconds,
            epoch.best,
            epoch.erf.map_or(",,".into(), |erf| {
                format!("{:.4},{:.4},{}", erf.sigma, erf.tv, erf.verdict)
            })
        );
        append(&self.csv.0, &mut self.csv.1, &line)?;
        self.event("epoch", epoch)
    }

    /// Appends an event to `log.jsonl`.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn event<T: Serialize>(
        &mut self,
        event: &str,
        values: &T,
    ) -> Result<(), TrainError> {
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

/// One write a line, so that a reader never sees half of one.
fn append(path: &PathBuf, file: &mut File, line: &str) -> Result<(), TrainError> {
    file.write_all(line.as_bytes())
        .map_err(TrainError::io(path, "writing"))
}
