//! Draws the live view at the size of the terminal.

use super::layout::Areas;
use super::state::State;
use super::widgets::{Palette, chart, table};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use receptive_core::text::{duration, grouped};

pub(super) fn draw(frame: &mut Frame<'_>, state: &State, palette: Palette, is_stopping: bool) {
    let areas = Areas::new(frame.area());
    let epoch = format!("epoch {}/{}", state.epoch, state.epochs);
    frame.render_widget(
        ends(areas.title, &state.title, &epoch, palette.strong),
        areas.title,
    );
    frame.render_widget(
        progress(state, palette, areas.progress.width),
        areas.progress,
    );
    frame.render_widget(figures(state, areas.figures.width), areas.figures);
    if let Some([left, right]) = areas.charts {
        chart(
            frame,
            left,
            ("loss", f64::INFINITY),
            [&state.batch_loss, &state.val_loss],
            state,
            palette,
        );
        chart(
            frame,
            right,
            ("top-1 (%)", 100.0),
            [&state.train_top1, &state.val_top1],
            state,
            palette,
        );
    }
    table(frame, state, palette, areas.table);
    let hint = if is_stopping {
        "stopping after this step; press Ctrl-C again to quit immediately, without saving"
    } else {
        "Ctrl-C saves and stops"
    };
    frame.render_widget(Line::styled(hint, palette.faint), areas.hint);
}

/// Text on the left and, if it fits, on the right.
fn ends(area: Rect, left: &str, right: &str, style: Style) -> Line<'static> {
    let (left, right) = (Span::raw(left.to_owned()), Span::raw(right.to_owned()));
    let room = usize::from(area.width).saturating_sub(right.width());
    let gap = room.saturating_sub(left.width()).max(1);
    let mut text: String = left.content.chars().take(room.saturating_sub(1)).collect();
    text += &" ".repeat(if text.len() < left.content.len() {
        1
    } else {
        gap
    });
    Line::styled(text + &right.content, style)
}

/// Progress bars of the current epoch (or the split being evaluated) and of the run.
fn progress(state: &State, palette: Palette, width: u16) -> Line<'static> {
    let share = |done: f64, all: f64| {
        if all > 0.0 {
            (done / all).min(1.0)
        } else {
            0.0
        }
    };
    let (what, part) = match &state.evaluating {
        Some((split, done, total)) => (format!("{split:<5}"), share(*done as f64, *total as f64)),
        None => {
            let (all, done) = state.images;
            ("epoch".into(), share(done as f64, all as f64))
        }
    };
    let run = share(state.steps.1 as f64, state.steps.0 as f64);
    let length = (usize::from(width).saturating_sub(26) / 2).min(40);
    let mut spans = Vec::new();
    for (name, part) in [(what, part), ("  run".into(), run)] {
        let full = (part * length as f64).round() as usize;
        spans.push(Span::raw(format!("{name} ")));
        spans.push(Span::styled("━".repeat(full), palette.train));
        spans.push(Span::styled("─".repeat(length - full), palette.faint));
        spans.push(Span::raw(format!(" {:>3.0} %", 100.0 * part)));
    }
    Line::from(spans)
}

