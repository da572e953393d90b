//! Ctrl-C: the first finishes the step and saves, the second leaves at once.

use receptive_train::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Makes SIGINT and SIGTERM ask for a stop.
pub(crate) fn stop_on_signals() -> std::io::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        let again = Arc::new(AtomicBool::new(false));
        // In this order: the exit looks at the flag before the line after it sets it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
        flag::register(signal, again)?;
        flag::register_usize(signal, stop.flag(), signal as usize)?;
    }
    Ok(stop)
}
