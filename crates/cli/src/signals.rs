//! Ctrl-C: the first finishes the step and saves, the second quits immediately.

use receptive_train::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const STOP_SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Makes SIGINT and SIGTERM request a stop.
pub(crate) fn stop_on_signals() -> std::io::Result<Stop> {
    let stop = Stop::default();
    for signal in STOP_SIGNALS {
        flag::register_usize(signal, stop.flag(), signal as usize)?;
    }
    Ok(stop)
}

/// Makes a write beyond the limit on file sizes (`ulimit -f`) an error that names the file, as on a full disk,
/// instead of a signal that silently ends the process.
pub(crate) fn report_size_limit() -> std::io::Result<()> {
    #[cfg(unix)]
    flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Makes a second signal end the process from its handler, whatever the process is doing.
pub(crate) fn quit_on_second(stop: &Stop) -> std::io::Result<()> {
    for signal in STOP_SIGNALS {
        let again = Arc::new(AtomicBool::new(stop.requested().is_some()));
        // In this order, because the shutdown must read the flag before the second handler sets it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
        flag::register(signal, again)?;
    }
    Ok(())
}

/// Polled signals, for a view that must restore the terminal first.
pub(crate) struct SignalPoll {
    stop_signals: Vec<(i32, Arc<AtomicBool>)>,
    suspend: Arc<AtomicBool>,
    /// Whether a first stop signal was received.
    first: bool,
}

impl SignalPoll {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let listen = |signal| {
            let pressed = Arc::new(AtomicBool::new(false));
            flag::register(signal, Arc::clone(&pressed)).map(|_| pressed)
        };
        Ok(Self {
            stop_signals: STOP_SIGNALS
                .into_iter()
                .map(|signal| Ok((signal, listen(signal)?)))
                .collect::<std::io::Result<_>>()?,
            #[cfg(unix)]
            suspend: listen(signal_hook::consts::SIGTSTP)?,
            #[cfg(not(unix))]
            suspend: Arc::default(),
            first: false,
        })
    }

    /// The second stop signal, if there was one.
    pub(crate) fn second(&mut self, stop: &Stop) -> Option<i32> {
        let mut newest = None;
        for (signal, pressed) in &self.stop_signals {
            if pressed.swap(false, Ordering::SeqCst) {
                newest = Some(*signal);
            }
        }
        let pressed = newest?;
        let is_second = std::mem::replace(&mut self.first, stop.requested().is_some());
        is_second.then_some(pressed)
    }

    /// Whether Ctrl-Z was pressed since the last call.
    pub(crate) fn suspended(&self) -> bool {
        self.suspend.swap(false, Ordering::SeqCst)
    }
}

/// Ends the process as the handler of a second signal does.
pub(crate) fn exit_immediately(signal: i32) -> ! {
    signal_hook::low_level::exit(128 + signal)
}
