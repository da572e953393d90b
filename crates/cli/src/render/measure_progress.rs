use super::{bar, say};
use indicatif::ProgressBar;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A measurement: a bar on a terminal; elsewhere a line now and then.
pub(crate) struct MeasureProgress {
    what: String,
    bar: ProgressBar,
    said: Mutex<Instant>,
}

/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(10);

impl MeasureProgress {
    pub(crate) fn new(what: &str) -> Self {
        let bar = bar(Some(1), "{prefix} [{bar:24}] {pos}/{len} samples  {msg}");
        bar.set_prefix(what.to_string());
        Self {
            what: what.into(),
            bar,
            said: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn show(&self, done: u64, most: u64, noise: f64) {
        self.bar.set_length(most);
        self.bar.set_position(done);
        self.bar.set_message(format!("noise {noise:.3}"));
        let Ok(mut said) = self.said.lock() else {
            return;
        };
        if self.bar.is_hidden() && done < most && said.elapsed() > QUIET {
            *said = Instant::now();
            say(format!(
                "{}: {done} of at most {most} samples, noise {noise:.3}",
                self.what
            ));
        }
    }
}

impl Drop for MeasureProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
