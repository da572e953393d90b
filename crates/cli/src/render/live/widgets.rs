//! The parts of the live view: charts and the table of epochs.

use super::state::{LiveCurve, State};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Row, Table};
use receptive_core::text::grouped;
use receptive_train::Epoch;

/// Two colours that also differ in brightness. Without colours, the curves differ by lines and dots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    pub(super) train: Style,
    pub(super) val: Style,
    pub(super) faint: Style,
    pub(super) strong: Style,
}

impl Palette {
    pub(super) fn new(coloured: bool) -> Self {
        let colour = |colour| {
            if coloured {
                Style::new().fg(colour)
            } else {
                Style::new()
            }
        };
        Self {
            train: colour(Color::Cyan),
            val: colour(Color::Yellow),
            faint: Style::new().add_modifier(Modifier::DIM),
            strong: Style::new().add_modifier(Modifier::BOLD),
        }
    }
}

/// A chart of two curves: training as a line, validation as dots. `max` is the largest possible value.
pub(super) fn chart(
    frame: &mut Frame<'_>,
    area: Rect,
    (name, max): (&'static str, f64),
    [train, val]: [&LiveCurve; 2],
    state: &State,
    palette: Palette,
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
    let high = high.min(max);
    let digits = if high - low < 0.05 {
        3
    } else if high - low < 10.0 {
        2
    } else {
        0
    };
    // From the first epoch of this process to the current one.
    let losses = state.batch_loss.points();
    let first = losses.first().map_or(0.0, |point| point.0.floor());
    let last = (state.epoch as f64).max(first + 1.0);
    let title = Line::from(vec![
        Span::styled(format!("{name}  "), palette.strong),
        Span::styled("━ training  ", palette.train),
        Span::styled("• validation", palette.val),
    ]);
    let datasets = vec![
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(palette.train)
            .data(train.points()),
        Dataset::default()
            .marker(Marker::Dot)
            .graph_type(GraphType::Scatter)
            .style(palette.val)
            .data(val.points()),
    ];
    let label = |value: f64| format!("{value:.digits$}");
    let chart = Chart::new(datasets)
        .block(Block::new().title(title))
        .x_axis(
            Axis::default()
                .bounds([first, last])
                .labels([format!("{first:.0}"), format!("epoch {last:.0}")])
                .style(palette.faint),
        )
        .y_axis(
            Axis::default()
                .bounds([low, high])
                .labels([label(low), label((low + high) / 2.0), label(high)])
                .style(palette.faint),
        )
        .legend_position(None);
    frame.render_widget(chart, area);
}

/// A non-empty range that contains all values.
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

/// A column of the table: header, width, cell.
type Column = (&'static str, u16, fn(&Epoch) -> String);

/// In descending order of importance: the last ones are omitted if they do not fit.
const COLUMNS: [Column; 8] = [
    ("epoch", 6, |epoch| {
        format!("{}{}", epoch.epoch, if epoch.best { " *" } else { "  " })
    }),
    ("loss", 7, |epoch| format!("{:.3}", epoch.train_loss)),
    ("top-1", 7, |epoch| {
        format!("{:.1} %", 100.0 * epoch.train_top1)
    }),
    ("val loss", 8, |epoch| {
        epoch
            .val_loss
            .map_or("-".into(), |loss| format!("{loss:.3}"))
    }),
    ("val top-1", 9, |epoch| {
        epoch
            .val_top1
            .map_or("-".into(), |top1| format!("{:.1} %", 100.0 * top1))
    }),
    ("images/s", 8, |epoch| {
        grouped(epoch.images_per_second.round() as usize)
    }),
    ("rate", 8, |epoch| format!("{:.2e}", epoch.learning_rate)),
    ("data wait", 9, |epoch| {
        format!("{:.1} %", 100.0 * epoch.data_wait)
    }),
];

/// The latest epochs, newest first.
pub(super) fn table(frame: &mut Frame<'_>, state: &State, palette: Palette, area: Rect) {
    let mut width = 0;
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .take_while(|(_, columns, _)| {
            width += columns + 2;
            width <= area.width + 2
        })
        .collect();
    let right = |text: String| Line::raw(text).right_aligned();
    let rows = state
        .rows
        .iter()
        .rev()
        .take(usize::from(area.height))
        .map(|epoch| {
            let cells = columns.iter().map(|(_, _, cell)| right(cell(epoch)));
            let style = if epoch.best {
                palette.strong
            } else {
                Style::new()
            };
            Row::new(cells.collect::<Vec<_>>()).style(style)
        });
    let head = columns.iter().map(|(name, ..)| right((*name).into()));
    let widths = columns
        .iter()
        .map(|(_, width, _)| Constraint::Length(*width));
    let table = Table::new(rows.collect::<Vec<_>>(), widths.collect::<Vec<_>>())
        .column_spacing(2)
        .header(Row::new(head.collect::<Vec<_>>()).style(palette.faint));
    frame.render_widget(table, area);
}
