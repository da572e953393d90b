//! Ctrl-C: the first finishes the step and saves, the second leaves at once.

use receptive_train::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ENDING: [i32; 2] = [SIGINT, SIGTERM];

/// Makes SIGINT and SIGTERM ask for a stop.
pub(crate) fn stop_on_signals() -> std::io::Result<Stop> {
    let stop = Stop::default();
    for signal in ENDING {
        flag::register_usize(signal, stop.flag(), signal as usize)?;
    }
    Ok(stop)
}

/// Lets the second of them end the process within its handler, whatever the process is doing.
pub(crate) fn leave_on_second(stop: &Stop) -> std::io::Result<()> {
    for signal in ENDING {
        let again = Arc::new(AtomicBool::new(stop.requested().is_some()));
        // In this order: the exit looks at the flag before the line after it sets it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
        flag::register(signal, again)?;
    }
    Ok(())
}

/// Signals for someone who has a terminal to tidy up first: they are looked at now and then.
pub(crate) struct Presses {
    ending: Vec<(i32, Arc<AtomicBool>)>,
    suspending: Arc<AtomicBool>,
    /// Whether one that ends was seen.
    first: bool,
}

impl Presses {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let listen = |signal| {
            let pressed = Arc::new(AtomicBool::new(false));
            flag::register(signal, Arc::clone(&pressed)).map(|_| pressed)
        };
        Ok(Self {
            ending: ENDING
                .into_iter()
                .map(|signal| Ok((signal, listen(signal)?)))
                .collect::<std::io::Result<_>>()?,
            #[cfg(unix)]
            suspending: listen(signal_hook::consts::SIGTSTP)?,
            #[cfg(not(unix))]
            suspending: Arc::default(),
            first: false,
        })
    }

    /// The signal that asks a second time for an end.
    pub(crate) fn second(&mut self, stop: &Stop) -> Option<i32> {
        let mut newest = None;
        for (signal, pressed) in &self.ending {
            if pressed.swap(false, Ordering::SeqCst) {
                newest = Some(*signal);
            }
        }
        let pressed = newest?;
        let is_second = std::mem::replace(&mut self.first, stop.requested().is_some());
        is_second.then_some(pressed)
    }

    /// Whether Ctrl-Z was pressed since this was last asked.
    pub(crate) fn suspended(&self) -> bool {
        self.suspending.swap(false, Ordering::SeqCst)
    }
}

/// Ends the process as the handler of a second signal does.
pub(crate) fn exit_at_once(signal: i32) -> ! {
    signal_hook::low_level::exit(128 + signal)
}
