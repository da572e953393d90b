use comfy_table::{CellAlignment, ContentArrangement, presets};
use receptive_core::text::Printable;
use std::fmt;

/// A table without lines: the first columns are text, aligned left, the others numbers, aligned right.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(head.iter().copied());
        for (index, column) in table.column_iter_mut().enumerate() {
            let text = head.get(index).is_some_and(|name| {
                matches!(
                    *name,
                    "" | "run" | "layer" | "class" | "network" | "names" | "operation"
                )
            });
            column.set_padding((0, 2));
            column.set_cell_alignment(if text {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            });
        }
        Self(table)
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(
            cells
                .into_iter()
                .map(|cell| short(&cell))
                .collect::<Vec<_>>(),
        );
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .0
            .lines()
            .map(|line| line.trim_end().to_string())
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Table {
    /// The number of characters of the longest line.
    pub(crate) fn width(&self) -> usize {
        let text = self.to_string();
        text.lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0)
    }
}

/// Maximum width of a cell, so that five columns fit in 80 characters; longer class names are truncated.
pub(crate) const MAX_WIDTH: usize = 36;

fn short(cell: &str) -> String {
    cut(&cell.printable(), MAX_WIDTH)
}

/// Truncates a text to `width` characters, of which the last three are then dots.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    kept + "..."
}
