//! Progress of everything except training: a bar on a terminal, occasional lines elsewhere.

use super::{bar, say};
use indicatif::ProgressBar;
use receptive_core::text::Printable;
use receptive_data::Progress;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between lines without a terminal.
const QUIET: Duration = Duration::from_secs(10);

/// The progress of opening a data set and computing its statistics.
#[derive(Default)]
pub(crate) struct DataProgress(Mutex<Option<ProgressBar>>);

/// Operations with fewer units are not logged.
const WORTH_A_LINE: u64 = 20_000;

impl Progress for DataProgress {
    fn start(&self, what: &str, total: Option<u64>) {
        if !std::io::stderr().is_terminal() && total.is_none_or(|total| total >= WORTH_A_LINE) {
            say(format!("{what} ..."));
        }
        let new = bar(total, "{msg} [{bar:30}] {percent}% {eta}");
        new.set_message(what.printable().into_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    }

    fn advance(&self, by: u64) {
        if let Some(bar) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc(by);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

/// The progress of a trial in steps, or of a measurement in samples.
pub(crate) struct StepProgress {
    what: String,
    bar: ProgressBar,
    /// When the last line was written.
    last_line: Mutex<Instant>,
}

impl StepProgress {
    pub(crate) fn new(what: impl Into<String>, steps: u64) -> Self {
        let (what, bar) = (
            what.into().printable().into_owned(),
            bar(Some(steps), "{prefix} [{bar:24}] {pos}/{len}  {msg}"),
        );
        bar.set_prefix(what.clone());
        Self {
            what,
            bar,
            last_line: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn show(&self, done: u64, of: u64, status: &str) {
        self.bar.set_length(of);
        self.bar.set_position(done);
        self.bar.set_message(status.printable().into_owned());
        let Ok(mut last_line) = self.last_line.lock() else {
            return;
        };
        if self.bar.is_hidden() && done < of && last_line.elapsed() > QUIET {
            *last_line = Instant::now();
            say(format!("{}: {done}/{of}, {status}", self.what));
        }
    }
}

impl Drop for StepProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The progress of measuring a receptive field.
pub(crate) struct MeasureProgress(StepProgress);

impl MeasureProgress {
    pub(crate) fn new(what: &str) -> Self {
        Self(StepProgress::new(what, 1))
    }

    /// `max` is the maximum number of samples.
    pub(crate) fn show(&self, done: u64, max: u64, noise: f64) {
        let status = format!("samples, noise {noise:.3}");
        self.0.show(done, max, &status);
    }
}