/// As many values as fit, the most important first.
fn figures(state: &State, width: u16) -> Line<'static> {
    let mut shown = String::new();
    let mut add = |text: String| {
        let gap = if shown.is_empty() { "" } else { "   " };
        if Span::raw(shown.as_str()).width() + gap.len() + text.len() <= usize::from(width) {
            shown += gap;
            shown += &text;
        }
    };
    if let Some((_, loss)) = state.batch_loss.points().last() {
        add(format!("loss {loss:.3}"));
    }
    if let Some(speed) = state.speed() {
        add(format!("{} images/s", grouped(speed.round() as usize)));
    }
    if let Some(left) = state.left() {
        add(format!("{} left", duration(left)));
    }
    if let Some(newest) = state.rows.back() {
        add(format!("data wait {:.1} %", 100.0 * newest.data_wait));
    }
    add(format!("rate {:.2e}", state.learning_rate));
    add(format!("{} elapsed", duration(state.elapsed())));
    Line::raw(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use receptive_train::{Epoch, Step};

    fn epoch(number: usize) -> Epoch {
        Epoch {
            epoch: number,
            train_loss: 2.0 / number as f64,
            train_top1: 0.5 + 0.01 * number as f64,
            val_loss: Some(2.1 / number as f64),
            val_top1: Some(0.6),
            val_top5: Some(0.9),
            val_mean_recall: Some(0.5),
            learning_rate: 0.05,
            images_per_second: 1772.3,
            data_wait: 0.021,
            seconds: 1.0,
            best: number == 3,
            weights: receptive_train::Weights::Trained,
            erf: None,
        }
    }

    fn state(epochs: usize) -> State {
        let mut state = State::new("runs/001: fashion-mini", true);
        for number in 1..=epochs {
            state.epoch_begins(number, 24, 640);
            for step in 1..=10 {
                state.step(&Step {
                    step: (10 * (number - 1) + step) as u64,
                    steps: 240,
                    epoch: number,
                    images: 64 * step,
                    loss: Some(2.3 / number as f64),
                    learning_rate: 0.05,
                });
            }
            state.epoch_ends(&epoch(number));
        }
        state
    }

    fn drawn(state: &State, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, state, Palette::new(false), false))
            .unwrap();
        let buffer = terminal.backend().buffer().clone();
        let rows = buffer.content().chunks(usize::from(width));
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect())
            .collect()
    }

    #[test]
    fn a_resumed_run_shows_its_earlier_epochs() {
        let mut state = State::new("runs/001: fashion-mini", true);
        state.resumes(&[epoch(1), epoch(2), epoch(3)]);
        assert_eq!(state.rows.len(), 3);
        assert_eq!(state.val_top1.points().len(), 3);
        assert_eq!(state.batch_loss.points()[0], (0.5, 2.0));
    }

    #[test]
    fn where_the_last_epoch_is_kept_none_is_marked() {
        for (marks_best, mark) in [(true, true), (false, false)] {
            let mut state = State::new("runs/001: fashion-mini", marks_best);
            state.resumes(&[epoch(1), epoch(2), epoch(3)]);
            let rows = drawn(&state, (80, 24)).join("\n");
            assert_eq!(rows.contains("3 *"), mark, "{rows}");
            assert_eq!(state.last_words().count(), 1);
        }
    }

    #[test]
    fn a_terminal_of_80x24_shows_figures_curves_and_epochs() {
        let rows = drawn(&state(5), (80, 24));
        assert!(rows[0].starts_with("runs/001: fashion-mini") && rows[0].ends_with("epoch 5/24"));
        assert!(
            rows[1].contains("epoch ━") && rows[1].contains("21 %"),
            "{}",
            rows[1]
        );
        assert!(
            rows[2].contains("loss 0.460") && rows[2].contains("left"),
            "{}",
            rows[2]
        );
        assert!(
            rows[3].contains("loss  ━ training  • validation"),
            "{}",
            rows[3]
        );
        assert!(rows[3].contains("top-1 (%)"));
        let whole = rows.join("\n");
        assert!(whole.contains('•') && whole.chars().any(|c| ('⠁'..='⣿').contains(&c)));
        let best = rows.iter().find(|row| row.contains("3 *")).unwrap();
        assert!(best.contains("0.667") && best.contains("53.0 %") && best.contains("1,772"));
        let place = |number: &str| {
            let row = rows
                .iter()
                .position(|row| row.trim_start().starts_with(number));
            row.unwrap()
        };
        assert!(place("5  ") < place("4  "), "the newest first");
        assert!(rows[23].contains("Ctrl-C saves"));
    }

    #[test]
    fn every_size_is_drawn() {
        let (begun, none) = (state(30), State::new("", true));
        for size in [
            (40, 10),
            (80, 24),
            (120, 40),
            (1, 1),
            (2, 50),
            (300, 3),
            (20, 100),
            (300, 90),
        ] {
            drawn(&begun, size);
            drawn(&none, size);
        }
        let small = drawn(&begun, (40, 10));
        assert!(small[0].ends_with("epoch 30/24"));
        assert!(
            small.iter().any(|row| row.contains("val loss")),
            "{small:?}"
        );
    }

    #[test]
    fn values_that_are_nan_or_infinite_are_left_out() {
        let mut state = state(2);
        let mut strange = epoch(3);
        (strange.train_top1, strange.val_loss) = (f64::NAN, Some(f64::INFINITY));
        state.epoch_ends(&strange);
        drawn(&state, (80, 24));
    }

    #[test]
    fn what_is_evaluated_has_its_own_bar() {
        let mut state = state(1);
        state.evaluating("val", 50, 100);
        assert!(drawn(&state, (80, 24))[1].starts_with("val   ━"));
        assert!(drawn(&state, (80, 24))[1].contains("50 %"));
        state.evaluating("val", 100, 100);
        assert!(drawn(&state, (80, 24))[1].starts_with("epoch"));
    }
}
