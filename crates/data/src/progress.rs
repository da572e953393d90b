//! Progress of long operations.

/// Receives the progress of a scan, a download or a measurement, possibly from several threads.
pub trait Progress: Sync {
    /// Work begins: `what` names it (`checking images`), `total` is its size in the units of
    /// [`advance`](Progress::advance) (images or bytes), if known.
    fn start(&self, what: &str, total: Option<u64>);
    /// `by` more units are complete.
    fn advance(&self, by: u64);
    /// The current work has ended, successfully or not.
    fn finish(&self);
}

/// A [`Progress`] without output.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _by: u64) {}
    fn finish(&self) {}
}

/// Calls [`Progress::finish`] when dropped, so that an error cannot leave a progress bar open.
pub(crate) struct ProgressGuard<'a>(&'a dyn Progress);

impl<'a> ProgressGuard<'a> {
    pub(crate) fn start(progress: &'a dyn Progress, what: &str, total: Option<u64>) -> Self {
        progress.start(what, total);
        Self(progress)
    }

    pub(crate) fn advance(&self, by: u64) {
        self.0.advance(by);
    }
}

impl Drop for ProgressGuard<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}
