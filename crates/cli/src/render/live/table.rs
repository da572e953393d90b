//! The epochs of the view.

use super::draw::Look;
use super::state::State;
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};
use receptive_plot::grouped;
use receptive_train::Epoch;

/// A column of the table: its head, its width, and what stands in it.
type Column = (&'static str, u16, fn(&Epoch) -> String);

/// The most wanted first: what has no room is left out from the end.
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

/// The newest epochs, the newest first.
pub(super) fn table(frame: &mut Frame<'_>, state: &State, look: Look, area: Rect) {
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
                look.strong
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
        .header(Row::new(head.collect::<Vec<_>>()).style(look.faint));
    frame.render_widget(table, area);
}
