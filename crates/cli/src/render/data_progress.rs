use super::{bar, say};
use indicatif::ProgressBar;
use receptive_data::Progress;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

/// Opening and measuring a data set: a bar on a terminal, a line elsewhere.
#[derive(Default)]
pub(crate) struct DataProgress(Mutex<Option<ProgressBar>>);

/// What is over within a moment needs no line of its own in a log.
const WORTH_A_LINE: u64 = 20_000;

impl Progress for DataProgress {
    fn start(&self, what: &str, total: Option<u64>) {
        if !std::io::stderr().is_terminal() && total.is_none_or(|total| total >= WORTH_A_LINE) {
            say(format!("{what} ..."));
        }
        let new = bar(total, "{msg} [{bar:30}] {percent}% {eta}");
        new.set_message(what.to_string());
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
