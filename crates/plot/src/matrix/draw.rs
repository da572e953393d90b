//! Drawing a confusion matrix: the cells, the labels around them, and the colour key.

use super::Counts;
use super::layout::{KEY, Layout};
use crate::color::{BACKGROUND, Color, INK, MUTED, RULE};
use crate::heading::MARGIN;
use crate::number::{count, percent};
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};

/// The colour of the diagonal.
const CORRECT: Color = Color::new(0, 82, 140);
/// The colour of the other cells.
const MISTAKE: Color = Color::new(196, 78, 0);
/// The largest number of classes with counts in the cells.
const MAX_NUMBERED: usize = 20;

/// The colour of a share: by square root, since mistakes are rare and must still be visible.
fn color(right: bool, share: f64) -> Color {
    let full = if right { CORRECT } else { MISTAKE };
    BACKGROUND.mix(full, share.sqrt())
}

/// Draws the cells and their counts.
pub(crate) fn cells(counts: &Counts<'_>, scene: &mut Scene, layout: &Layout) {
    let n = counts.len();
    let grid = layout.grid;
    let cells = || {
        counts
            .cells()
            .map(|(row, column, count, share)| (row, column, count, color(row == column, share)))
    };
    let rgb = cells().flat_map(|(.., c)| [c.r, c.g, c.b]).collect();
    scene.bitmap(Bitmap {
        area: grid,
        width: n,
        height: n,
        rgb,
    });
    if layout.cell >= 5.0 {
        for index in 1..n {
            let at = index as f64 * layout.cell;
            let width = if layout.cell >= 20.0 { 1.0 } else { 0.5 };
            let stroke = Stroke::new(RULE, width);
            scene.stroke(
                Outline::Line(vec![(grid.x + at, grid.y), (grid.x + at, grid.bottom())]),
                stroke,
            );
            scene.stroke(
                Outline::Line(vec![(grid.x, grid.y + at), (grid.right(), grid.y + at)]),
                stroke,
            );
        }
    }
    let frame = Stroke::new(MUTED.mix(BACKGROUND, 0.4), 1.0);
    scene.stroke(Outline::Rect(grid), frame);
    if n > MAX_NUMBERED {
        return;
    }
    for (row, column, number, ground) in cells() {
        let text = count(number);
        // Smaller for long numbers, and left out if even that does not fit.
        let full = Weight::Regular.width(&text, 1.0);
        let size = ((layout.cell - 6.0) / full).min(if layout.cell > 40.0 { 12.5 } else { 11.5 });
        if size < 6.0 {
            continue;
        }
        let ink = if number == 0 {
            MUTED.mix(BACKGROUND, 0.6)
        } else {
            ground.ink(INK)
        };
        let at = (
            grid.x + layout.middle(column),
            grid.y + layout.middle(row) + size * 0.36,
        );
        scene.text(Text::new(at, &text, size, ink).anchor(Anchor::Middle));
    }
}

/// Draws the key below the matrix, two short bars; returns where it ends.
pub(crate) fn key(scene: &mut Scene, layout: &Layout) -> f64 {
    const STEPS: usize = 96;
    const BAR: f64 = 110.0;
    let y = layout.grid.bottom() + layout.foot() + 20.0;
    // A narrow figure needs its whole width for the key.
    let room = layout.width - layout.grid.x - MARGIN;
    let mut x = if room < KEY { MARGIN } else { layout.grid.x };
    for (right, name) in [(true, "right"), (false, "mistaken")] {
        scene.text(Text::new((x, y), name, 11.0, MUTED));
        let start = x + Weight::Regular.width(name, 11.0) + 8.0;
        let area = Area::new(start.round(), y - 9.0, BAR, 10.0);
        let rgb = (0..STEPS).flat_map(|step| {
            // Even steps of colour, so that the marks below match their shares.
            let share = (step as f64 / (STEPS - 1) as f64).powi(2);
            let c = color(right, share);
            [c.r, c.g, c.b]
        });
        scene.bitmap(Bitmap {
            area,
            width: STEPS,
            height: 1,
            rgb: rgb.collect(),
        });
        scene.stroke(Outline::Rect(area), Stroke::new(RULE, 1.0));
        for (share, label) in [(0.0_f64, "0"), (0.1, "10"), (0.5, "50"), (1.0, "100 %")] {
            let at = (area.x + share.sqrt() * BAR, area.bottom() + 12.0);
            scene.text(Text::new(at, label, 9.5, MUTED).anchor(Anchor::Middle));
        }
        x = area.right() + 34.0;
    }
    scene.text(Text::new(
        (x - 6.0, y),
        "fraction of the true class",
        11.0,
        MUTED,
    ));
    y + 14.0
}

