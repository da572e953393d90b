//! The cells of a confusion matrix, and the key to their colours.

use super::Table;
use super::layout::{KEY, Layout};
use crate::axis::number::count;
use crate::heading::MARGIN;
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Bitmap, Outline, Scene, Stroke, Text};
use crate::{Colour, Theme};

/// The most classes whose cells show counts.
const NUMBERED: usize = 20;

/// The colour of a share: by square root, since mistakes are rare and must still be seen.
fn colour(theme: &Theme, right: bool, share: f64) -> Colour {
    let full = if right { theme.right } else { theme.wrong };
    theme.background.mix(full, share.sqrt())
}

pub(crate) fn draw(table: &Table<'_>, scene: &mut Scene, theme: &Theme, layout: &Layout) {
    let n = table.len();
    let grid = layout.grid;
    let cells = || {
        table.cells().map(|(row, column, count, share)| {
            (row, column, count, colour(theme, row == column, share))
        })
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
            let stroke = Stroke::new(theme.rule, width);
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
    let frame = Stroke::new(theme.muted.mix(theme.background, 0.4), 1.0);
    scene.stroke(Outline::Rect(grid), frame);
    if n > NUMBERED {
        return;
    }
    for (row, column, number, ground) in cells() {
        let text = count(number);
        // Smaller for long numbers, and left out where even that does not fit.
        let full = Weight::Regular.width(&text, 1.0);
        let size = ((layout.cell - 6.0) / full).min(if layout.cell > 40.0 { 12.5 } else { 11.5 });
        if size < 6.0 {
            continue;
        }
        let ink = if number == 0 {
            theme.muted.mix(theme.background, 0.6)
        } else {
            ground.ink(theme.ink)
        };
        let at = (
            grid.x + layout.middle(column),
            grid.y + layout.middle(row) + size * 0.36,
        );
        scene.text(Text::new(at, &text, size, ink).anchor(Anchor::Middle));
    }
}

/// The key below the matrix: two short bars. Returns where it ends.
pub(crate) fn key(scene: &mut Scene, theme: &Theme, layout: &Layout) -> f64 {
    const STEPS: usize = 96;
    const BAR: f64 = 110.0;
    let y = layout.grid.bottom() + layout.foot() + 20.0;
    // A narrow picture needs its whole width for the key.
    let room = layout.width - layout.grid.x - MARGIN;
    let mut x = if room < KEY { MARGIN } else { layout.grid.x };
    for (right, name) in [(true, "right"), (false, "mistaken")] {
        scene.text(Text::new((x, y), name, 11.0, theme.muted));
        let start = x + Weight::Regular.width(name, 11.0) + 8.0;
        let area = Area::new(start.round(), y - 9.0, BAR, 10.0);
        let rgb = (0..STEPS).flat_map(|step| {
            // Even steps of colour, so the marks below are where their shares are.
            let share = (step as f64 / (STEPS - 1) as f64).powi(2);
            let c = colour(theme, right, share);
            [c.r, c.g, c.b]
        });
        scene.bitmap(Bitmap {
            area,
            width: STEPS,
            height: 1,
            rgb: rgb.collect(),
        });
        scene.stroke(Outline::Rect(area), Stroke::new(theme.rule, 1.0));
        for (share, label) in [(0.0_f64, "0"), (0.1, "10"), (0.5, "50"), (1.0, "100 %")] {
            let at = (area.x + share.sqrt() * BAR, area.bottom() + 12.0);
            scene.text(Text::new(at, label, 9.5, theme.muted).anchor(Anchor::Middle));
        }
        x = area.right() + 34.0;
    }
    scene.text(Text::new(
        (x - 6.0, y),
        "share of the true class",
        11.0,
        theme.muted,
    ));
    y + 14.0
}
