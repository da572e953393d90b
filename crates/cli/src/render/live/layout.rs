//! The layout of the live view for the size of the terminal.

use ratatui::layout::{Constraint, Layout, Rect};

/// The areas of the view; `None` for those that do not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) title: Rect,
    pub(super) progress: Rect,
    pub(super) figures: Rect,
    pub(super) charts: Option<[Rect; 2]>,
    pub(super) table: Rect,
    pub(super) hint: Rect,
}

/// Minimum size of a chart.
const CHART_ROWS: u16 = 8;
const CHART_COLUMNS: u16 = 30;
/// Rows of everything except charts and table.
const LINES: u16 = 4;
/// Minimum number of rows of the table, including its header.
const TABLE_ROWS: u16 = 4;

impl Areas {
    pub(super) fn new(area: Rect) -> Self {
        let free = area.height.saturating_sub(LINES + TABLE_ROWS);
        let has_charts = free >= CHART_ROWS && area.width >= CHART_COLUMNS;
        let charts = if has_charts {
            // At most three fifths of the height; the table gets the rest.
            free.min((area.height * 3 / 5).max(CHART_ROWS))
        } else {
            0
        };
        let [title, progress, figures, middle, table, hint] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(charts),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(area);
        // Next to each other if there is enough room.
        let both = if area.width >= 2 * CHART_COLUMNS {
            Layout::horizontal([Constraint::Fill(1); 2]).spacing(1)
        } else {
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(0)])
        };
        Self {
            title,
            progress,
            figures,
            charts: has_charts.then(|| both.areas(middle)),
            table,
            hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_terminal_keeps_figures_and_table() {
        let small = Areas::new(Rect::new(0, 0, 40, 10));
        assert_eq!(small.charts, None);
        assert_eq!(small.table.height, 6);
        let usual = Areas::new(Rect::new(0, 0, 80, 24));
        let charts = usual.charts.unwrap();
        assert!(charts[0].height >= CHART_ROWS && charts[1].width >= 39);
        assert!(usual.table.height >= TABLE_ROWS + 2, "{usual:?}");
        let narrow = Areas::new(Rect::new(0, 0, 40, 30));
        assert_eq!(narrow.charts.unwrap()[1].width, 0);
        for (width, height) in [(0, 0), (1, 1), (3, 200), (500, 2)] {
            Areas::new(Rect::new(0, 0, width, height));
        }
    }
}