/// Draws class names and axis titles.
pub(crate) fn labels(counts: &Counts<'_>, scene: &mut Scene, layout: &Layout) {
    let (grid, size) = (layout.grid, layout.size);
    let named = layout.labels.iter().enumerate().step_by(layout.every);
    for (index, label) in named {
        let middle = layout.middle(index);
        let row = Text::new(
            (grid.x - 8.0, grid.y + middle + size * 0.36),
            label,
            size,
            INK,
        );
        scene.text(row.anchor(Anchor::End));
        let x = grid.x + middle;
        let column = match layout.turn {
            0.0 => Text::new((x, grid.y - 8.0), label, size, INK).anchor(Anchor::Middle),
            turn if turn > -90.0 => Text::new((x + 2.0, grid.y - 7.0), label, size, INK).turn(turn),
            turn => Text::new((x + size * 0.36, grid.y - 6.0), label, size, INK).turn(turn),
        };
        scene.text(column);
    }
    let title = |at, text| {
        Text::new(at, text, 12.5, MUTED)
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
    debug_assert_eq!(counts.len(), layout.labels.len());
}

/// The length of a bar of 100 %, if sums are drawn as bars.
const RECALL_BAR: f64 = 70.0;

/// Draws recall and the number of examples on the right, precision and predictions below.
pub(crate) fn sums(counts: &Counts<'_>, scene: &mut Scene, layout: &Layout) {
    let (grid, size) = (layout.grid, layout.size);
    let recall_end = grid.right() + layout.sums.0;
    let total_end = recall_end + layout.sums.1;
    let write = |at, text: &str, color| Text::new(at, text, size, color).anchor(Anchor::End);
    let shares = counts.right.iter().zip(&counts.rows).enumerate();
    if !layout.numbers {
        // The background is as long as a recall of 100 %.
        let ground = Area::new(grid.right() + 8.0, grid.y, RECALL_BAR, grid.h);
        scene.fill(Outline::Rect(ground), RULE.mix(BACKGROUND, 0.35));
        for (index, (right, whole)) in shares {
            let share = *right as f64 / (*whole).max(1) as f64;
            let y = grid.y + index as f64 * layout.cell;
            let bar = Area::new(
                grid.right() + 8.0,
                y,
                share * RECALL_BAR,
                (layout.cell * 0.8).max(0.5),
            );
            scene.fill(Outline::Rect(bar), CORRECT.mix(BACKGROUND, 0.3));
        }
        scene.text(Text::new(
            (grid.right() + 8.0, grid.y - 6.0),
            "recall",
            10.0,
            MUTED,
        ));
        return;
    }
    let head = size.max(9.0);
    for (x, text) in [(recall_end, "recall"), (total_end, "examples")] {
        scene.text(Text::new((x, grid.y - 8.0), text, head, MUTED).anchor(Anchor::End));
    }
    for (index, (right, whole)) in shares {
        let y = grid.y + layout.middle(index) + size * 0.36;
        scene.text(write((recall_end, y), &percent(*right, *whole), INK));
        scene.text(write((total_end, y), &count(*whole), MUTED));
    }
    if layout.foot() < 20.0 {
        return;
    }
    for (title, y) in [("precision", 16.0), ("predictions", 32.0)] {
        let text = Text::new((grid.x - 8.0, grid.bottom() + y), title, 10.5, MUTED);
        scene.text(text.anchor(Anchor::End));
    }
    for (index, (right, whole)) in counts.right.iter().zip(&counts.columns).enumerate() {
        let x = grid.x + layout.middle(index);
        let share = percent(*right, *whole);
        let share = share.trim_end_matches(" %");
        for (text, y, color) in [(share, 16.0, INK), (&count(*whole), 32.0, MUTED)] {
            let full = Weight::Regular.width(text, 1.0);
            let size = ((layout.cell - 4.0) / full).min(11.0);
            if size >= 6.0 {
                let text = Text::new((x, grid.bottom() + y), text, size, color);
                scene.text(text.anchor(Anchor::Middle));
            }
        }
    }
}
