//! The live view of a training run, on the terminal's alternate screen. It is drawn by its own thread, so that
//! a slow terminal never delays a step.

mod draw;
mod layout;
mod screen;
mod state;
mod tui;
mod widgets;

pub(crate) use screen::restore_on_panic;
pub(crate) use tui::{Tui, is_wanted};

use super::train_progress::{TrainProgress, epoch_line};
use super::{say, say_paragraph};
use crate::signals::{self, SignalPoll};
use draw::draw;
use receptive_train::{EpochEnd, Recorder, ResumePoint, Step, Stop, TrainError};
use screen::Screen;
use state::State;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use widgets::Palette;

/// Time between frames.
const FRAME: Duration = Duration::from_millis(100);

/// Shows a run until it is dropped, then leaves the latest lines on the normal screen.
pub(crate) struct LiveView {
    shared: Arc<SharedView>,
    thread: Option<JoinHandle<()>>,
    stop: Stop,
    /// Prints plain lines if the view cannot be shown.
    plain: TrainProgress,
    epochs: usize,
    /// Whether mean recall is shown next to top-1.
    shows_recall: bool,
    /// To be printed when the view closes.
    notes: Vec<String>,
}

struct SharedView {
    state: Mutex<State>,
    ended: Mutex<bool>,
    wake: Condvar,
}

impl SharedView {
    /// Nothing panics while the lock is held, so a poisoned state is still valid.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next frame; false if the view has ended.
    fn pause(&self) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(ended, FRAME, |ended| !*ended);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }
}

impl LiveView {
    /// A view that opens when the first epoch begins, so that earlier messages stay readable. `marks_best`
    /// tells whether validation selects the best epoch.
    pub(crate) fn new(title: &str, stop: &Stop, marks_best: bool) -> Self {
        Self {
            shared: Arc::new(SharedView {
                state: Mutex::new(State::new(title, marks_best)),
                ended: Mutex::new(false),
                wake: Condvar::new(),
            }),
            thread: None,
            stop: stop.clone(),
            plain: TrainProgress::default(),
            epochs: 0,
            shows_recall: false,
            notes: Vec::new(),
        }
    }

    fn open(&mut self) {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        let thread = std::thread::Builder::new().name("view".into());
        // If the thread cannot be started, plain lines are printed.
        self.thread = thread
            .spawn(move || {
                // Ends if writing to the terminal fails; then plain lines are printed.
                let result = show(&shared, &stop);
                screen::leave();
                if result.is_err() {
                    let _ = signals::quit_on_second(&stop);
                }
            })
            .ok();
    }

    /// Whether the view is closed.
    fn is_plain(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

fn show(shared: &SharedView, stop: &Stop) -> std::io::Result<()> {
    let mut signals = SignalPoll::listen()?;
    let mut screen = Screen::enter()?;
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let palette = Palette::new(!is_plain);
    loop {
        if signals.suspended() {
            screen.suspend()?;
        }
        if let Some(signal) = signals.second(stop) {
            screen::leave();
            crate::signals::exit_immediately(signal);
        }
        let is_stopping = stop.requested().is_some();
        // The lock is held while the frame is composed, not while the terminal writes it.
        screen.draw(|frame| draw(frame, &shared.state(), palette, is_stopping))?;
        if !shared.pause() {
            return Ok(());
        }
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let was_plain = thread.is_finished();
        self.shared.end();
        // The hook has already reported a panic of the view.
        let _ = thread.join();
        self.plain.clear();
        if !was_plain {
            let state = self.shared.state();
            for epoch in state.last_words() {
                say(epoch_line(epoch, self.epochs, self.shows_recall));
            }
        }
        for note in &self.notes {
            say_paragraph("note", note);
        }
    }
}

impl Recorder for LiveView {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.plain.resumed(from)?;
        self.shared.state().resumes(&from.epochs);
        Ok(())
    }

    fn epoch_started(
        &mut self,
        epoch: usize,
        epochs: usize,
        images: usize,
    ) -> Result<(), TrainError> {
        self.epochs = epochs;
        self.shared.state().epoch_begins(epoch, epochs, images);
        if self.thread.is_none() {
            self.open();
        } else if self.is_plain() {
            self.plain.epoch_started(epoch, epochs, images)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.shared.state().step(step);
        if self.is_plain() {
            self.plain.step(step)?;
        }
        Ok(())
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.shows_recall = end.shows_recall;
        self.shared.state().epoch_ends(&end.record);
        if self.is_plain() {
            self.plain.epoch(end)?;
        }
        Ok(())
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        if self.is_plain() {
            return self.plain.noted(note);
        }
        self.notes.push(note.into());
        Ok(())
    }

    fn evaluating(&mut self, split: &str, done: usize, total: usize) -> Result<(), TrainError> {
        self.shared.state().evaluating(split, done, total);
        if self.is_plain() {
            self.plain.show_evaluation(split, done, total);
        }
        Ok(())
    }
}
