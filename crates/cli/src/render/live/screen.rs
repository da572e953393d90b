//! The terminal's alternate screen, which is left even after a panic.

use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, size,
};
use ratatui::prelude::CrosstermBackend;
use ratatui::{Frame, Terminal};
use std::io::{self, Stderr, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Whether the alternate screen is shown.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// Locked while writing to the terminal.
static WRITING: Mutex<()> = Mutex::new(());
/// How long a panic waits for the current frame.
const PATIENCE: Duration = Duration::from_millis(300);

pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    size: (u16, u16),
}

impl Screen {
    pub(super) fn enter() -> io::Result<Self> {
        open()?;
        Self::blank()
    }

    /// An empty screen. `Terminal::clear` is not used because it queries the cursor position, which swallows
    /// typed input.
    fn blank() -> io::Result<Self> {
        let size = size()?;
        execute!(stderr(), Clear(ClearType::All))?;
        Ok(Self {
            terminal: Terminal::new(CrosstermBackend::new(stderr()))?,
            size,
        })
    }

    /// Draws a frame at the current size of the terminal.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic elsewhere has left the alternate screen to show its message.
        if !ENTERED.load(Ordering::SeqCst) {
            return Err(io::Error::other("the screen was left"));
        }
        if size()? != self.size {
            *self = Self::blank()?;
        }
        self.terminal.draw(draw).map(|_| ())
    }

    /// Stops the process like Ctrl-Z, on the normal screen, and afterwards restores the view.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        leave();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        *self = Self::enter()?;
        Ok(())
    }
}

fn open() -> io::Result<()> {
    keys::silence();
    ENTERED.store(true, Ordering::SeqCst);
    execute!(stderr(), EnterAlternateScreen)
}

/// Returns to the normal screen, if necessary.
pub(super) fn leave() {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    restore();
}

fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // A closed terminal needs no restoring. Some terminals keep old contents if their size has changed.
        let _ = execute!(stderr(), Clear(ClearType::All), LeaveAlternateScreen, Show);
        keys::restore();
    }
}

/// Shows panic messages on the normal screen. Must be called before other hooks are set: hooks that silence
/// expected panics then run before this one.
pub(crate) fn restore_on_panic() {
    let message = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if ENTERED.load(Ordering::SeqCst) {
            // Not `lock`, because the drawing itself may have panicked.
            let began = Instant::now();
            while let Err(TryLockError::WouldBlock) = WRITING.try_lock()
                && began.elapsed() < PATIENCE
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            restore();
        }
        message(panic);
    }));
}

/// Keys typed during the live view must appear neither in it nor at the next prompt. Ctrl-C and Ctrl-Z must
/// still send signals, which raw mode would disable.
#[cfg(unix)]
mod keys {
    use rustix::termios::{
        LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr,
    };
    use std::io::stderr;
    use std::sync::{Mutex, PoisonError};

    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    pub(super) fn silence() {
        let Ok(before) = tcgetattr(stderr()) else {
            return;
        };
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        if tcsetattr(stderr(), OptionalActions::Now, &silent).is_ok() {
            *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        }
    }

    pub(super) fn restore() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            let _ = tcflush(stderr(), QueueSelector::IFlush);
            let _ = tcsetattr(stderr(), OptionalActions::Now, &before);
        }
    }
}

#[cfg(not(unix))]
mod keys {
    pub(super) fn silence() {}
    pub(super) fn restore() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{set_hook, take_hook};
    use std::sync::Arc;

    #[test]
    fn a_panic_is_reported_on_the_normal_screen_even_while_a_frame_is_drawn() {
        let before = take_hook();
        let was_left = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&was_left);
        set_hook(Box::new(move |_| {
            seen.store(!ENTERED.load(Ordering::SeqCst), Ordering::SeqCst);
        }));
        restore_on_panic();
        for is_drawing in [false, true] {
            ENTERED.store(true, Ordering::SeqCst);
            was_left.store(false, Ordering::SeqCst);
            let panicked = std::thread::spawn(move || {
                let _writing = is_drawing.then(|| WRITING.lock());
                panic!("in the middle of a run");
            });
            assert!(panicked.join().is_err());
            assert!(was_left.load(Ordering::SeqCst), "drawing: {is_drawing}");
        }
        set_hook(before);
    }
}
