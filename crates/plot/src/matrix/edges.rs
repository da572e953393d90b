//! What stands around the cells: class names, axis titles, recall and sums.

use super::Table;
use super::layout::Layout;
use crate::Theme;
use crate::axis::number::{count, percent};
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Outline, Scene, Text};

/// Class names and axis titles.
pub(crate) fn labels(table: &Table<'_>, scene: &mut Scene, theme: &Theme, layout: &Layout) {
    let (grid, size) = (layout.grid, layout.size);
    let named = layout.labels.iter().enumerate().step_by(layout.every);
    for (index, label) in named {
        let middle = layout.middle(index);
        let row = Text::new(
            (grid.x - 8.0, grid.y + middle + size * 0.36),
            label,
            size,
            theme.ink,
        );
        scene.text(row.anchor(Anchor::End));
        let x = grid.x + middle;
        let column = match layout.turn {
            0.0 => Text::new((x, grid.y - 8.0), label, size, theme.ink).anchor(Anchor::Middle),
            turn if turn > -90.0 => {
                Text::new((x + 2.0, grid.y - 7.0), label, size, theme.ink).turn(turn)
            }
            turn => Text::new((x + size * 0.36, grid.y - 6.0), label, size, theme.ink).turn(turn),
        };
        scene.text(column);
    }
    let title = |at, text| {
        Text::new(at, text, 12.5, theme.muted)
            .medium()
            .anchor(Anchor::Middle)
    };
    scene.text(title(
        (grid.x + grid.w / 2.0, grid.y - layout.rise - 4.0),
        "predicted",
    ));
    let longest = layout
        .labels
        .iter()
        .map(|label| Weight::Regular.width(label, size))
        .fold(0.0, f64::max);
    let at = (grid.x - longest - 20.0, grid.y + grid.h / 2.0);
    scene.text(title(at, "true").turn(-90.0));
    debug_assert_eq!(table.len(), layout.labels.len());
}

/// The length of a bar of 100 %, where sums are drawn as bars.
const BAR: f64 = 70.0;

/// Recall and the number of examples on the right; precision and predictions below.
pub(crate) fn sums(table: &Table<'_>, scene: &mut Scene, theme: &Theme, layout: &Layout) {
    let (grid, size) = (layout.grid, layout.size);
    let recall_end = grid.right() + layout.sums.0;
    let total_end = recall_end + layout.sums.1;
    let write = |at, text: &str, colour| Text::new(at, text, size, colour).anchor(Anchor::End);
    let shares = table.right.iter().zip(&table.rows).enumerate();
    if !layout.numbers {
        // The ground is as long as a recall of 100 %.
        let ground = Area::new(grid.right() + 8.0, grid.y, BAR, grid.h);
        scene.fill(
            Outline::Rect(ground),
            theme.rule.mix(theme.background, 0.35),
        );
        for (index, (right, whole)) in shares {
            let share = *right as f64 / (*whole).max(1) as f64;
            let y = grid.y + index as f64 * layout.cell;
            let bar = Area::new(
                grid.right() + 8.0,
                y,
                share * BAR,
                (layout.cell * 0.8).max(0.5),
            );
            scene.fill(Outline::Rect(bar), theme.right.mix(theme.background, 0.3));
        }
        scene.text(Text::new(
            (grid.right() + 8.0, grid.y - 6.0),
            "recall",
            10.0,
            theme.muted,
        ));
        return;
    }
    let head = size.max(9.0);
    for (x, text) in [(recall_end, "recall"), (total_end, "examples")] {
        scene.text(Text::new((x, grid.y - 8.0), text, head, theme.muted).anchor(Anchor::End));
    }
    for (index, (right, whole)) in shares {
        let y = grid.y + layout.middle(index) + size * 0.36;
        scene.text(write((recall_end, y), &percent(*right, *whole), theme.ink));
        scene.text(write((total_end, y), &count(*whole), theme.muted));
    }
    if layout.foot() < 20.0 {
        return;
    }
    for (title, y) in [("precision", 16.0), ("predictions", 32.0)] {
        let text = Text::new((grid.x - 8.0, grid.bottom() + y), title, 10.5, theme.muted);
        scene.text(text.anchor(Anchor::End));
    }
    for (index, (right, whole)) in table.right.iter().zip(&table.columns).enumerate() {
        let x = grid.x + layout.middle(index);
        let share = percent(*right, *whole);
        let share = share.trim_end_matches(" %");
        for (text, y, colour) in [
            (share, 16.0, theme.ink),
            (&count(*whole), 32.0, theme.muted),
        ] {
            let full = Weight::Regular.width(text, 1.0);
            let size = ((layout.cell - 4.0) / full).min(11.0);
            if size >= 6.0 {
                let text = Text::new((x, grid.bottom() + y), text, size, colour);
                scene.text(text.anchor(Anchor::Middle));
            }
        }
    }
}
