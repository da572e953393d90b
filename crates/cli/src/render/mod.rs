//! What people see: tables, numbers, progress.

mod data_progress;
mod duration;
mod live;
mod measure_progress;
mod say;
mod step_progress;
mod table;
mod train_progress;

pub(crate) use data_progress::DataProgress;
pub(crate) use duration::duration;
pub(crate) use live::{LiveView, restore_on_panic, wanted as live_view_wanted};
pub(crate) use measure_progress::MeasureProgress;
pub(crate) use say::{say, say_error};
pub(crate) use step_progress::StepProgress;
pub(crate) use table::Table;
pub(crate) use train_progress::TrainProgress;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Whether standard output may be coloured: a terminal, and nobody set `NO_COLOR`.
pub(crate) fn colour_allowed() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

/// A bar on a terminal; nothing elsewhere, where plain lines stand in.
fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    // A template that can't be read leaves indicatif's own, which is no reason to fail.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
