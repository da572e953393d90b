//! All output: results, messages, tables, progress.

mod live;
mod output;
mod progress;
mod series_progress;
mod table;
mod train_progress;

pub(crate) use live::{LiveView, Tui, is_wanted as live_view_wanted, restore_on_panic};
pub(crate) use output::{
    exit_usage, is_silent, line, paragraph, print, print_json, print_raw, say, say_error, say_line,
    say_paragraph, silence, wide_line, wide_paragraph,
};
pub(crate) use progress::{DataProgress, MeasureProgress, StepProgress};
pub(crate) use series_progress::SeriesProgress;
pub(crate) use table::{MAX_WIDTH, Table, cut};
pub(crate) use train_progress::TrainProgress;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// Whether standard output may be coloured: it is a terminal, and `NO_COLOR` is not set.
pub(crate) fn colour_allowed() -> bool {
    let is_disabled = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !is_disabled
}

/// A progress bar on a terminal; hidden elsewhere, where plain lines are printed.
fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() || is_silent() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    // With an invalid template the bar keeps its default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
