//! One curve chart of the view.

use super::curve::Curve;
use super::draw::Look;
use super::state::State;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType};

/// Two curves: training as a line, validation as dots. `most` is the largest value there can be.
pub(super) fn chart(
    frame: &mut Frame<'_>,
    area: Rect,
    (name, most): (&'static str, f64),
    [train, val]: [&Curve; 2],
    state: &State,
    look: Look,
) {
    if area.is_empty() {
        return;
    }
    let ys = || {
        train
            .points()
            .iter()
            .chain(val.points())
            .map(|point| point.1)
    };
    let (low, high) = bounds(ys());
    let high = high.min(most);
    let digits = if high - low < 0.05 {
        3
    } else if high - low < 10.0 {
        2
    } else {
        0
    };
    // From the epoch that this process began with to the one it is in.
    let losses = state.batch_loss.points();
    let first = losses.first().map_or(0.0, |point| point.0.floor());
    let last = (state.epoch as f64).max(first + 1.0);
    let title = Line::from(vec![
        Span::styled(format!("{name}  "), look.strong),
        Span::styled("━ training  ", look.train),
        Span::styled("• validation", look.val),
    ]);
    let datasets = vec![
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(look.train)
            .data(train.points()),
        Dataset::default()
            .marker(Marker::Dot)
            .graph_type(GraphType::Scatter)
            .style(look.val)
            .data(val.points()),
    ];
    let label = |value: f64| format!("{value:.digits$}");
    let chart = Chart::new(datasets)
        .block(Block::new().title(title))
        .x_axis(
            Axis::default()
                .bounds([first, last])
                .labels([format!("{first:.0}"), format!("epoch {last:.0}")])
                .style(look.faint),
        )
        .y_axis(
            Axis::default()
                .bounds([low, high])
                .labels([label(low), label((low + high) / 2.0), label(high)])
                .style(look.faint),
        )
        .legend_position(None);
    frame.render_widget(chart, area);
}

/// A range about all values that is never empty.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let air = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-6);
    (low - air, high + air)
}
