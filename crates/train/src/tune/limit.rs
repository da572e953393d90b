//! Stopping a trial at the time limit.

use crate::error::TrainError;
use crate::prepare::RunSetup;
use crate::recorders::{EpochEnd, Recorder, RunFinish, RunStart};
use crate::records::{Divergence, ResumePoint, Step};
use crate::series::SeriesWatch;
use crate::stop::Stop;
use std::time::{Duration, Instant};

/// The signal number with which a trial is stopped when its time is over: that of SIGALRM.
pub(super) const TIME_OVER: usize = 14;

/// The time that a trial has.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLeft {
    /// After it the trial ends if it has completed an epoch.
    pub(super) share: Duration,
    /// After it the trial ends.
    pub(super) all: Duration,
}

/// Forwards events, and stops the trial when the search is requested to stop or the time is over.
pub(super) struct Limit<'a> {
    watch: &'a mut dyn SeriesWatch,
    asked: &'a Stop,
    own: &'a Stop,
    began: Instant,
    left: Option<TimeLeft>,
    has_epoch: bool,
}

impl<'a> Limit<'a> {
    pub(super) fn new(
        watch: &'a mut dyn SeriesWatch,
        asked: &'a Stop,
        own: &'a Stop,
        left: Option<TimeLeft>,
    ) -> Self {
        Self {
            watch,
            asked,
            own,
            began: Instant::now(),
            left,
            has_epoch: false,
        }
    }

    fn look(&self) {
        let time = self.left.map(|left| match self.has_epoch {
            true => left.share,
            false => left.all,
        });
        if let Some(signal) = self.asked.requested() {
            self.own.request(signal);
        } else if time.is_some_and(|time| self.began.elapsed() >= time) {
            self.own.request(TIME_OVER);
        }
    }
}

impl SeriesWatch for Limit<'_> {
    fn run_starts(&mut self, name: &str, number: usize, total: usize, setup: &RunSetup) {
        self.watch.run_starts(name, number, total, setup);
    }

    fn run_failed(&mut self, name: &str, reason: &str) {
        self.watch.run_failed(name, reason);
    }
}

impl Recorder for Limit<'_> {
    fn started(&mut self, start: &mut RunStart<'_>) -> Result<(), TrainError> {
        self.watch.started(start)
    }

    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.watch.resumed(from)
    }

    fn epoch_started(
        &mut self,
        epoch: usize,
        epochs: usize,
        images: usize,
    ) -> Result<(), TrainError> {
        self.watch.epoch_started(epoch, epochs, images)
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.look();
        self.watch.step(step)
    }

    fn evaluating(&mut self, split: &str, done: usize, total: usize) -> Result<(), TrainError> {
        self.look();
        self.watch.evaluating(split, done, total)
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.has_epoch = true;
        self.watch.epoch(end)
    }

    fn diverged(&mut self, divergence: &Divergence) -> Result<(), TrainError> {
        self.watch.diverged(divergence)
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        self.watch.noted(note)
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        self.watch.ended(end)
    }
}
