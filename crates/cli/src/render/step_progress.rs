use super::{bar, say};
use indicatif::ProgressBar;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// A trial that goes step by step: a bar on a terminal; elsewhere a line now and then.
pub(crate) struct StepProgress {
    what: &'static str,
    steps: usize,
    bar: ProgressBar,
    said: Cell<Instant>,
}

/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

impl StepProgress {
    pub(crate) fn new(what: &'static str, steps: usize) -> Self {
        let bar = bar(Some(steps as u64), "{prefix} [{bar:24}] {pos}/{len}  {msg}");
        bar.set_prefix(what);
        Self {
            what,
            steps,
            bar,
            said: Cell::new(Instant::now()),
        }
    }

    pub(crate) fn show(&self, done: usize, words: &str) {
        self.bar.set_position(done as u64);
        self.bar.set_message(words.to_string());
        if self.bar.is_hidden() && self.said.get().elapsed() > QUIET {
            self.said.set(Instant::now());
            say(format!("{}: {done}/{}, {words}", self.what, self.steps));
        }
    }
}

impl Drop for StepProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
